/** The press of the SOS button, until the service has the call: the countdown, the place, the sending. */

import { batch, effect, signal } from '@preact/signals';
import { NetworkError, NotSignedInError, uniqueId, type PendingRaise, type RaiseProgress } from '@allynet/client';
import type { Point } from '../logic/geometry.js';
import { isEnough, type Place } from '../logic/place.js';
import { asPress, goesFirst, isOther, isRecent, nextStep, type Press, type SosOptions } from '../logic/press.js';
import { ally } from './ally.js';
import { config } from './config.js';
import { go } from './navigation.js';
import { failureText } from './notices.js';
import { chosenFixed, place, placeForSos, tellPlace } from './place.js';
import { isOnline, userId } from './session.js';
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
/** How long a call waits until the service knows that the person is at its place: only then the place follows them. */
const TELL_LIMIT = 300;
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
export const oldCall = signal<{ pressedAt: number; silentMode: boolean } | null>(null);
/** Why the service refused the call. */
export const failure = signal<string | null>(null);

let timer: ReturnType<typeof setTimeout> | undefined;
/** Of the press that is counted down: settled when the service knows where the person is. */
let told: Promise<unknown> | null = null;

/** Whether a press is under way: a second one would change nothing. */
export function isPressed(): boolean {
  return countdownEnd.value !== null || sending.value !== null || placeRequest.value !== null;
}

/** Whether the press that is under way, or was not sent, is to be silent. */
export function isPressSilent(): boolean {
  if (countdownEnd.value !== null) return options.value.silentMode;
  return (sending.value ?? placeRequest.value ?? oldCall.value)?.silentMode === true;
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
  const pressedAt = Date.now();
  const sendAt = pressedAt + config.value.alertHold * 1_000;
  const press = { requestId: uniqueId(), userId: user, pressedAt, sendAt, fixedPlace: chosenFixed.value, ...options.value };
  keep(press);
  if (!press.silentMode) navigator.vibrate?.(100);
  // Signals of one change are set in one batch: between two of them a silent press would not count as silent.
  batch(() => {
    oldCall.value = null;
    count(press.sendAt);
  });
}

/** Calls the press off before it was sent. */
export function stopCountdown(): void {
  clearTimeout(timer);
  countdownEnd.value = null;
  told = null;
  keep(null);
}

/** Sends without waiting for the end of the countdown. */
export function sendNow(): void {
  if (countdownEnd.value === null) return;
  clearTimeout(timer);
  // Another page of the app may have called it off, or sent it.
  const press = kept();
  if (press) keep({ ...press, sendAt: Date.now() });
  batch(() => {
    countdownEnd.value = null;
    if (press) void send(press);
  });
}

/** Sends the call that waited for a place. */
export function sendFrom(point: Point | Place): void {
  const press = kept();
  clearTimeout(timer);
  batch(() => {
    placeRequest.value = null;
    if (press) void sendTo(point, press);
  });
}

/** Calls it off; if it has arrived already, the emergency is cancelled. */
export async function cancelSending(): Promise<void> {
  dropPress();
  await ally.cancelRaise();
}

/**
 * Sends an old call as a new one, from where the person is now. The client replaces the stored one by it; if that one had arrived and
 * is live, the service answers with it.
 */
export async function sendOld(): Promise<void> {
  const user = userId.peek();
  if (user === null) return;
  const press = kept();
  const old = press?.userId === user ? press : (await ally.pendingRaise())?.body;
  if (isPressed()) return;
  const now = Date.now();
  const chosen = { silentMode: old?.silentMode === true, anonymousMode: old?.anonymousMode === true, fixedPlace: old?.fixedPlace ?? null };
  const confirmed = { requestId: uniqueId(), userId: user, pressedAt: now, sendAt: now, ...chosen };
  if (old) keep(confirmed);
  batch(() => {
    oldCall.value = null;
    if (old) void send(confirmed);
  });
}

export async function dropOld(): Promise<void> {
  oldCall.value = null;
  keep(null);
  await ally.cancelRaise();
}

/** Begins to listen. */
export function startPress(): void {
  ally.on('raise', (progress) => batch(() => onRaise(progress)));
  ally.on('signedIn', () => void resumePress());
  ally.on('signedOut', ({ reason }) => {
    // A session that the service ends must not end a call for help.
    if (reason === 'logged_out') dropPress();
    else if (placeRequest.peek()) void resumePress();
  });
  document.addEventListener('visibilitychange', () => document.hidden && sendHidden());
  addEventListener('storage', () => void seeOtherPage());
  // The device has found itself while the person was asked.
  effect(() => {
    const found = place.value;
    if (placeRequest.value && found && isEnough(found, Date.now())) sendFrom(found);
  });
}

