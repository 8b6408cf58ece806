/** Waiting: delays that can be called off, deadlines, back-off with jitter. */

import { CancelledError, NetworkError } from './errors.js';

/** Resolves after `ms`; rejects with `CancelledError` when the signal aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new CancelledError());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The result of `work`, or a `NetworkError` `timeout` after `ms`. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NetworkError('timeout', `No answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Delays that double from `first` to `last`, each between half and all of that. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly first: number,
    private readonly last: number,
  ) {}

  /** The next delay in milliseconds. */
  next(): number {
    const full = Math.min(this.last, this.first * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return full * (0.5 + Math.random() / 2);
  }

  /** How many delays were taken since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/**
 * An id that no other has: a UUID where the platform makes one. `crypto` is missing in React Native, `randomUUID` in pages
 * without TLS.
 */
export function uniqueId(): string {
  const { crypto } = globalThis;
  if (typeof crypto?.randomUUID === 'function') return crypto.randomUUID();
  const random = () => Math.random().toString(36).slice(2, 12).padEnd(10, '0');
  return `${Date.now().toString(36)}-${random()}-${random()}`;
}
