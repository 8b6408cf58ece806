/** A typed event emitter, in which a failing handler fails alone. */

/** Takes a handler off again. */
export type Unsubscribe = () => void;

type Handler<T> = (payload: T) => unknown;

/** Emits payloads of `Events` to its handlers. */
export class Emitter<Events> {
  readonly #handlers = new Map<keyof Events, Set<Handler<never>>>();

  /** Calls `handler` with every such payload, until the returned function is called. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): Unsubscribe {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);
    // A wrapper, so that the same function may be added twice.
    const entry: Handler<Events[Name]> = (payload) => handler(payload);
    handlers.add(entry);
    return () => void handlers.delete(entry);
  }

  /** Calls all handlers in the order in which they were added; returns what became of each. */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): Promise<PromiseSettledResult<unknown>[]> {
    const handlers = [...(this.#handlers.get(name) ?? [])] as Handler<Events[Name]>[];
    return Promise.allSettled(handlers.map((handler) => invoke(handler, payload)));
  }

  /** Whether anything listens to this event. */
  has(name: keyof Events): boolean {
    return (this.#handlers.get(name)?.size ?? 0) > 0;
  }

  /** Takes all handlers off. */
  clear(): void {
    this.#handlers.clear();
  }
}

/** Calls the handler now, and turns what it throws into a rejection. */
function invoke<T>(handler: Handler<T>, payload: T): Promise<unknown> {
  try {
    return Promise.resolve(handler(payload));
  } catch (error) {
    return Promise.reject(error);
  }
}