/** Another page of the app may have sent the press that this one shows, or called it off. */
async function seeOtherPage(): Promise<void> {
  if (isPressed() && !kept() && !(await ally.pendingRaise())) clear();
}

/** Sends what can be sent before the device freezes the hidden page. */
function sendHidden(): void {
  sendNow();
  const fallback = placeRequest.peek()?.fallback;
  if (fallback) sendFrom(fallback);
}

/** Goes on with a press that was kept. Call it when the session is known. */
export async function resumePress(): Promise<void> {
  const pending = await ally.pendingRaise();
  const user = userId.peek();
  const press = kept();
  if (press && user !== null && press.userId !== user) clear();
  if (countdownEnd.peek() !== null) return;
  if (pending && goesFirst(pending, press)) return askAbout(pending);
  const step = nextStep(press, user, Date.now());
  // The rest of the app does not show it.
  if (step !== 'none') go({ screen: 'sos' });
  clearTimeout(timer);
  batch(() => {
    placeRequest.value = null;
    if (step === 'count') count((press as Press).sendAt);
    else if (step === 'send') void send(press as Press);
    else if (step === 'sign_in') waitForSession(press as Press);
    else if (step === 'ask') ask(press as Press);
  });
}

/** A recent call that the client has goes on by itself. */
function askAbout({ pressedAt, confirmedAt, isCancelled, body }: PendingRaise): void {
  if (isCancelled) return;
  go({ screen: 'sos' });
  if (isRecent({ pressedAt: confirmedAt ?? pressedAt }, Date.now())) return;
  ask({ pressedAt, silentMode: body.silentMode === true });
}

function ask({ pressedAt, silentMode }: Pick<Press, 'pressedAt' | 'silentMode'>): void {
  batch(() => {
    sending.value = null;
    oldCall.value = { pressedAt, silentMode };
  });
}

function count(until: number): void {
  countdownEnd.value = until;
  told = tellPlace();
  timer = setTimeout(sendNow, until - Date.now());
}

async function send(press: Press): Promise<void> {
  show(press, null);
  const known = await Promise.race([placeForSos(), placeOnceHidden()]);
  if (kept()?.requestId !== press.requestId || !sending.peek()) return;
  if (known && (document.hidden || isEnough(known, Date.now()))) return sendTo(known, press);
  askForPlace(press, known);
}

/** The last known place, if there is one, as soon as the page is hidden: neither a better one nor an answer comes while it is frozen. */
function placeOnceHidden(): Promise<Place> {
  return new Promise((resolve) => {
    const look = () => {
      const known = place.peek();
      if (!document.hidden || !known) return;
      document.removeEventListener('visibilitychange', look);
      resolve(known);
    };
    document.addEventListener('visibilitychange', look);
    look();
  });
}

function askForPlace({ silentMode }: Press, known: Place | null): void {
  batch(() => {
    sending.value = null;
    placeRequest.value = { silentMode, fallback: known && { ...known, sendAt: 0 } };
    waitForChoice(PLACE_LIMIT);
  });
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
async function sendTo(at: Point | Place, press: Press): Promise<void> {
  const { latitude, longitude } = at;
  const { requestId, pressedAt, silentMode, anonymousMode } = press;
  if (!isRecent(press, Date.now())) return ask(press);
  show(press, null);
  const isFromDevice = 'accuracy' in at && at.accuracy !== null;
  const fixedPlace = press.fixedPlace ?? !isFromDevice;
  if (!fixedPlace && isOnline.peek()) await Promise.race([told ?? tellPlace(), new Promise((resolve) => setTimeout(resolve, TELL_LIMIT)), placeOnceHidden()]);
  told = null;
  // Called off, or sent by another page, meanwhile.
  if (kept()?.requestId !== requestId) return;
  const call = { location: { latitude, longitude }, silentMode, anonymousMode, fixedPlace, requestId };
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
  const { pressedAt, body, requestId } = progress.pending;
  const silentMode = body.silentMode === true;
  const isEnd = ['cancelled', 'failed', 'expired'].includes(progress.status);
  // An earlier call has ended, the press of now has not.
  if (isEnd && isOther(kept(), requestId)) return;
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
      ask({ pressedAt, silentMode });
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
  batch(() => {
    countdownEnd.value = null;
    sending.value = null;
    placeRequest.value = null;
    oldCall.value = null;
  });
}

function kept(): Press | null {
  return asPress(readJsonSetting(KEY));
}

function keep(press: Press | null): void {
  writeJsonSetting(KEY, press);
}
