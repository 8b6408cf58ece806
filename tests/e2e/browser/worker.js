// The service worker of the app.

importScripts('/client/service-worker.js');

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));
installPush(self, new URL(location).searchParams.get('service'));
