// What an app does in its page. The test calls these functions.

/** Subscribes at the push service of the browser, and registers the device: the status and body of the answer. */
async function registerDevice(service, token) {
  const registration = await navigator.serviceWorker.register(`/worker.js?service=${encodeURIComponent(service)}`);
  await navigator.serviceWorker.ready;
  const { data } = await (await fetch(`${service}/api/v1/push/key`)).json();
  const applicationServerKey = data.publicKey;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  const { endpoint, keys } = subscription.toJSON();
  const answer = await fetch(`${service}/api/v1/devices`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ kind: 'webpush', endpoint, keys, applicationServerKey }),
  });
  return { status: answer.status, body: await answer.json() };
}

/** The notifications that are visible now. */
async function visibleNotifications() {
  const registration = await navigator.serviceWorker.getRegistration();
  const notifications = await registration.getNotifications();
  return notifications.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}
