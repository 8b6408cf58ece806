/** The person as a helper: duty, alerts that wait for an answer, and the emergency that is being helped. */

import { computed, effect, signal } from '@preact/signals';
import type { Alert, Call, Emergency, HelperChange, HelperReadiness, HelperRecord, ResponseStatus } from '@allynet/client';
import { isLive } from '../logic/emergency.js';
import { ally } from './ally.js';
import { go, route } from './navigation.js';
import { isSilent } from './owner.js';
import { isPressed } from './press.js';
import { Room } from './room.js';
import { onUserLeft, session, setUser, user } from './session.js';
import { startRinging, stopRinging } from './sound.js';

/** An emergency that waits for this helper's answer. */
export interface Ringing {
  emergency: Call;
  distance: number | null;
  isRepeat: boolean;
}

export const helpingRoom = new Room('helping');
/** The alerts on the screen, the oldest first: one at a time is shown. */
export const ringing = signal<readonly Ringing[]>([]);
export const pending = signal<readonly Emergency[]>([]);
export const readiness = signal<HelperReadiness | null>(null);
export const helper = computed<HelperRecord | null>(() => user.value?.helper ?? null);
/** Whether alerts wait, unseen and unheard: they must not betray a person who asks for help silently, nor cover what they have to do. */
export const isHeldBack = computed(() => isSilent.value || isPressed());
export const isHelping = computed(() => {
  const emergency = helpingRoom.emergency.value;
  return emergency !== null && isLive(emergency.status) && ownStatus(emergency) !== null;
});

/** The status of the person's own response, unless it was cancelled. */
export function ownStatus(emergency: Emergency): ResponseStatus | null {
  const own = emergency.respondingHelpers.find((each) => each.helper.id === user.value?.id);
  return own && own.status !== 'cancelled' ? own.status : null;
}

export async function changeHelper(change: HelperChange): Promise<void> {
  const record = await ally.helper.update(change);
  if (user.value) setUser({ ...user.value, helper: record });
  await loadReadiness();
}

export async function loadReadiness(): Promise<void> {
  try {
    readiness.value = helper.value ? await ally.helper.readiness() : null;
  } catch {
    readiness.value = null;
  }
}

export async function loadPending(): Promise<void> {
  try {
    pending.value = await ally.helper.pending();
  } catch {
    // What was shown stays.
  }
}

export async function accept(id: string): Promise<void> {
  const emergency = await ally.helper.accept(id);
  stopShowing(id);
  helpingRoom.set(emergency);
  go({ screen: 'help' });
}

export async function decline(id: string): Promise<void> {
  stopShowing(id);
  await ally.helper.decline(id);
}

export async function setStatus(status: ResponseStatus): Promise<void> {
  const id = helpingRoom.emergency.peek()?.id;
  if (!id) return;
  const emergency = await ally.helper.status(id, status);
  if (status === 'cancelled') helpingRoom.set(null);
  else helpingRoom.update(emergency);
}

export async function resolveHelped(): Promise<void> {
  const id = helpingRoom.emergency.peek()?.id;
  if (id) helpingRoom.update(await ally.emergencies.resolve(id));
}

export async function reopenHelped(): Promise<void> {
  const id = helpingRoom.emergency.peek()?.id;
  if (id) helpingRoom.update(await ally.emergencies.reopen(id));
}

export function closeHelped(): void {
  helpingRoom.set(null);
}

/** Shows an emergency that a notification leads to, where it waits for an answer. Whether it does. Fails like a request. */
export async function showPending(id: string): Promise<boolean> {
  pending.value = await ally.helper.pending();
  const found = pending.value.find((each) => each.id === id);
  if (found) show({ emergency: found, distance: found.distance, isRepeat: false }, false);
  return found !== undefined;
}

export function startHelper(): void {
  ally.onAlert((alert) => {
    show(alert, true);
    // Seen by a person only if the page is in front of one, and shows it.
    if (document.visibilityState === 'visible' && !isHeldBack.peek()) alert.seen().catch(() => undefined);
    else seeLater(alert);
  });
  effect(() => {
    if (isHeldBack.value) stopRinging();
    else if (ringing.peek().length > 0) startRinging();
  });
  ally.on('emergency:ended', ({ emergencyId }) => stopShowing(emergencyId));
  ally.on('emergency:cancelled', ({ emergencyId }) => stopShowing(emergencyId));
  ally.on('emergency:updated', ({ emergency }) => {
    ringing.value = ringing.peek().map((each) => (each.emergency.id === emergency.id ? { ...each, emergency } : each));
  });
  // Also when the person accepted on another device.
  ally.on('emergency:details', ({ emergency }) => {
    if (ownStatus(emergency) === null) return;
    stopShowing(emergency.id);
    helpingRoom.set(emergency);
  });
  ally.on('helper:status_update', ({ emergencyId, helperId, status }) => {
    const isOwn = helperId === user.peek()?.id && emergencyId === helpingRoom.emergency.peek()?.id;
    if (isOwn && status === 'cancelled') helpingRoom.set(null);
  });
  ally.on('snapshot', ({ helping, pending: waiting }) => {
    pending.value = waiting;
    const shown = helpingRoom.emergency.peek();
    if (helping) helpingRoom.set(helping);
    else if (shown && isLive(shown.status)) helpingRoom.set(null);
    for (const each of ringing.peek()) if (!waiting.some(({ id }) => id === each.emergency.id)) stopShowing(each.emergency.id);
  });
  ally.on('signedOut', clear);
  onUserLeft(clear);
  if (session.peek() === 'signed_in') void loadReadiness();
}

function clear(): void {
  stopRinging();
  ringing.value = [];
  pending.value = [];
  readiness.value = null;
  helpingRoom.set(null);
}

function show({ emergency, distance, isRepeat }: Ringing | Alert, isLoud: boolean): void {
  const others = ringing.peek().filter((each) => each.emergency.id !== emergency.id);
  ringing.value = [...others, { emergency, distance, isRepeat }];
  if (isLoud && !isHeldBack.peek()) startRinging();
  void loadPending();
}

function stopShowing(id: string): void {
  ringing.value = ringing.peek().filter((each) => each.emergency.id !== id);
  pending.value = pending.peek().filter((each) => each.id !== id);
  if (ringing.peek().length === 0) stopRinging();
  const shown = route.peek();
  if (shown.screen === 'emergency' && shown.emergencyId === id) go({ screen: 'help' }, { replace: true });
}

function seeLater(alert: Alert): void {
  const look = () => {
    if (isHeldBack.value || document.visibilityState !== 'visible') return;
    document.removeEventListener('visibilitychange', look);
    stop();
    alert.seen().catch(() => undefined);
  };
  document.addEventListener('visibilitychange', look);
  const stop = effect(look);
}
