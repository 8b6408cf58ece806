/**
 * The socket: connects, shows the token, and comes back after whatever can pass. Knows no event but those about the connection.
 *
 * Coming back is left to the official client wherever it does that by itself. It does not after a refused handshake and after a
 * DISCONNECT of the service: then this class does, if that can help.
 */

import { Manager, type Socket } from 'socket.io-client';
import { AccountBlockedError, AllyError, NetworkError, NotSignedInError, SocketError } from './errors.js';
import { Backoff } from './timing.js';
import type { TokenKeeper } from './tokens.js';
import type { ClientEvents, SessionReadyPayload } from './types.js';

const NAMESPACE = '/emergencies';
/** How long opening the transport may take. */
const OPEN_LIMIT = 10_000;
/** How long the service may take from the open transport to `session:ready`. */
const READY_LIMIT = 20_000;
/** How long an event may take to be answered. */
const ANSWER_LIMIT = 10_000;

/** Why there is no connection, and none comes by itself. */
export type StopReason =
  /** `connect()` was not called yet. */
  | 'not_started'
  /** The app called `disconnect()` or `close()`. */
  | 'disconnected'
  /** There are no tokens. A login connects. */
  | 'signed_out'
  /** The session was revoked or has expired. A login connects. */
  | 'session_ended'
  /** An administrator blocked the account. */
  | 'account_blocked'
  /** The service does not accept pages of this origin. */
  | 'origin_not_allowed'
  /** The user has ten newer connections. `connect()` displaces the oldest of them. */
  | 'too_many_connections';

/** Why the connection is not there yet: `null` at the first attempt. */
export type WaitReason = 'network' | 'service' | 'token' | null;

export type ConnectionState =
  | { readonly status: 'stopped'; readonly reason: StopReason }
  /** It is being tried, for as long as it takes. `attempt` counts from 1 since the last connection. */
  | { readonly status: 'connecting'; readonly reason: WaitReason; readonly attempt: number }
  | { readonly status: 'connected'; readonly userId: string };

export interface ConnectionOptions {
  url: string;
  tokens: TokenKeeper;
  /** The last event that was handled. */
  lastEventId: () => Promise<number | null>;
  onState: (state: ConnectionState) => void;
  /** `resumedFrom` is what was given as `lastEventId`. */
  onReady: (ready: SessionReadyPayload, resumedFrom: number | null) => void;
  onEvent: (name: string, payload: unknown, acknowledge: (() => void) | undefined) => void;
}

