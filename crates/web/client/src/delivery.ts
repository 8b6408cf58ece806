/**
 * What becomes of the events that arrive: each is handled once, alerts are acknowledged when the app has taken them, and the
 * number of the last handled event is kept, so that a later connection can resume from it.
 */

import type { Emitter } from './events.js';
import type { Store } from './store.js';
import { within } from './timing.js';
import type { AppEvents, ServerEvents, SessionReadyPayload } from './types.js';

/** How many event ids are remembered. More than one connection replays. */
const MAX_SEEN = 4_096;
/** A handler that takes longer does not hold up the number of the last event any more. */
const HANDLER_LIMIT = 30_000;

type Nearby = ServerEvents['emergency:nearby'];

export interface DeliveryOptions {
  store: Store;
  emitter: Emitter<AppEvents>;
  /** Hands an alert to the app. Whether it took it: all its handlers succeeded, and there was one. */
  takeAlert: (alert: Nearby) => Promise<boolean>;
  /** Reads the state and hands it to the app, for as long as it takes. Whether it did. */
  takeSnapshot: (reason: string) => Promise<boolean>;
  /** A handler of the app failed. */
  onHandlerError: (event: string, error: unknown) => void;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #seen = new Set<number>();
  readonly #alerts = new Map<number, Promise<boolean>>();
  #userId: string | null = null;
  #cursor: number | null = null;
  /** Settles when everything that has arrived is handled. */
  #tail: Promise<void> = Promise.resolve();
  /** Grows whenever earlier numbers mean nothing any more. */
  #era = 0;
  /** Whether the app has still to take the state after a resync. Until then the number from before is kept. */
  #isStale = false;
  #isFirst = true;
  #emitted = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** How many events of the log were handed to the app: a state that was read before the last of them is an old one. */
  get emitted(): number {
    return this.#emitted;
  }

  /** The last event that was handled by this user's app; from the store at the first connection. */
  async lastEventId(userId: string | null): Promise<number | null> {
    if (userId === null) return null;
    if (this.#userId !== userId) {
      this.#forget();
      this.#userId = userId;
      this.#isFirst = true;
      this.#isStale = false;
      this.#cursor = null;
      const era = this.#era;
      const stored = Number((await this.#options.store.get(key(userId))) ?? undefined);
      if (era === this.#era) this.#cursor = Number.isSafeInteger(stored) ? stored : null;
    }
    return this.#cursor;
  }

  /** Settles when everything that has arrived so far is handled. */
  idle(): Promise<void> {
    return this.#tail;
  }

  /** A connection begins. */
  ready({ latestEventId }: SessionReadyPayload, resumedFrom: number | null): void {
    // Without a number to resume from, the service sends what follows this one.
    if (resumedFrom === null) this.#set(Promise.resolve(true), latestEventId);
    if (this.#isFirst) void this.#options.takeSnapshot('started');
    this.#isFirst = false;
  }

  /** An event arrives. */
  receive(name: string, payload: unknown, acknowledge: (() => void) | undefined): void {
    if (name === 'session:resync') return this.#resync(payload as { reason: string; latestEventId: number });
    const eventId = (payload as { eventId?: unknown } | null)?.eventId;
    if (typeof eventId !== 'number') return void this.#emit(name as keyof AppEvents, payload as never);
    if (name === 'emergency:nearby') return this.#alert(payload as Nearby, acknowledge);
    if (this.#seen.has(eventId)) return;
    this.#remember(eventId);
    this.#emitted += 1;
    this.#advance(this.#emit(name as keyof AppEvents, payload as never), eventId);
  }

  async #emit<Name extends keyof AppEvents>(name: Name, payload: AppEvents[Name]): Promise<void> {
    for (const result of await this.#options.emitter.emit(name, payload)) {
      if (result.status === 'rejected') this.#options.onHandlerError(name, result.reason);
    }
  }

  /** Acknowledges an alert once it was taken, however often it arrives; offers it again if it was not. */
  #alert(alert: Nearby, acknowledge: (() => void) | undefined): void {
    const { eventId } = alert;
    let taking = this.#alerts.get(eventId);
    if (!taking) {
      taking = this.#options.takeAlert(alert);
      this.#alerts.set(eventId, taking);
      forgetOldest(this.#alerts);
      this.#advance(taking, eventId);
    }
    void taking.then((taken) => {
      if (taken) acknowledge?.();
      else this.#alerts.delete(eventId);
    });
  }

  /** Too much was missed: the app takes the whole state, and what follows `latestEventId` as it comes. */
  #resync({ reason, latestEventId }: { reason: string; latestEventId: number }): void {
    // The log may have been restored from a backup: its numbers may begin anew below those that were seen.
    this.#forget();
    this.#isStale = true;
    this.#set(this.#options.takeSnapshot(reason), latestEventId);
  }

  /** Notes the event as the last one, after all earlier ones and when it was handled. */
  #advance(handled: Promise<unknown>, eventId: number): void {
    const era = this.#era;
    const done = within(HANDLER_LIMIT, handled).catch(() => undefined);
    this.#tail = this.#tail.then(async () => {
      await done;
      if (era === this.#era && !this.#isStale && eventId > (this.#cursor ?? -1)) await this.#store(eventId);
    });
  }

  /** Takes this number as the last one, also if it is smaller, once `taken` is true. */
  #set(taken: Promise<boolean>, eventId: number): void {
    const era = this.#era;
    this.#tail = this.#tail.then(async () => {
      if (!(await taken) || era !== this.#era) return;
      this.#isStale = false;
      await this.#store(eventId);
    });
  }

  async #store(eventId: number): Promise<void> {
    this.#cursor = eventId;
    if (this.#userId !== null) await this.#options.store.set(key(this.#userId), String(eventId));
  }

  #remember(eventId: number): void {
    this.#seen.add(eventId);
    forgetOldest(this.#seen);
  }

  #forget(): void {
    this.#era += 1;
    this.#seen.clear();
    this.#alerts.clear();
    this.#tail = Promise.resolve();
  }
}

const key = (userId: string) => `lastEventId:${userId}`;

/** Keeps the size below the maximum. Sets and maps are in the order of insertion. */
function forgetOldest(entries: Set<number> | Map<number, unknown>): void {
  if (entries.size <= MAX_SEEN) return;
  for (const oldest of entries.keys()) {
    entries.delete(oldest);
    return;
  }
}
