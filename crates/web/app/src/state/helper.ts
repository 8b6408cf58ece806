/** The person as a helper: duty, alerts that wait for an answer, and the emergency that is being helped. */

import { computed, effect, signal } from '@preact/signals';
import type { Alert, Call, Emergency, HelperChange, HelperReadiness, HelperRecord, ResourceState, Response, ResponseStatus, ServerEvents } from '@allynet/client';
import { hasEnoughOthers, isLive } from '../logic/emergency.js';
import type { Point } from '../logic/geometry.js';
import { ally } from './ally.js';
import { go, route } from './navigation.js';
import { hasLive, isSilent } from './owner.js';
import { isPressed } from './press.js';
import { Room } from './room.js';
import { onUserLeft, session, setUser, user } from './session.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';
import { startRinging, stopRinging } from './sound.js';

/** How long after an emergency its alert is shown to a person who opens the app: as long as pushes of it are delivered. */
const ALERT_TIME = 15 * 60_000;

/** How long after an answer a list of those that wait may come that was read before it. */
const LATE_READ = 30_000;
/** Metres within which every box lies that a helper is told to bring, and how many of them a list holds. */
const BOX_RADIUS = 5_000;
const MAX_BOXES = 500;

/** An emergency that waits for this helper's answer. */
export interface Ringing {
  emergency: Call;
  distance: number | null;
  isRepeat: boolean;
}

export const helpingRoom = new Room('helping');
/** The alerts on the screen, the oldest first: one at a time is shown. */
export const ringing = signal<readonly Ringing[]>([]);
/** The alerts that rang when the page ended. */
const rangBefore = new Set(readJsonSetting<string[]>('rang'));
/** The alerts that were just answered here, which a list of waiting ones that was read before still has. */
const answered = new Set<string>();
export const pending = signal<readonly Emergency[]>([]);
/** The emergency for which the service asks whether this helper still comes. */
export const asked = signal('');
/** The emergency for which this helper was told that they need not come, while that holds. */
export const unneeded = signal<string | null>(readJsonSetting('unneeded'));
type AssignedResource = ServerEvents['helper:role_assigned']['resource'];
/** The box that this helper was last told to bring, or that was looked up. */
export const assigned = signal<AssignedResource>(readJsonSetting('assigned'));
/** What this helper said of a box. */
const reported = signal<{ box: string; state: ResourceState } | null>(readJsonSetting('reported'));
export const readiness = signal<HelperReadiness | null>(null);
export const helper = computed<HelperRecord | null>(() => user.value?.helper ?? null);
/** Whether alerts wait, unseen and unheard: they must not betray a person who asks for help, nor cover what they have to do. */
export const isHeldBack = computed(() => isSilent.value || hasLive.value || isPressed());
export const isHelping = computed(() => {
  const emergency = helpingRoom.emergency.value;
  return emergency !== null && isLive(emergency.status) && ownStatus(emergency) !== null;
});

/** The person's own response, unless it was cancelled. */
export function ownResponse(emergency: Emergency): Response | null {
  return emergency.respondingHelpers.find(({ helper: { id }, status }) => id === user.value?.id && status !== 'cancelled') ?? null;
}

/** The status of that response. */
export function ownStatus(emergency: Emergency): ResponseStatus | null {
  return ownResponse(emergency)?.status ?? null;
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
  const emergency = await answer(id, () => ally.helper.accept(id));
  stopShowing(id);
  helpingRoom.set(emergency);
  go({ screen: 'help' });
}

export async function decline(id: string): Promise<void> {
  await answer(id, () => ally.helper.decline(id));
  stopShowing(id);
}

async function answer<Answer>(id: string, send: () => Promise<Answer>): Promise<Answer> {
  answered.add(id);
  try {
    const answer = await send();
    setTimeout(() => answered.delete(id), LATE_READ);
    return answer;
  } catch (error) {
    answered.delete(id);
    throw error;
  }
}

/** What this helper said of the box that they are to bring. */
export function boxState(emergency: Emergency): ResourceState | null {
  return reported.value?.box === boxOf(emergency) ? (reported.value?.state ?? null) : null;
}

export async function reportBox(emergency: Emergency, state: ResourceState): Promise<void> {
  const status = ownStatus(emergency);
  if (!status) return;
  const box = boxOf(emergency);
  await setStatus(status, state);
  setReported({ box, state });
}

/** The box of this emergency: another one may need the same. */
function boxOf(emergency: Emergency): string {
  return `${emergency.id} ${ownResponse(emergency)?.resourceId}`;
}

function setReported(state: typeof reported.value): void {
  reported.value = state;
  writeJsonSetting('reported', state);
}

function setUnneeded(emergencyId: string | null): void {
  unneeded.value = emergencyId;
  writeJsonSetting('unneeded', emergencyId);
}

