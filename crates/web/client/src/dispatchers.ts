/** The room of dispatchers: joined again at every connection, for as long as the app wants it and may. */

import { SocketError } from './errors.js';
import type { ClientEvents } from './types.js';

type Send = <Name extends 'dispatcher:join' | 'dispatcher:leave'>(
  name: Name,
  payload: ClientEvents[Name]['payload'],
) => Promise<ClientEvents[Name]['answer']>;

export class DispatcherRoom {
  readonly #send: Send;
  #isWanted = false;
  /** Joins that are not answered yet: their refusals are no end of the room. */
  #joining = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  async join(): Promise<void> {
    await this.#join({});
    this.#isWanted = true;
  }

  async leave(): Promise<void> {
    this.#isWanted = false;
    await this.#send('dispatcher:leave', {});
  }

  /** Joins again after a new connection, and resumes there. */
  async rejoin(resumedFrom: number | null): Promise<void> {
    if (!this.#isWanted) return;
    await this.#join(resumedFrom === null ? {} : { lastEventId: resumedFrom }).catch((error: unknown) => {
      // The user is no administrator any more. Without an answer the next connection joins again.
      if (error instanceof SocketError && error.reason === 'not_authorized') this.#isWanted = false;
    });
  }

  /** Whether an `error` for this event says that the service has ended the room. */
  isEndedBy(event: string): boolean {
    if (event !== 'dispatcher:join' || this.#joining > 0 || !this.#isWanted) return false;
    this.#isWanted = false;
    return true;
  }

  /** Another user, or none. */
  reset(): void {
    this.#isWanted = false;
  }

  async #join(payload: ClientEvents['dispatcher:join']['payload']): Promise<void> {
    this.#joining += 1;
    try {
      await this.#send('dispatcher:join', payload);
    } finally {
      this.#joining -= 1;
    }
  }
}
