/** One request to the REST API: sends it, reads the envelope of the answer, and turns failures into typed errors. */

import { AllyError, CancelledError, NetworkError, apiError, type FieldProblem } from './errors.js';

/** How long one attempt may take. */
const REQUEST_LIMIT = 15_000;

export interface HttpRequest {
  method: string;
  /** Below `/api/v1`, with parameters filled in. */
  path: string;
  body?: unknown;
  token?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Whether the browser is to finish it although the page is left. */
  keepalive?: boolean;
  limit?: number;
}

/** Sends requests to one service. */
export type Send = (request: HttpRequest) => Promise<unknown>;

/** `url` is the address of the service; `fetch` that of the platform unless given. */
export function createSend(url: string, fetch: typeof globalThis.fetch): Send {
  const base = `${url.replace(/\/+$/, '')}/api/v1`;
  return async ({ method, path, body, token, signal, keepalive, limit = REQUEST_LIMIT }) => {
    const abort = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      abort.abort();
    }, limit);
    const stop = () => abort.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    try {
      const answer = await fetch(base + path, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(keepalive && { keepalive }),
        signal: abort.signal,
      });
      return read(answer.status, answer.headers, await answer.text());
    } catch (error) {
      if (late) throw new NetworkError('timeout', `${method} ${path}: no answer within ${limit} ms`, { cause: error });
      if (signal?.aborted) throw new CancelledError();
      if (error instanceof AllyError) throw error;
      throw new NetworkError('network', `${method} ${path}: no connection`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  };
}

interface Envelope {
  success?: unknown;
  data?: unknown;
  error?: { reason?: unknown; message?: unknown; details?: readonly FieldProblem[] | null };
}

function read(status: number, headers: Headers, text: string): unknown {
  const body = parse(text);
  if (body?.success === true) return body.data ?? null;
  const { reason, message, details } = body?.error ?? {};
  if (body?.success !== false || typeof reason !== 'string') {
    // A gateway that finds no service behind it, or a hotspot that answers everything with its own page.
    throw new NetworkError('not_allynet', `Status ${status} with a body that is none of AllyNet`);
  }
  throw apiError({
    status,
    reason,
    message: String(message),
    details: details ?? [],
    requestId: headers.get('x-request-id'),
    retryAfterMs: retryAfter(headers.get('retry-after')),
  });
}

function parse(text: string): Envelope | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function retryAfter(value: string | null): number | null {
  const seconds = Number(value ?? undefined);
  return Number.isFinite(seconds) ? seconds * 1000 : null;
}
