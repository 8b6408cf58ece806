/** The press of the SOS button, until the service has the call: the countdown, the place, the sending. */

import { effect, signal } from '@preact/signals';
import { NetworkError, NotSignedInError, uniqueId, type PendingRaise, type RaiseProgress } from '@allynet/client';
import type { Point } from '../logic/geometry.js';
import { isEnough, type Place } from '../logic/place.js';
import { asPress, isRecent, nextStep, type Press, type SosOptions } from '../logic/press.js';
import { ally } from './ally.js';
import { config } from './config.js';
import { failureText } from './notices.js';
import { place, placeForSos } from './place.js';
import { userId } from './session.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

/** A call that the service has not confirmed. */
export interface Sending {
  pressedAt: number;
  silentMode: boolean;
  /** What it waits for; `null` while an attempt is under way. */
  waitsFor: 'network' | 'service' | 'session' | null;
}

/** The place of a call is not known well enough: the person is asked. */
export interface PlaceRequest {
  silentMode: boolean;
  /** The last known place, and when the call is sent with it, if the person does nothing. */
  fallback: (Place & { sendAt: number }) | null;
}

/** How long a person who does nothing is asked for the place before an old one is taken. */
const PLACE_LIMIT = 20_000;
/** The same after the last touch of one who looks for the place on the map. */
const CHOICE_LIMIT = 60_000;
const KEY = 'press';

export const options = signal<SosOptions>({
  silentMode: false,
  anonymousMode: false,
  ...readJsonSetting<Partial<SosOptions>>('sosOptions'),
});
/** When the countdown is over, in milliseconds; `null` if none runs. */
export const countdownEnd = signal<number | null>(null);
export const sending = signal<Sending | null>(null);
export const placeRequest = signal<PlaceRequest | null>(null);
/** A call of before, too old to be sent by itself. */
export const oldCall = signal<{ pressedAt: number } | null>(null);
/** Why the service refused the call. */
export const failure = signal<string | null>(null);

let timer: ReturnType<typeof setTimeout> | undefined;

/** Whether a press is under way: a second one would change nothing. */
export function isPressed(): boolean {
  return countdownEnd.value !== null || sending.value !== null || placeRequest.value !== null;
}

/** Whether the press that is under way is to be silent. */
export function isPressSilent(): boolean {
  if (countdownEnd.value !== null) return options.value.silentMode;
  return (sending.value ?? placeRequest.value)?.silentMode === true;
}

export function setOptions(change: Partial<SosOptions>): void {
  options.value = { ...options.value, ...change };
  writeJsonSetting('sosOptions', options.value);
}

/** The button fired: keeps the press, counts down, then sends. */
export function pressSos(): void {
  const user = userId.value;
  if (isPressed() || user === null) return;
  failure.value = null;
  oldCall.value = null;
  const pressedAt = Date.now();
  const press = { requestId: uniqueId(), userId: user, pressedAt, sendAt: pressedAt + config.value.alertHold * 1_000, ...options.value };
  keep(press);
  if (!press.silentMode) navigator.vibrate?.(100);
  count(press.sendAt);
}

/** Calls the press off before it was sent. */
export function stopCountdown(): void {
  clearTimeout(timer);
  countdownEnd.value = null;
  keep(null);
}

/** Sends without waiting for the end of the countdown. */
export function sendNow(): void {
  if (countdownEnd.value === null) return;
  clearTimeout(timer);
  countdownEnd.value = null;
  // Another page of the app may have called it off, or sent it.
  const press = kept();
  if (!press) return;
  keep({ ...press, sendAt: Date.now() });
  void send(press);
}

/** Sends the call that waited for a place. */
export function sendFrom(point: Point): void {
  const press = kept();
  placeRequest.value = null;
  clearTimeout(timer);
  if (press) void sendTo(point, press);
}

/** Calls it off; if it has arrived already, the emergency is cancelled. */
export async function cancelSending(): Promise<void> {
  dropPress();
  await ally.cancelRaise();
}

export async function sendOld(): Promise<void> {
  oldCall.value = null;
  const press = kept();
  if ((await ally.pendingRaise()) !== null) return void (await ally.resumePending().catch(() => undefined));
  if (!press) return;
  const confirmed = { ...press, pressedAt: Date.now(), sendAt: Date.now() };
  keep(confirmed);
  await send(confirmed);
}

export async function dropOld(): Promise<void> {
  oldCall.value = null;
  keep(null);
  await ally.cancelRaise();
}

/** Begins to listen. */
export function startPress(): void {
  ally.on('raise', onRaise);
  ally.on('signedIn', () => void resumePress());
  ally.on('signedOut', ({ reason }) => {
    // A session that the service ends must not end a call for help.
    if (reason === 'logged_out') dropPress();
    else if (placeRequest.peek()) void resumePress();
  });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && sendNow());
  // The device has found itself while the person was asked.
  effect(() => {
    const found = place.value;
    if (placeRequest.value && found && isEnough(found, Date.now())) sendFrom(found);
  });
}

