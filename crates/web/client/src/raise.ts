/**
 * Calls for help. A call is stored with its `requestId` before the first attempt, and sent until the service has answered for
 * good: over failures of the network, restarts of the service and reloads of the page. The service makes one emergency of it,
 * however often it arrives.
 */

import { type AllyError, CancelledError, ClosedError, ConflictError, ExpiredError, NotFoundError, NotSignedInError, ServiceError } from './errors.js';
import type { Requests } from './requests.js';
import { isTransient } from './requests.js';
import { readJson, type Store } from './store.js';
import { Backoff, delay, uniqueId, within } from './timing.js';
import type { Emergency, Raise } from './types.js';

const KEY = 'raise';
/** How long one attempt may take. */
const ATTEMPT_LIMIT = 10_000;
/** How long the service may still be busy with an attempt that was given up: the deadline of its requests. */
const IN_FLIGHT_LIMIT = 6_000;
/** How long a new call waits for the end of calling off the one before. */
const CALL_OFF_LIMIT = 1_000;
/** A call that is older is not sent by itself any more: the person may have got help by now. */
const MAX_AGE = 15 * 60_000;

/** A call for help that the service has not answered yet. */
export interface PendingRaise {
  readonly requestId: string;
  readonly userId: string;
  readonly body: Raise;
  /** By the clock of the device, in milliseconds. */
  readonly pressedAt: number;
  /** When the person last said that an old call is to be sent: its age counts from then. */
  readonly confirmedAt?: number;
  /** The app has called it off; whether it had arrived is being found out. */
  readonly isCancelled: boolean;
}

export interface RaiseResult {
  emergency: Emergency;
  /** How many helpers are being looked at; `null` for an emergency that was there before. */
  nearbyHelperCount: number | null;
  /** Whether the user had a live emergency already: this is it, and what was to be raised is not. */
  alreadyActive: boolean;
}

/** How a call for help is getting on. */
export type RaiseProgress =
  | { status: 'sending'; pending: PendingRaise; attempt: number }
  /** The service could not be reached. It is tried again. */
  | { status: 'waiting'; pending: PendingRaise; attempt: number; error: AllyError }
  | { status: 'raised'; pending: PendingRaise; raised: RaiseResult }
  /** It has become too old to be sent by itself. It is kept: `resumePending()` sends it, `cancelRaise()` drops it. */
  | { status: 'expired'; pending: PendingRaise }
  /** The service has refused it, or the session has ended. */
  | { status: 'failed'; pending: PendingRaise; error: unknown }
  | { status: 'cancelled'; pending: PendingRaise };

export interface RaiseOptions {
  /** Calls it off. */
  signal?: AbortSignal;
  /** When the person asked for help, in milliseconds: now, unless given. */
  pressedAt?: number;
}

export interface RaiserOptions {
  store: Store;
  requests: Requests;
  userId: () => string | null;
  onProgress: (progress: RaiseProgress) => void;
}

interface Running {
  pending: PendingRaise;
  result: Promise<RaiseResult>;
  cancel: () => void;
  isCancelled: () => boolean;
}

export class Raiser {
  readonly #options: RaiserOptions;
  readonly #closing = new AbortController();
  #running: Running | null = null;
  #callingOff: { work: Promise<void>; stop: () => void } | null = null;
  #wake: (() => void) | null = null;

  constructor(options: RaiserOptions) {
    this.#options = options;
  }

