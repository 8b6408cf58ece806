/** Who is signed in, and the connection to the service. */

import { computed, signal } from '@preact/signals';
import type { ConnectionState, SignedOutReason, User } from '@allynet/client';
import { ally } from './ally.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

/** How often the time of the shown state is kept. */
const MARK_INTERVAL = 30_000;

/** `unknown` until the store was read. */
export const session = signal<'unknown' | 'signed_in' | 'signed_out'>('unknown');
export const signedOutReason = signal<SignedOutReason | null>(null);
/** The user of the session, `null` without one. Known before the account was read. */
export const userId = signal<string | null>(null);
export const user = signal<User | null>(null);
export const connection = signal<ConnectionState>(ally.connection);
/** When the shown state was last known to be the present one, in milliseconds: also of before a reload. */
export const freshAt = signal<number | null>(readJsonSetting<number>('freshAt'));
export const isOnline = computed(() => connection.value.status === 'connected');
export const isAdmin = computed(() => user.value?.role === 'admin');

export async function startSession(): Promise<void> {
  ally.on('connection', (state) => {
    markFresh();
    connection.value = state;
    markFresh();
    if (state.status === 'connected') void loadUser();
  });
  // A phone ends apps without a word.
  setInterval(markFresh, MARK_INTERVAL);
  addEventListener('pagehide', markFresh);
  ally.on('signedIn', (signedIn) => {
    signedOutReason.value = null;
    userId.value = signedIn.userId;
    session.value = 'signed_in';
  });
  ally.on('signedOut', ({ reason }) => {
    signedOutReason.value = reason;
    userId.value = null;
    session.value = 'signed_out';
    setUser(null);
  });
  userId.value = await ally.userId();
  const kept = readJsonSetting<User>('user');
  if (userId.value !== null && kept?.id === userId.value) user.value = kept;
  session.value = userId.value === null ? 'signed_out' : 'signed_in';
  ally.connect().catch(() => undefined);
}

/** While there is a connection, what is shown is the present state. */
function markFresh(): void {
  if (connection.peek().status !== 'connected') return;
  freshAt.value = Date.now();
  writeJsonSetting('freshAt', freshAt.value);
}

/** Reads the account; the kept one stays where that fails. */
export async function loadUser(): Promise<void> {
  try {
    setUser(await ally.account.me());
  } catch {
    // The kept one.
  }
}

export function setUser(value: User | null): void {
  user.value = value;
  writeJsonSetting('user', value);
}
