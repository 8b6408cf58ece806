/**
 * New versions of the app. A page goes on with the files that it began with, which the worker keeps for it, and offers to load the
 * new version: nothing is loaded again by itself, since somebody may be waiting for help on it.
 */

import { signal } from '@preact/signals';
import { t } from '../i18n/index.js';
import { CACHE_PREFIX, PAGE_LOCK } from '../logic/versions.js';
import { ally } from './ally.js';
import { notify } from './notices.js';

/** Whether a newer version of the app is there, or files of this one are gone. */
export const hasUpdate = signal(false);

let script = '';

/** Tells the worker which files this page uses, as long as it is open. `url` is that of its first script. */
export function useVersion(url: string): void {
  script = url;
  // From the first moment on, since a worker may take over while the page is loaded.
  navigator.serviceWorker?.addEventListener('controllerchange', () => void compare());
  // A promise that never ends: the browser frees the lock when the page is closed.
  void navigator.locks?.request(PAGE_LOCK + url, { mode: 'shared' }, () => new Promise(() => undefined)).catch(() => undefined);
}

/** Looks for a new version whenever the service is there again: it may have been upgraded. */
export function watchForUpdates(registration: ServiceWorkerRegistration): void {
  ally.on('connection', ({ status }) => void (status === 'connected' && registration.update().catch(() => undefined)));
}

/** A part of the app could not be loaded: while the service answers, because it has another version by now. */
export function partIsMissing(): void {
  if (ally.connection.status === 'connected') hasUpdate.value = true;
  else notify('error', t('update.partMissing'));
}

/** The page may have come from the network, and be as new as the worker. */
async function compare(): Promise<void> {
  const newest = (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX)).at(-1);
  if (newest && !(await (await caches.open(newest)).match(script))) hasUpdate.value = true;
}
