/**
 * A press of the SOS button, from the first moment until the service has the call. It is kept on the device meanwhile, so that
 * neither a reload nor a phone without power loses it.
 */

/** How an SOS is raised. */
export interface SosOptions {
  silentMode: boolean;
  anonymousMode: boolean;
}

export interface Press extends SosOptions {
  /** The service makes one emergency of all calls with this id. */
  requestId: string;
  userId: string;
  /** In milliseconds. */
  pressedAt: number;
  /** When the countdown is over, in milliseconds. */
  sendAt: number;
  /** Whether the place stays or follows the device, if the person said so: otherwise as the place became known. */
  fixedPlace: boolean | null;
}

/** An older press is sent only if the person says so: they may have got help by now. */
export const MAX_AGE = 15 * 60_000;

/**
 * What a start of the app does with a press that was kept: count down further, send it, ask the person whether it is to be sent, or
 * ask them to sign in. `userId` is that of the session, `null` without one. Another user's press is left alone.
 */
export function nextStep(press: Press | null, userId: string | null, now: number): 'none' | 'count' | 'send' | 'ask' | 'sign_in' {
  if (!press || (userId !== null && press.userId !== userId)) return 'none';
  if (!isRecent(press, now)) return 'ask';
  if (userId === null) return 'sign_in';
  return now < press.sendAt ? 'count' : 'send';
}

/** Whether the client's unanswered call is what a start of the app goes on with, rather than the kept press: not if that came after it. */
export function goesFirst(pending: Pick<Press, 'requestId' | 'userId'>, press: Press | null): boolean {
  return press?.userId !== pending.userId || press.requestId === pending.requestId;
}

/** Whether a press is kept, and it is another than the call with this id. */
export function isOther(press: Press | null, requestId: string): boolean {
  return press !== null && press.requestId !== requestId;
}

/** Whether it may be sent without asking again. The clock of the device may have been set back. */
export function isRecent({ pressedAt }: Pick<Press, 'pressedAt'>, now: number): boolean {
  return Math.abs(now - pressedAt) <= MAX_AGE;
}

/** What was kept, if it is a press. */
export function asPress(value: unknown): Press | null {
  const { requestId, userId, pressedAt, sendAt, silentMode,  anonymousMode, fixedPlace } = (value ?? {}) as Partial<Press>;
  if (typeof requestId !== 'string' || typeof userId !== 'string' || typeof pressedAt !== 'number') return null;
  const options = { silentMode: silentMode === true, anonymousMode: anonymousMode === true };
  return { requestId, userId, pressedAt, sendAt: typeof sendAt === 'number' ? sendAt : pressedAt, fixedPlace: typeof fixedPlace === 'boolean' ? fixedPlace : null, ...options };
}
