/** Web Push: subscribes this browser, and registers it with the service. */

import type { Requester } from './api.js';
import { AllyError, ConflictError } from './errors.js';
import type { Device } from './types.js';

/** What stands in the way of pushes: `unsupported`, `denied` by the user, or `possible`. */
export function pushSupport(): 'possible' | 'denied' | 'unsupported' {
  if (!('serviceWorker' in navigator) || !('PushManager' in globalThis) || !('Notification' in globalThis)) return 'unsupported';
  return Notification.permission === 'denied' ? 'denied' : 'possible';
}

/**
 * Subscribes and registers this browser; call it from a click, since browsers ask the user only then, and again at each start of
 * the app and after `device:lost`: it changes nothing where all is well. Throws `AllyError` `push_unsupported` or
 * `push_denied`, or an `ApiError`, such as `push_not_configured`.
 */
export async function subscribePush(ally: Requester, registration: ServiceWorkerRegistration, name?: string): Promise<Device> {
  if (pushSupport() === 'unsupported') throw new AllyError('push_unsupported', 'This browser has no Web Push');
  if ((await Notification.requestPermission()) !== 'granted') {
    throw new AllyError('push_denied', 'Notifications are not allowed for this app');
  }
  try {
    return await register(ally, registration, name);
  } catch (error) {
    // The service got another key between the two requests.
    if (!(error instanceof ConflictError) || error.reason !== 'push_key_changed') throw error;
    return await register(ally, registration, name);
  }
}

async function register(ally: Requester, registration: ServiceWorkerRegistration, name: string | undefined): Promise<Device> {
  const { publicKey } = await ally.request('GET', '/push/key');
  const subscription = await subscribe(registration, publicKey);
  const { endpoint, keys } = subscription.toJSON();
  if (!endpoint || !keys?.p256dh || !keys.auth) throw new AllyError('push_unsupported', 'The subscription has no keys');
  const body = {
    kind: 'webpush' as const,
    endpoint,
    keys: { p256dh: keys.p256dh, auth: keys.auth },
    name: name ?? null,
    applicationServerKey: publicKey,
  };
  return (await ally.request('POST', '/devices', { body })).device;
}

/** The subscription under this key. A browser has one at a time: one under another key is given up. */
async function subscribe(registration: ServiceWorkerRegistration, publicKey: string): Promise<PushSubscription> {
  const present = await registration.pushManager.getSubscription();
  if (present && base64url(present.options.applicationServerKey) === publicKey) return present;
  await present?.unsubscribe();
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
}

/** Ends the subscription of this browser, and removes the device. */
export async function unsubscribePush(ally: Requester, registration: ServiceWorkerRegistration, deviceId: string): Promise<void> {
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  await ally.request('DELETE', '/devices/{deviceId}', { params: { deviceId } });
}

function base64url(bytes: ArrayBuffer | null): string | null {
  if (!bytes) return null;
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
