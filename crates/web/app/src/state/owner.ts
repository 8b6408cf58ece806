/** The person's own SOS: the countdown, the sending, and what becomes of it. */

import { computed, signal } from '@preact/signals';
import { CancelledError, type EmergencyType, type Raise, type RaiseProgress } from '@allynet/client';
import { isLive } from '../logic/emergency.js';
import type { Point } from '../logic/geometry.js';
import { ally } from './ally.js';
import { config } from './config.js';
import { failureText } from './notices.js';
import { placeForSos } from './place.js';
import { Room } from './room.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

export interface SosOptions {
  silentMode: boolean;
  anonymousMode: boolean;
}

/** A call that the service has not confirmed. */
export interface Sending {
  pressedAt: number;
  isWaiting: boolean;
  silentMode: boolean;
}

export const ownRoom = new Room('own');
export const options = signal<SosOptions>(readJsonSetting<SosOptions>('sosOptions') ?? { silentMode: false, anonymousMode: false });
/** When the countdown is over, in milliseconds; `null` if none runs. */
export const countdownEnd = signal<number | null>(null);
export const sending = signal<Sending | null>(null);
/** A call of before, too old to be sent by itself. */
export const oldCall = signal<{ pressedAt: number } | null>(null);
/** Why the service refused the call. */
export const failure = signal<string | null>(null);
/** The call waits for a place, which the person sets on the map. */
export const needsPlace = signal(false);
export const hasLive = computed(() => {
  const emergency = ownRoom.emergency.value;
  return emergency !== null && isLive(emergency.status);
});
/** Whether nothing on this device may be heard or catch the eye. */
export const isSilent = computed(() => {
  if (hasLive.value) return ownRoom.emergency.value?.silentMode === true;
  return (sending.value ?? (countdownEnd.value !== null ? options.value : null))?.silentMode === true;
});

let timer: ReturnType<typeof setTimeout> | undefined;

export function setOptions(change: Partial<SosOptions>): void {
  options.value = { ...options.value, ...change };
  writeJsonSetting('sosOptions', options.value);
}

/** The button fired: counts down, then sends. */
export function pressSos(): void {
  if (countdownEnd.value !== null || sending.value || hasLive.value) return;
  failure.value = null;
  const hold = config.value.alertHold * 1_000;
  if (!options.value.silentMode) navigator.vibrate?.(100);
  countdownEnd.value = Date.now() + hold;
  timer = setTimeout(sendNow, hold);
}

export function stopCountdown(): void {
  clearTimeout(timer);
  countdownEnd.value = null;
}

/** Sends without waiting for the end of the countdown. */
export function sendNow(): void {
  if (countdownEnd.value === null) return;
  stopCountdown();
  void raise();
}

async function raise(): Promise<void> {
  const { silentMode, anonymousMode } = options.value;
  sending.value = { pressedAt: Date.now(), isWaiting: false, silentMode };
  const place = await placeForSos();
  if (!sending.value) return;
  if (!place) {
    sending.value = null;
    needsPlace.value = true;
    return;
  }
  await sendTo(place, { silentMode, anonymousMode });
}

/** Sends the call that waited for a place. */
export async function raiseAt(place: Point): Promise<void> {
  needsPlace.value = false;
  const { silentMode, anonymousMode } = options.value;
  sending.value = { pressedAt: Date.now(), isWaiting: false, silentMode };
  await sendTo(place, { silentMode, anonymousMode });
}

async function sendTo({ latitude, longitude }: Point, modes: SosOptions): Promise<void> {
  const call: Raise = { location: { latitude, longitude }, ...modes };
  await ally.raise(call).catch(() => undefined); // `raise` events tell of it.
}

export async function cancelSending(): Promise<void> {
  sending.value = null;
  await ally.cancelRaise();
}

export async function sendOld(): Promise<void> {
  oldCall.value = null;
  await ally.resumePending().catch(() => undefined);
}

export async function dropOld(): Promise<void> {
  oldCall.value = null;
  await ally.cancelRaise();
}

export async function resolveOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.resolve(id));
}

export async function cancelOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.cancel(id, 'false_alarm'));
}

export async function renewOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.renew(id));
}

export async function reopenOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.reopen(id));
}

/** Says afterwards what happened. */
export async function describeOwn(change: { type?: EmergencyType; description?: string | null }): Promise<void> {
  await onOwn((id) => ally.emergencies.update(id, change));
}

/** The ended emergency was looked at. */
export function closeOwn(): void {
  ownRoom.set(null);
}

async function onOwn(act: (id: string) => Promise<Parameters<Room['update']>[0]>): Promise<void> {
  const id = ownRoom.emergency.peek()?.id;
  if (id) ownRoom.update(await act(id));
}

export function startOwner(): void {
  ally.on('raise', onRaise);
  ally.on('snapshot', ({ active }) => {
    const shown = ownRoom.emergency.peek();
    // An end that was missed is read, so that the person learns how it ended.
    if (!active && shown && isLive(shown.status)) return void readEnd(shown.id);
    if (active) ownRoom.set(active);
  });
  // Of an emergency that the person raised on another device.
  ally.on('emergency:alerts', ({ emergencyId }) => {
    if (emergencyId !== ownRoom.emergency.peek()?.id && !hasLive.peek() && !sending.peek()) void findActive();
  });
  ally.on('signedIn', () => void findOld());
  ally.on('signedOut', () => {
    stopCountdown();
    sending.value = null;
    oldCall.value = null;
    needsPlace.value = false;
    ownRoom.set(null);
  });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && sendNow());
  void findOld();
}

async function readEnd(id: string): Promise<void> {
  try {
    ownRoom.set(await ally.emergencies.get(id));
  } catch {
    ownRoom.set(null);
  }
}

async function findActive(): Promise<void> {
  const active = await ally.emergencies.active().catch(() => null);
  if (active && !hasLive.peek()) ownRoom.set(active);
}

async function findOld(): Promise<void> {
  const pending = await ally.pendingRaise();
  if (pending && !pending.isCancelled && !sending.value) oldCall.value = { pressedAt: pending.pressedAt };
}

function onRaise(progress: RaiseProgress): void {
  const { pressedAt, body } = progress.pending;
  const silentMode = body.silentMode === true;
  switch (progress.status) {
    case 'sending':
    case 'waiting':
      oldCall.value = null;
      // Between two attempts it stays "not yet sent".
      sending.value = { pressedAt, silentMode, isWaiting: progress.status === 'waiting' || progress.attempt > 1 };
      break;
    case 'raised':
      sending.value = null;
      ownRoom.set(progress.raised.emergency);
      break;
    case 'failed':
      sending.value = null;
      if (!(progress.error instanceof CancelledError)) failure.value = failureText(progress.error);
      break;
    case 'cancelled':
      sending.value = null;
  }
}
