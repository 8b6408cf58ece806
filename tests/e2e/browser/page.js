// What an app does in its page. The test calls these functions.

import { createClient } from '@allynet/client';
import { subscribePush } from '@allynet/client/push';

/** Logs in unless that was done before, connects, and registers this browser: the device. */
window.registerDevice = async (service, email, password) => {
  const ally = createClient({ url: service });
  if ((await ally.userId()) === null) await ally.login(email, password);
  await ally.connect();
  const registration = await navigator.serviceWorker.register(`/worker.js?service=${encodeURIComponent(service)}`);
  await navigator.serviceWorker.ready;
  const device = await subscribePush(ally, registration, 'the tests');
  ally.close();
  return device;
};

/** The notifications that are visible now. */
window.visibleNotifications = async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  const notifications = await registration.getNotifications();
  return notifications.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
};