interface Waiter {
  resolve: () => void;
  reject: (error: Error) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #manager: Manager;
  readonly #socket: Socket;
  readonly #backoff = new Backoff(1_000, 30_000);
  readonly #waiters = new Set<Waiter>();
  #state: ConnectionState = { status: 'stopped', reason: 'not_started' };
  #attempt = 0;
  /** The token and `lastEventId` of the present handshake. */
  #shown: { token: string; lastEventId: number | null } | null = null;
  /** The token that the service refused. */
  #refused: string | null = null;
  /** How many different tokens were refused since the last connection. */
  #refusals = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #overdue: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#manager = new Manager(options.url.replace(/\/+$/, ''), {
      autoConnect: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      timeout: OPEN_LIMIT,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5_000,
    });
    this.#socket = this.#manager.socket(NAMESPACE, { auth: (give) => void this.#introduce(give) });
    this.#manager.on('close', () => clearTimeout(this.#overdue));
    this.#socket.on('disconnect', (reason) => this.#disconnected(reason));
    this.#socket.on('connect_error', (error) => this.#failed(error));
    this.#socket.onAny((name: string, payload: unknown, acknowledge: unknown) => {
      this.#received(name, payload, typeof acknowledge === 'function' ? () => void acknowledge() : undefined);
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, unless it is connected or about to be. */
  start(): void {
    if (this.#state.status !== 'stopped') return;
    this.#attempt = 0;
    this.#refusals = 0;
    this.#backoff.reset();
    this.#open(null);
  }

  /** Disconnects for `reason`, until `start()`. */
  stop(reason: StopReason): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#overdue);
    this.#socket.disconnect();
    this.#change({ status: 'stopped', reason });
    for (const { reject } of this.#waiters) reject(stoppedError(reason));
    this.#waiters.clear();
  }

  /** Tries at once rather than after the present back-off: the network is back, the page is visible again. */
  hurry(): void {
    if (this.#state.status !== 'connecting' || this.#manager._readyState === 'open') return;
    clearTimeout(this.#retry);
    this.#socket.disconnect();
    this.#open(this.#state.reason);
  }

  /** Resolves when connected; rejects when it stops, or with `NetworkError` `offline` after `limit`. */
  connected(limit?: number): Promise<void> {
    if (this.#state.status === 'connected') return Promise.resolve();
    if (this.#state.status === 'stopped') return Promise.reject(stoppedError(this.#state.reason));
    return new Promise((resolve, reject) => {
      const late = () => settle(() => reject(new NetworkError('offline', 'There is no connection')));
      const timer = limit === undefined ? undefined : setTimeout(late, limit);
      const settle = (how: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        how();
      };
      const waiter: Waiter = { resolve: () => settle(resolve), reject: (error) => settle(() => reject(error)) };
      this.#waiters.add(waiter);
    });
  }

  /**
   * Sends an event when connected, and returns what the service acknowledged. It is never sent later: an event that cannot be
   * sent in time fails with a `NetworkError`. A refusal is a `SocketError`.
   */
  async send<Name extends keyof ClientEvents>(
    name: Name,
    payload: ClientEvents[Name]['payload'],
    limit = ANSWER_LIMIT,
  ): Promise<ClientEvents[Name]['answer']> {
    await this.connected(limit);
    let answer: { ok: boolean; error?: { code: string; message: string; retryAfterMs?: number | null } };
    try {
      answer = await this.#socket.timeout(limit).emitWithAck(name, payload);
    } catch (error) {
      const reason = this.#state.status === 'connected' ? 'timeout' : 'offline';
      throw new NetworkError(reason, `${name} was not answered`, { cause: error });
    }
    if (answer.ok) {
      const { ok: _, ...rest } = answer;
      return rest as ClientEvents[Name]['answer'];
    }
    const { code, message, retryAfterMs } = answer.error ?? { code: 'internal', message: 'No reason' };
    throw new SocketError(code, message, name, retryAfterMs ?? null);
  }

  // ----------------------------------------------------------------------------------------- handshake

  #open(reason: WaitReason): void {
    this.#attempt += 1;
    this.#change({ status: 'connecting', reason, attempt: this.#attempt });
    this.#socket.connect();
  }

  /** Shows the token and the last event to the service, once its transport is open. */
  async #introduce(give: (auth: object) => void): Promise<void> {
    const { engine } = this.#manager;
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => engine.close(), READY_LIMIT);
    try {
      const { tokens, lastEventId } = this.#options;
      const token = this.#refused === null ? await tokens.access() : await tokens.refresh(this.#refused);
      const shown = { token, lastEventId: await lastEventId() };
      // Meanwhile the transport may have been replaced by another one, which introduces itself.
      if (this.#manager.engine !== engine || engine.readyState !== 'open') return;
      this.#shown = shown;
      give(shown.lastEventId === null ? { token } : shown);
    } catch (error) {
      if (this.#manager.engine !== engine) return;
      if (error instanceof NotSignedInError) this.stop('session_ended');
      else if (error instanceof AccountBlockedError) this.stop('account_blocked');
      else this.#later('token');
    }
  }

  #received(name: string, payload: unknown, acknowledge: (() => void) | undefined): void {
    if (name === 'session:ready') {
      const ready = payload as SessionReadyPayload;
      clearTimeout(this.#overdue);
      this.#attempt = 0;
      this.#refusals = 0;
      this.#refused = null;
      this.#backoff.reset();
      this.#change({ status: 'connected', userId: ready.userId });
      this.#options.onReady(ready, this.#shown?.lastEventId ?? null);
      for (const { resolve } of [...this.#waiters]) resolve();
      return;
    }
    if (name === 'error') this.#closing(payload as { code?: string; event?: string | null });
    this.#options.onEvent(name, payload, acknowledge);
  }

  /** An `error` that says why the service is about to close the connection. */
  #closing({ code, event }: { code?: string; event?: string | null }): void {
    if (code === 'token_expired') this.#refused = this.#shown?.token ?? null;
    if (code === 'account_blocked') this.stop('account_blocked');
    // Coming back would displace another connection, which would come back too.
    if (code === 'rate_limited' && event == null) this.stop('too_many_connections');
  }

  #disconnected(reason: string): void {
    if (this.#state.status === 'stopped') return;
    if (this.#socket.active) this.#waits('network');
    else if (reason !== 'io client disconnect') this.#later('service');
  }

  /** No connection: either the transport failed, or the service refused the handshake. */
  #failed(error: Error): void {
    if (this.#state.status === 'stopped') return;
    if (this.#socket.active) return this.#waits('network');
    switch (error.message) {
      case 'Authentication error: Account is inactive or blocked':
        return this.stop('account_blocked');
      case 'Origin not allowed':
        return this.stop('origin_not_allowed');
      case 'Authentication error: Token expired':
      case 'Authentication error: Invalid token':
      case 'Authentication error: No token provided':
        // With a new token once more. If that is refused as well, another would be, too.
        this.#refusals += 1;
        if (this.#refusals > 1) return this.stop('session_ended');
        this.#refused = this.#shown?.token ?? null;
        return this.#open('token');
      default:
        return this.#later('service');
    }
  }

  /** The official client is trying again. */
  #waits(reason: WaitReason): void {
    this.#attempt += 1;
    this.#change({ status: 'connecting', reason, attempt: this.#attempt });
  }

  /** Tries again after a back-off of our own. */
  #later(reason: WaitReason): void {
    this.#change({ status: 'connecting', reason, attempt: this.#attempt + 1 });
    this.#socket.disconnect();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(reason), this.#backoff.next());
  }

  #change(state: ConnectionState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#options.onState(state);
  }
}

function stoppedError(reason: StopReason): AllyError {
  if (reason === 'signed_out' || reason === 'session_ended') return new NotSignedInError();
  return new AllyError(reason, `There is no connection: ${reason}`);
}
