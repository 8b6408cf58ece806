/** The person's own emergency, as the service has it. How it gets there is in `press.ts`. */

import { computed, signal } from '@preact/signals';
import { NotFoundError, PermissionError, type EmergencyType } from '@allynet/client';
import { isLive, type Unanswered } from '../logic/emergency.js';
import { ally } from './ally.js';
import { chosenFixed } from './place.js';
import { isPressSilent, setOptions } from './press.js';
import { Room } from './room.js';
import { onUserLeft } from './session.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

export const ownRoom = new Room('own');
/** Of the emergency that is shown: when the service told that nobody has answered, and how many had been alerted. */
export const unanswered = signal<Unanswered | null>(readJsonSetting<Unanswered>('unanswered'));
export const hasLive = computed(() => {
  const emergency = ownRoom.emergency.value;
  return emergency !== null && isLive(emergency.status);
});
/** The last emergency that was raised here, if its place follows this device, and whether it is to stay now. */
export const followed = signal<{ id: string; isHeld: boolean } | null>(readJsonSetting('followed'));
/** Whether the service is not to know where the person goes. */
export const isHeld = computed(() => hasLive.value && followed.value?.isHeld === true && followed.value.id === ownRoom.emergency.value?.id);
/** Whether nothing on this device may be heard or catch the eye: also when a silent emergency has ended, until that was read. */
export const isSilent = computed(() => ownRoom.emergency.value?.silentMode === true || isPressSilent());

export async function resolveOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.resolve(id));
}

export async function cancelOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.cancel(id, 'false_alarm'));
}

export async function renewOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.renew(id));
  setUnanswered(null);
}

export async function reopenOwn(): Promise<void> {
  await onOwn((id) => ally.emergencies.reopen(id));
}

/** Says afterwards what happened. */
export async function describeOwn(change: { type?: EmergencyType; description?: string | null }): Promise<void> {
  await onOwn((id) => ally.emergencies.update(id, change));
}

/** Whether the place stays. The service follows reports alone: to have it stay, none is sent. */
export function holdPlace(hold: boolean): void {
  const id = ownRoom.emergency.peek()?.id;
  if (id) setFollowed({ id, isHeld: hold });
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
  ally.on('raise', (progress) => {
    if (progress.status !== 'raised') return;
    const { emergency, alreadyActive } = progress.raised;
    chosenFixed.value = null;
    ownRoom.set(emergency);
    if (!alreadyActive) setFollowed(emergency.fixedPlace === false ? { id: emergency.id, isHeld: false } : null);
  });
  // Another page of the app reports as well.
  addEventListener('storage', () => (followed.value = readJsonSetting('followed')));
  ally.on('emergency:unanswered', ({ emergencyId, alertedHelpers }) => setUnanswered({ emergencyId, alertedHelpers }));
  ally.on('helper:joined', ({ emergencyId }) => emergencyId === unanswered.peek()?.emergencyId && setUnanswered(null));
  ally.on('snapshot', ({ active }) => {
    const shown = ownRoom.emergency.peek();
    // An end that was missed is read, so that the person learns how it ended.
    if (!active && shown && isLive(shown.status)) return void readEnd(shown.id);
    if (active) ownRoom.set(active);
  });
  // Of an emergency that the person raised on another device, or another page.
  ally.on('emergency:alerts', ({ emergencyId }) => {
    if (emergencyId !== ownRoom.emergency.peek()?.id && !hasLive.peek()) void findActive();
  });
  ally.on('signedIn', ({ userId }) => {
    const owner = ownRoom.emergency.peek()?.user?.id;
    if (owner !== undefined && owner !== userId) ownRoom.set(null);
  });
  // A session that the service ends leaves the emergency on the screen.
  onUserLeft(() => {
    ownRoom.set(null);
    setUnanswered(null);
    setFollowed(null);
    setOptions({ silentMode: false, anonymousMode: false });
    writeJsonSetting('sosOptions', null);
  });
}

function setFollowed(state: typeof followed.value): void {
  followed.value = state;
  writeJsonSetting('followed', state);
}

function setUnanswered(state: Unanswered | null): void {
  unanswered.value = state;
  writeJsonSetting('unanswered', state);
}

async function readEnd(id: string): Promise<void> {
  try {
    ownRoom.set(await ally.emergencies.get(id));
  } catch (error) {
    // Otherwise the next snapshot tells.
    if (error instanceof NotFoundError || error instanceof PermissionError) ownRoom.set(null);
  }
}

async function findActive(): Promise<void> {
  const active = await ally.emergencies.active().catch(() => null);
  if (active && !hasLive.peek()) ownRoom.set(active);
}
