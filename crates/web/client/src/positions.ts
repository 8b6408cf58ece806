/** Reports where the user is: the newest place only, one at a time, and nothing old after a tunnel. */

import type { Connection } from './connection.js';
import { AllyError, CancelledError, NetworkError, SocketError } from './errors.js';
import { delay } from './timing.js';
import type { Position } from './types.js';

/** Helpers' places are passed on once a second. */
const MIN_INTERVAL = 1_000;

/** A place, and when the device found it: now, unless given. */
export type Fix = Position & { at?: string | Date | number };

interface Report {
  position: Position;
  at: number;
}

export class Positions {
  readonly #connection: Connection;
  readonly #onError: (error: AllyError) => void;
  readonly #abort = new AbortController();
  #newest = -Infinity;
  #waiting: Report | null = null;
  #isSending = false;

  constructor(connection: Connection, onError: (error: AllyError) => void) {
    this.#connection = connection;
    this.#onError = onError;
  }

  /**
   * Reports a place as soon as there is a connection. It takes the place of a report that is still waiting, and is dropped if a
   * newer one is there already.
   */
  report({ latitude, longitude, at }: Fix): void {
    const taken = at === undefined ? Date.now() : new Date(at).getTime();
    if (Number.isNaN(taken)) throw new TypeError('at is no time');
    if (taken < this.#newest) return;
    this.#newest = taken;
    this.#waiting = { position: { latitude, longitude }, at: taken };
    void this.#send();
  }

  /** Forgets what is waiting, and the newest time: another user begins. */
  reset(): void {
    this.#waiting = null;
    this.#newest = -Infinity;
  }

  close(): void {
    this.#abort.abort();
    this.reset();
  }

  /** Sends what is waiting, until nothing is. */
  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#waiting && (await this.#isConnected())) await this.#sendOne();
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#onError(asAllyError(error));
    } finally {
      this.#isSending = false;
    }
  }

  /** Waits for the connection. `false` if it is stopped: what waits is sent by the next `resume()`. */
  #isConnected(): Promise<boolean> {
    return this.#connection.connected().then(
      () => !this.#abort.signal.aborted,
      () => false,
    );
  }

  async #sendOne(): Promise<void> {
    const report = this.#waiting;
    if (!report) return;
    try {
      await this.#connection.send('location:update', { ...report.position, at: new Date(report.at).toISOString() });
    } catch (error) {
      // Sent again, unless a newer one is waiting by then.
      if (error instanceof NetworkError) return delay(MIN_INTERVAL, this.#abort.signal);
      if (error instanceof SocketError && error.retryAfterMs !== null) return delay(error.retryAfterMs, this.#abort.signal);
      this.#done(report);
      throw error;
    }
    this.#done(report);
    await delay(MIN_INTERVAL, this.#abort.signal);
  }

  #done(report: Report): void {
    if (this.#waiting === report) this.#waiting = null;
  }

  /** A connection begins: what waits is sent. */
  resume(): void {
    void this.#send();
  }
}

function asAllyError(error: unknown): AllyError {
  return error instanceof AllyError ? error : new AllyError('internal', 'A position was not sent', { cause: error });
}
