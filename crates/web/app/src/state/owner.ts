/** The person's own emergency, as the service has it. How it gets there is in `press.ts`. */

import { computed, signal } from '@preact/signals';
import { NotFoundError, PermissionError, type EmergencyType } from '@allynet/client';
import { isLive, type Unanswered } from '../logic/emergency.js';
import { ally } from './ally.js';
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

/** The ended emergency was looked at. */
export function closeOwn(): void {
  ownRoom.set(null);
}

async function onOwn(act: (id: string) => Promise<Parameters<Room['update']>[0]>): Promise<void> {
  const id = ownRoom.emergency.peek()?.id;
  if (id) ownRoom.update(await act(id));
}

export function startOwner(): void {
  ally.on('raise', (progress) => progress.status === 'raised' && ownRoom.set(progress.raised.emergency));
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
    setOptions({ silentMode: false, anonymousMode: false });
    writeJsonSetting('sosOptions', null);
  });
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
