/** Who is signed in, and the connection to the service. */

import { batch, computed, signal } from '@preact/signals';
import type { ConnectionState, SignedOutReason, User } from '@allynet/client';
import { ally } from './ally.js';
import { readJsonSetting, readSetting, writeJsonSetting, writeSetting } from './settings.js';

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

/** Whose state this device has, also while nobody is signed in: a session that the service ended may go on. */
let lastUserId = readSetting('lastUserId');
const leaveHandlers: (() => void)[] = [];

/** Calls `forget` when the user logs out, deletes the account, or another one is signed in: nothing of one is for the next. */
export function onUserLeft(forget: () => void): void {
  leaveHandlers.push(forget);
}

/** Forgets all that this device keeps of the user. */
export function forgetUser(): void {
  batch(() => {
    setUser(null);
    freshAt.value = null;
    writeJsonSetting('freshAt', null);
    for (const forget of leaveHandlers) forget();
  });
  setLastUser(null);
}

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
  ally.on('signedIn', (signedIn) => useUser(signedIn.userId));
  ally.on('signedOut', ({ reason }) => {
    signedOutReason.value = reason;
    userId.value = null;
    session.value = 'signed_out';
    if (reason === 'logged_out') forgetUser();
    else setUser(null);
  });
  userId.value = await ally.userId();
  if (userId.value !== null) setLastUser(userId.value);
  const kept = readJsonSetting<User>('user');
  if (userId.value !== null && kept?.id === userId.value) user.value = kept;
  session.value = userId.value === null ? 'signed_out' : 'signed_in';
  ally.connect().catch(() => undefined);
}

/** Another tab may have signed in another user. */
function useUser(id: string): void {
  setLastUser(id);
  signedOutReason.value = null;
  userId.value = id;
  session.value = 'signed_in';
}

/** Forgets the one before, if it was another one. */
function setLastUser(id: string | null): void {
  if (id !== null && lastUserId !== null && id !== lastUserId) forgetUser();
  lastUserId = id;
  writeSetting('lastUserId', id);
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

/** An answer that comes after another user was signed in is dropped. */
export function setUser(value: User | null): void {
  if (value && value.id !== userId.peek()) return;
  user.value = value;
  writeJsonSetting('user', value);
}
