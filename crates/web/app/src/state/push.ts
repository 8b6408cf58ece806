/** Notifications of this device, and the service worker that shows them. */

import { computed, signal } from '@preact/signals';
import { pushSupport, subscribePush } from '@allynet/client/push';
import type { Device } from '@allynet/client';
import { pushObstacle } from '../logic/push.js';
import { ally } from './ally.js';
import { config } from './config.js';
import { loadReadiness } from './helper.js';
import { isOnIos } from './platform.js';
import { onUserLeft, session } from './session.js';
import { watchForUpdates } from './updates.js';

export const device = signal<Device | null>(null);
const support = signal(pushSupport());

export const obstacle = computed(() =>
  pushObstacle({
    isSecure: window.isSecureContext,
    isConfigured: config.value.push,
    isInstalled: matchMedia('(display-mode: standalone)').matches,
    isIos: isOnIos,
    support: support.value,
  }),
);

/** The end of the subscription of the user before. */
let unsubscribing = Promise.resolve();

// The session of a user who left may go on at the service, and its alerts must not reach the next user.
onUserLeft(() => {
  device.value = null;
  unsubscribing = unsubscribe().catch(() => undefined);
});

/** Asks the person, subscribes, and registers this device. Call it from a click. */
export async function switchOnPush(): Promise<void> {
  try {
    device.value = await subscribePush(ally, await navigator.serviceWorker.ready, deviceName());
  } finally {
    support.value = pushSupport();
    await loadReadiness();
  }
}

export async function sendTest(): Promise<void> {
  const target = device.value ?? (await ally.account.devices())[0];
  if (target) device.value = await ally.account.testDevice(target.id);
}

export async function startPush(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  ally.on('device:lost', () => void renew());
  ally.on('signedIn', () => void renew());
  ally.on('signedOut', () => (device.value = null));
  await navigator.serviceWorker.register('/app/worker.js').then(watchForUpdates, () => undefined);
  await renew();
}

/** Ends the subscription of this browser. The service removes the device when the push service says that it is gone. */
async function unsubscribe(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration('/app/');
  const subscription = await registration?.pushManager?.getSubscription();
  await subscription?.unsubscribe();
}

/** Registers this device again, if notifications are allowed: keys, addresses and users change. */
async function renew(): Promise<void> {
  await unsubscribing;
  if (session.peek() !== 'signed_in' || !('Notification' in window) || Notification.permission !== 'granted') return;
  await switchOnPush().catch(() => undefined);
}

function deviceName(): string {
  const system = /Android|iPhone|iPad|Windows|Macintosh|Linux/.exec(navigator.userAgent)?.[0] ?? 'Web';
  const browser = /Firefox|Edg|Chrome|Safari/.exec(navigator.userAgent)?.[0] ?? '';
  return `${browser} ${system}`.trim().slice(0, 50);
}
