/** Who is signed in, and the connection to the service. */

import { computed, signal } from '@preact/signals';
import type { ConnectionState, SignedOutReason, User } from '@allynet/client';
import { ally } from './ally.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

/** `unknown` until the store was read. */
export const session = signal<'unknown' | 'signed_in' | 'signed_out'>('unknown');
export const signedOutReason = signal<SignedOutReason | null>(null);
export const user = signal<User | null>(null);
export const connection = signal<ConnectionState>(ally.connection);
/** When the shown state was last known to be the present one, in milliseconds. */
export const freshAt = signal<number | null>(null);
export const isOnline = computed(() => connection.value.status === 'connected');
export const isAdmin = computed(() => user.value?.role === 'admin');

export async function startSession(): Promise<void> {
  ally.on('connection', (state) => {
    if (connection.value.status === 'connected') freshAt.value = Date.now();
    connection.value = state;
    if (state.status === 'connected') void loadUser();
  });
  ally.on('signedIn', () => {
    signedOutReason.value = null;
    session.value = 'signed_in';
  });
  ally.on('signedOut', ({ reason }) => {
    signedOutReason.value = reason;
    session.value = 'signed_out';
    setUser(null);
  });
  const userId = await ally.userId();
  const kept = readJsonSetting<User>('user');
  if (userId !== null && kept?.id === userId) user.value = kept;
  session.value = userId === null ? 'signed_out' : 'signed_in';
  ally.connect().catch(() => undefined);
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
