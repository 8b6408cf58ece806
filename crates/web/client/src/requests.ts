/** Typed requests of every route, with the token of the session, and repeated where that is safe and can help. */

import { ApiError, AuthenticationError, NetworkError, NotSignedInError, RateLimitError, ServiceError } from './errors.js';
import type { Send } from './http.js';
import { Backoff, delay } from './timing.js';
import type { TokenKeeper } from './tokens.js';
import type { Routes } from './types.js';

/** How often a request is sent at most. */
const MAX_ATTEMPTS = 3;
/** A longer wait than this is left to the app. */
const MAX_RETRY_AFTER = 5_000;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** The paths that the service has for a method. */
export type PathOf<M extends Method> = keyof Routes extends infer Key ? (Key extends `${M} ${infer Path}` ? Path : never) : never;

type RouteOf<M extends Method, P extends string> = `${M} ${P}` extends keyof Routes ? Routes[`${M} ${P}`] : never;

/** The `data` that a route answers. */
export type DataOf<M extends Method, P extends string> = RouteOf<M, P> extends { data: infer Data } ? Data : never;

export interface CallOptions {
  /** Calls the request off. */
  signal?: AbortSignal;
}

/** `params`, `query` and `body`, as far as the route has them. */
export type RequestOptions<M extends Method, P extends string> = Omit<RouteOf<M, P>, 'data'> & CallOptions;

type Rest<T> = object extends T ? [options?: T] : [options: T];

interface Untyped extends CallOptions {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/** Routes without a token. A stale one would make some of them fail. */
const OPEN = /^\/(auth\/(register|login|refresh|forgot-password|reset-password)|push\/key|alerts\/receipts|app\/config)$/;
/** Posts that change nothing more when they arrive twice. */
const REPEATABLE_POST = /^\/emergencies\/[^/]+\/respond$/;

export class Requests {
  readonly #send: Send;
  readonly #tokens: TokenKeeper;

  constructor(send: Send, tokens: TokenKeeper) {
    this.#send = send;
    this.#tokens = tokens;
  }

  /**
   * Sends a request and returns the `data` of the answer. `{id}` in the path stands for `params.id`. Reads, and writes that may
   * arrive twice, are repeated when the service does not answer or is not available; an expired token is exchanged once.
   */
  async request<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...[options]: Rest<RequestOptions<M, P>>
  ): Promise<DataOf<M, P>> {
    const { params = {}, query, body, signal } = (options ?? {}) as Untyped;
    const filled = fill(path, params) + search(query);
    const attempt = () => this.authorized({ method, path: filled, body, signal });
    return (await (repeatable(method, path, body) ? repeated(attempt, signal) : attempt())) as DataOf<M, P>;
  }

  /**
   * One request, with the token of the session. If the service refuses the token, with another one once more.
   * `NotSignedInError`: another user has been signed in meanwhile, for whom the request was not made.
   */
  async authorized(request: Omit<Parameters<Send>[0], 'token'>): Promise<unknown> {
    if (OPEN.test(request.path)) return this.#send(request);
    await this.#tokens.load();
    const { userId } = this.#tokens;
    const sendWith = (token: string) => {
      if (this.#tokens.userId !== userId) throw new NotSignedInError();
      return this.#send({ ...request, token });
    };
    const token = await this.#tokens.access();
    try {
      return await sendWith(token);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      return sendWith(await this.#tokens.refresh(token));
    }
  }
}

function fill(path: string, params: Record<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === '') throw new TypeError(`${path} needs params.${name}`);
    return encodeURIComponent(value);
  });
}

function search(query: Record<string, unknown> | undefined): string {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  if (entries.length === 0) return '';
  return `?${entries.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`).join('&')}`;
}

function repeatable(method: string, path: string, body: unknown): boolean {
  if (method !== 'POST') return true;
  return REPEATABLE_POST.test(path) || (body as { requestId?: unknown } | undefined)?.requestId != null;
}

/** Whether the same request may succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError || error instanceof RateLimitError) return true;
  // 501: the operator has not set this up. 500: a fault that repeats.
  return error instanceof ServiceError && (error.status === 503 || error.status === 408 || error.status === 502 || error.status === 504);
}

async function repeated<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const backoff = new Backoff(400, 4_000);
  for (let sent = 1; ; sent += 1) {
    try {
      return await attempt();
    } catch (error) {
      const wait = (error instanceof ApiError && error.retryAfterMs) || backoff.next();
      if (!isTransient(error) || wait > MAX_RETRY_AFTER || sent >= MAX_ATTEMPTS) throw error;
      await delay(wait, signal);
    }
  }
}