/** Looks up the box that this helper is to bring, for a device that no event has told of it. */
export async function findBox(id: string, { latitude, longitude }: Point): Promise<void> {
  try {
    const found = await ally.resources.near({ kind: 'aed', latitude, longitude, radius: BOX_RADIUS, limit: MAX_BOXES });
    const box = found.find((each) => each.id === id);
    const emergency = helpingRoom.emergency.peek();
    // Meanwhile it may have become another one.
    if (box && emergency && ownResponse(emergency)?.resourceId === id) setAssigned({ ...box, openUntil: null });
  } catch {
    // It is looked up again with the next connection.
  }
}

function setAssigned(resource: AssignedResource): void {
  assigned.value = resource;
  writeJsonSetting('assigned', resource);
}

export async function setStatus(status: ResponseStatus, resourceState?: ResourceState): Promise<void> {
  const id = helpingRoom.emergency.peek()?.id;
  if (!id) return;
  const emergency = await ally.helper.status(id, status, resourceState && { resourceState });
  asked.value = '';
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
    onceSeen(() => alert.seen());
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
  ally.on('helper:stand_down', ({ emergencyId }) => setUnneeded(emergencyId));
  // No event takes it back when the others leave, and it does not hold for those who come then.
  effect(() => {
    const emergency = helpingRoom.emergency.value;
    if (emergency && user.value && emergency.id === unneeded.value && !hasEnoughOthers(emergency, user.value.id)) setUnneeded(null);
  });
  ally.on('helper:role_assigned', ({ helperId, resource }) => {
    if (helperId !== user.peek()?.id) return;
    setUnneeded(null);
    setAssigned(resource);
  });
  ally.on('response:check', ({ emergencyId }) => (asked.value = emergencyId));
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
    for (const each of waiting.filter(mayRing)) showAgain(each);
  });
  ally.on('signedOut', clear);
  onUserLeft(clear);
  if (session.peek() === 'signed_in') void loadReadiness();
}

function clear(): void {
  stopRinging();
  rangBefore.clear();
  setRinging([]);
  pending.value = [];
  readiness.value = null;
  helpingRoom.set(null);
  setUnneeded(null);
  setAssigned(null);
  setReported(null);
}

/** Whether an emergency that waits for an answer is an alert: it rang here before the page ended, or it is new and nobody comes. */
function mayRing({ id, status, createdAt }: Emergency): boolean {
  if (answered.has(id)) return false;
  if (helper.peek()?.availability !== 'on_duty' || ringing.peek().some(({ emergency }) => emergency.id === id)) return false;
  return rangBefore.has(id) || (status === 'active' && Date.now() - Date.parse(createdAt) < ALERT_TIME);
}

function showAgain(emergency: Emergency): void {
  const { id, distance } = emergency;
  show({ emergency, distance, isRepeat: false }, true);
  onceSeen(() => ally.send('alert:seen', { emergencyId: id }));
}

/** Shows other alerts, and keeps which, since a phone ends apps without a word. */
function setRinging(alerts: readonly Ringing[]): void {
  ringing.value = alerts;
  writeJsonSetting('rang', alerts.map(({ emergency }) => emergency.id));
}

function show({ emergency, distance, isRepeat }: Ringing | Alert, isLoud: boolean): void {
  const shown = { emergency, distance, isRepeat };
  const alerts = ringing.peek();
  // What comes again keeps its place: no other alert moves under a finger.
  const isKnown = alerts.some((each) => each.emergency.id === emergency.id);
  setRinging(isKnown ? alerts.map((each) => (each.emergency.id === emergency.id ? shown : each)) : [...alerts, shown]);
  if (isLoud && !isHeldBack.peek()) startRinging();
  void loadPending();
}

function stopShowing(id: string): void {
  rangBefore.delete(id);
  setRinging(ringing.peek().filter((each) => each.emergency.id !== id));
  pending.value = pending.peek().filter((each) => each.id !== id);
  if (ringing.peek().length === 0) stopRinging();
  const shown = route.peek();
  if (shown.screen === 'emergency' && shown.emergencyId === id) go({ screen: 'help' }, { replace: true });
}

/** Tells when a person sees it: the page is in front of one, and shows it. */
function onceSeen(tell: () => Promise<unknown>): void {
  let stop: (() => void) | undefined;
  let isTold = false;
  const look = () => {
    if (isTold || isHeldBack.value || document.visibilityState !== 'visible') return;
    isTold = true;
    document.removeEventListener('visibilitychange', look);
    stop?.();
    tell().catch(() => undefined);
  };
  document.addEventListener('visibilitychange', look);
  stop = effect(look);
  if (isTold) stop();
}
