/** Alerts: an emergency that is brought to this helper. */

import type { Connection } from './connection.js';
import type { Requests } from './requests.js';
import type { Call, Emergency, ServerEvents } from './types.js';

/** An alert, and what a helper does about it. */
export interface Alert {
  readonly emergency: Call;
  /** Metres from the helper's last position, if the service has one. */
  readonly distance: number | null;
  readonly eventId: number;
  /** Whether this client was alerted to the same emergency before: nobody has answered yet. */
  readonly isRepeat: boolean;
  /** Says that the alert was shown to a person. */
  seen(): Promise<void>;
  accept(estimatedArrival?: string): Promise<Emergency>;
  decline(): Promise<void>;
}

/**
 * Takes an alert. When it returns or resolves, the alert is acknowledged. When it throws, it is not: it does not count as `delivered`, and
 * the service goes on with the other ways (pushes, email, telephone). It comes again a minute later only if nothing else came from the device
 * since, which on a working connection it does; and, once the emergency is unanswered, every ten minutes. Times are defaults.
 */
export type AlertHandler = (alert: Alert) => unknown;

/** How many emergencies are remembered, to know repetitions. */
const MAX_KNOWN = 256;

export class Alerts {
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #handlers = new Set<{ handler: AlertHandler }>();
  readonly #known = new Set<string>();

  constructor(connection: Connection, requests: Requests) {
    this.#connection = connection;
    this.#requests = requests;
  }

  on(handler: AlertHandler): () => void {
    const entry = { handler };
    this.#handlers.add(entry);
    return () => void this.#handlers.delete(entry);
  }

  /** Hands an alert to all handlers; what became of each. */
  offer(payload: ServerEvents['emergency:nearby']): Promise<PromiseSettledResult<unknown>[]> {
    const alert = this.#alert(payload);
    return Promise.allSettled([...this.#handlers].map(async ({ handler }) => handler(alert)));
  }

  clear(): void {
    this.#handlers.clear();
    this.#known.clear();
  }

  #alert({ emergency, distance, eventId }: ServerEvents['emergency:nearby']): Alert {
    const { id } = emergency;
    const isRepeat = this.#known.has(id);
    this.#known.add(id);
    if (this.#known.size > MAX_KNOWN) this.#known.delete([...this.#known][0] as string);
    const respond = (body: { action: 'accept' | 'decline'; estimatedArrival?: string | null }) =>
      this.#requests.request('POST', '/emergencies/{id}/respond', { params: { id }, body });
    return {
      emergency,
      distance,
      eventId,
      isRepeat,
      seen: async () => void (await this.#connection.send('alert:seen', { emergencyId: id })),
      accept: async (time) => (await respond({ action: 'accept', estimatedArrival: time ?? null })).emergency,
      decline: async () => void (await respond({ action: 'decline' })),
    };
  }
}