  /**
   * Raises an emergency and resolves when the service has it. While a call is under way a second one joins it: whoever is in
   * danger presses more than once. Rejects when the service refuses it, with `CancelledError`, with `ExpiredError` when it has become
   * too old, or with `ClosedError`: then the call goes on at the next start.
   */
  async raise(emergency: Raise, { signal, pressedAt = Date.now() }: RaiseOptions = {}): Promise<RaiseResult> {
    if (signal?.aborted) throw new CancelledError();
    // One that was called off a moment ago is no call to join.
    while (this.#running?.isCancelled()) await this.#running.result.catch(() => undefined);
    const running = this.#running ?? this.#begin(emergency, pressedAt);
    const stop = () => running.cancel();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await running.result;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** The call that the service has not answered yet: of now, or of before a reload. */
  async pending(): Promise<PendingRaise | null> {
    if (this.#running) return this.#running.pending;
    const stored = await readJson<PendingRaise>(this.#options.store, KEY);
    return stored?.userId === this.#options.userId() ? stored : null;
  }

  /** Goes on with a call of before a reload, however old it is. `null` if there is none. */
  async resume(): Promise<RaiseResult | null> {
    const pending = await this.pending();
    if (!pending) return null;
    return (this.#running ?? this.#run({ ...pending, confirmedAt: Date.now() })).result;
  }

  /** Goes on with a call of before a reload by itself, if it is no older than a quarter of an hour or was called off. */
  async resumeRecent(): Promise<void> {
    const pending = await this.pending();
    if (!pending || this.#running) return;
    if (pending.isCancelled || isRecent(pending)) this.#run(pending);
  }

  /**
   * Calls it off. If an attempt may have arrived, the emergency is cancelled as soon as the service can be asked: without a session
   * when the user has logged in again. Whether there was anything to call off.
   */
  async cancel(): Promise<boolean> {
    if (this.#running) {
      this.#running.cancel();
      return true;
    }
    const stored = await readJson<PendingRaise>(this.#options.store, KEY);
    const userId = this.#options.userId();
    if (!stored || (userId !== null && stored.userId !== userId)) return false;
    if (userId === null) await this.#store({ ...stored, isCancelled: true });
    else (this.#running ?? this.#run(stored)).cancel();
    return true;
  }

  /** Tries at once rather than after the back-off. */
  hurry(): void {
    this.#wake?.();
  }

  /** Forgets a call, without telling the service: the user logs out. */
  async reset(): Promise<void> {
    this.#running?.cancel();
    await this.#endCallingOff();
    await this.#forget();
  }

  /** Stops, and leaves the call in the store. */
  close(): void {
    this.#closing.abort();
  }

  #begin(body: Raise, pressedAt: number): Running {
    const userId = this.#options.userId();
    if (userId === null) throw new NotSignedInError();
    const requestId = body.requestId ?? uniqueId();
    return this.#run({ requestId, userId, body: { ...body, requestId }, pressedAt, isCancelled: false });
  }

  #run(pending: PendingRaise): Running {
    const cancelled = new AbortController();
    const result = this.#carryOut(pending, cancelled.signal);
    const running: Running = { pending, result, cancel: () => cancelled.abort(), isCancelled: () => cancelled.signal.aborted };
    this.#running = running;
    result.then(
      (raised) => this.#options.onProgress({ status: 'raised', pending, raised }),
      (error: unknown) => {
        const status = error instanceof CancelledError ? 'cancelled' : error instanceof ExpiredError ? 'expired' : 'failed';
        if (!this.#closing.signal.aborted) this.#options.onProgress({ status, pending, error });
      },
    );
    return running;
  }

  async #carryOut(pending: PendingRaise, cancelled: AbortSignal): Promise<RaiseResult> {
    try {
      await this.#endCallingOff();
      await this.#store(pending);
      // Called off while it was stored: after a reload before the first attempt.
      if (pending.isCancelled || cancelled.aborted) throw new CancelledError();
      const raised = await unlessAborted(cancelled, this.#sendUntilAnswered(pending, cancelled));
      await this.#forget();
      return raised;
    } catch (error) {
      if (error instanceof CancelledError && !this.#closing.signal.aborted) {
        await this.#store({ ...pending, isCancelled: true });
        this.#callOff(pending);
      } else if (!(error instanceof CancelledError) && !(error instanceof NotSignedInError) && !(error instanceof ExpiredError)) {
        // With a log-in, or the word of the person, it goes on.
        await this.#forget();
      }
      throw error;
    } finally {
      this.#running = null;
    }
  }

  async #sendUntilAnswered(pending: PendingRaise, cancelled: AbortSignal): Promise<RaiseResult> {
    const backoff = new Backoff(500, 5_000);
    for (let attempt = 1; ; attempt += 1) {
      // Also while it runs: a page that was frozen for hours goes on here when the device wakes up.
      if (!isRecent(pending)) throw new ExpiredError();
      this.#options.onProgress({ status: 'sending', pending, attempt });
      try {
        return await this.#attempt(pending);
      } catch (error) {
        if (!goesOn(error) || cancelled.aborted) throw error;
        this.#options.onProgress({ status: 'waiting', pending, attempt, error });
        await this.#pause(backoff.next(), cancelled);
      }
    }
  }

  async #attempt(pending: PendingRaise): Promise<RaiseResult> {
    const { requests } = this.#options;
    try {
      const sent = { method: 'POST', path: '/emergencies', body: pending.body, keepalive: true, limit: ATTEMPT_LIMIT };
      const data = (await requests.authorized(sent)) as Omit<RaiseResult, 'alreadyActive'>;
      return { ...data, alreadyActive: false };
    } catch (error) {
      if (!(error instanceof ConflictError) || error.reason !== 'active_emergency_exists' || !error.emergencyId) throw error;
      const { emergency } = await requests.request('GET', '/emergencies/{id}', { params: { id: error.emergencyId } });
      // It ended between the two requests.
      if (emergency.resolvedAt !== null) return this.#attempt(pending);
      return { emergency, nearbyHelperCount: null, alreadyActive: true };
    }
  }

  /** Waits until `hurry()` at the longest. */
  async #pause(ms: number, cancelled: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) throw new ClosedError();
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    const stop = () => awake.abort();
    cancelled.addEventListener('abort', stop, { once: true });
    this.#closing.signal.addEventListener('abort', stop, { once: true });
    await delay(ms, awake.signal).catch(() => undefined);
    this.#wake = null;
    cancelled.removeEventListener('abort', stop);
    this.#closing.signal.removeEventListener('abort', stop);
    if (this.#closing.signal.aborted) throw new ClosedError();
    if (cancelled.aborted) throw new CancelledError();
  }

  /** Cancels what an attempt may have raised, unless another call begins: that one must not be cancelled instead. */
  #callOff(pending: PendingRaise): void {
    const abort = new AbortController();
    const stop = () => abort.abort();
    this.#closing.signal.addEventListener('abort', stop, { once: true });
    this.#callingOff = { work: this.#cancelUntilSure(pending, abort.signal).catch(() => undefined), stop };
  }

  /** Ends it before another call begins. Whatever it has raised is then found as the active emergency. */
  async #endCallingOff(): Promise<void> {
    const calling = this.#callingOff;
    this.#callingOff = null;
    calling?.stop();
    // A request to cancel may be on its way: what it cancels must not be taken for the new emergency.
    await (calling && within(CALL_OFF_LIMIT, calling.work).catch(() => undefined));
  }

  /**
   * Cancels the user's live emergency at the place of the call. Looks until the service has answered, and once more when no
   * attempt can be under way any more.
   */
  async #cancelUntilSure(pending: PendingRaise, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(500, 5_000);
    const deadline = Date.now() + IN_FLIGHT_LIMIT;
    for (;;) {
      const isLast = Date.now() >= deadline;
      let wait = deadline - Date.now();
      try {
        if ((await this.#cancelRaised(pending, signal)) || isLast) break;
      } catch (error) {
        if (!goesOn(error)) break;
        wait = backoff.next();
      }
      await delay(wait, signal);
    }
    if (signal.aborted) return;
    await this.#forget();
  }

  async #cancelRaised({ body }: PendingRaise, signal: AbortSignal): Promise<boolean> {
    const { requests } = this.#options;
    const active = await requests.request('GET', '/emergencies/active', { signal });
    if (signal.aborted || !active || !isAt(active.emergency, body)) return false;
    try {
      await requests.request('POST', '/emergencies/{id}/cancel', { params: { id: active.emergency.id }, body: {} });
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error;
    }
    return true;
  }

  #store(pending: PendingRaise): Promise<void> | void {
    return this.#options.store.set(KEY, JSON.stringify(pending));
  }

  #forget(): Promise<void> | void {
    return this.#options.store.delete(KEY);
  }
}

/** Whether a call may be sent without asking the person again. The clock of the device may have been set back. */
function isRecent({ pressedAt, confirmedAt }: PendingRaise): boolean {
  return Math.abs(Date.now() - (confirmedAt ?? pressedAt)) <= MAX_AGE;
}

/** Whether the next attempt may succeed. For a call for help that is so after any fault of the service. */
function goesOn(error: unknown): error is AllyError {
  return isTransient(error) || error instanceof ServiceError;
}

function isAt({ location }: Emergency, body: Raise): boolean {
  return location.latitude === body.location.latitude && location.longitude === body.location.longitude;
}

/** The result of `work`, or `CancelledError` as soon as the signal aborts. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new CancelledError());
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