/** Goes on with a press that was kept. Call it when the session is known. */
export async function resumePress(): Promise<void> {
  const pending = await ally.pendingRaise();
  const user = userId.peek();
  const press = kept();
  if (press && user !== null && press.userId !== user) clear();
  if (countdownEnd.peek() !== null) return;
  if (pending) return askAbout(pending);
  clearTimeout(timer);
  placeRequest.value = null;
  switch (nextStep(press, user, Date.now())) {
    case 'count':
      return count((press as Press).sendAt);
    case 'send':
      return send(press as Press);
    case 'sign_in':
      return waitForSession(press as Press);
    case 'ask':
      sending.value = null;
      oldCall.value = { pressedAt: (press as Press).pressedAt };
  }
}

/** A recent call that the client has goes on by itself. */
function askAbout({ pressedAt, confirmedAt, isCancelled }: PendingRaise): void {
  if (isCancelled || isRecent({ pressedAt: confirmedAt ?? pressedAt }, Date.now())) return;
  sending.value = null;
  oldCall.value = { pressedAt };
}

function count(until: number): void {
  countdownEnd.value = until;
  timer = setTimeout(sendNow, until - Date.now());
}

async function send(press: Press): Promise<void> {
  show(press, null);
  const known = await placeForSos();
  if (kept()?.requestId !== press.requestId || !sending.peek()) return;
  if (known && isEnough(known, Date.now())) return sendTo(known, press);
  askForPlace(press, known);
}

function askForPlace({ silentMode }: Press, known: Place | null): void {
  sending.value = null;
  placeRequest.value = { silentMode, fallback: known && { ...known, sendAt: 0 } };
  waitForChoice(PLACE_LIMIT);
}

/** The person looks for the place on the map. */
export function choosePlace(): void {
  waitForChoice(CHOICE_LIMIT);
}

/** Then sends with the last known place: help there is better than none. */
function waitForChoice(limit: number): void {
  const request = placeRequest.peek();
  if (!request?.fallback) return;
  const fallback = { ...request.fallback, sendAt: Date.now() + limit };
  clearTimeout(timer);
  placeRequest.value = { ...request, fallback };
  timer = setTimeout(() => sendFrom(fallback), limit);
}

/** Hands the call to the client, whose `raise` events tell of it. */
async function sendTo({ latitude, longitude }: Point, press: Press): Promise<void> {
  const { requestId, pressedAt, silentMode, anonymousMode } = press;
  if (!isRecent(press, Date.now())) {
    sending.value = null;
    oldCall.value = { pressedAt };
    return;
  }
  show(press, null);
  const call = { location: { latitude, longitude }, silentMode, anonymousMode, requestId };
  await ally.raise(call, { pressedAt }).catch((error: unknown) => {
    if (error instanceof NotSignedInError) waitForSession(press);
  });
}

function waitForSession(press: Press): void {
  show(press, 'session');
}

function show({ pressedAt, silentMode }: Press, waitsFor: Sending['waitsFor']): void {
  sending.value = { pressedAt, silentMode, waitsFor };
}

function onRaise(progress: RaiseProgress): void {
  const { pressedAt, body } = progress.pending;
  const silentMode = body.silentMode === true;
  switch (progress.status) {
    case 'sending':
      oldCall.value = null;
      // Between two attempts it stays "not yet sent".
      sending.value = { pressedAt, silentMode, waitsFor: progress.attempt > 1 ? (sending.peek()?.waitsFor ?? 'network') : null };
      break;
    case 'waiting':
      sending.value = { pressedAt, silentMode, waitsFor: progress.error instanceof NetworkError ? 'network' : 'service' };
      break;
    case 'expired':
      sending.value = null;
      oldCall.value = { pressedAt };
      break;
    case 'failed':
      if (progress.error instanceof NotSignedInError) {
        sending.value = { pressedAt, silentMode, waitsFor: 'session' };
        break;
      }
      dropPress();
      failure.value = failureText(progress.error);
      break;
    case 'raised':
    case 'cancelled':
      dropPress();
  }
}

/** Forgets the press: the service has it, or nobody wants it any more. */
function dropPress(): void {
  clear();
  keep(null);
}

function clear(): void {
  clearTimeout(timer);
  countdownEnd.value = null;
  sending.value = null;
  placeRequest.value = null;
  oldCall.value = null;
}

function kept(): Press | null {
  return asPress(readJsonSetting(KEY));
}

function keep(press: Press | null): void {
  writeJsonSetting(KEY, press);
}
