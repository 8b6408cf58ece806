// What an app does in its service worker: show each push, and confirm that it has arrived.

const service = new URL(location).searchParams.get('service');

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));
self.addEventListener('push', (event) => event.waitUntil(show(event.data.json())));

async function show({ kind, emergencyId, receipt, notification }) {
  const { title, body, tag } = notification;
  await registration.showNotification(title, { body, tag, data: { kind, emergencyId } });
  await fetch(`${service}/api/v1/alerts/receipts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ receipt, state: 'delivered' }),
  });
}
