/** The client: puts the parts together. What each does is in its own file. */

import { Alerts, type AlertHandler } from './alerts.js';
import { accountApi, adminApi, emergencyApi, helperApi, resourceApi, type AccountApi, type AdminApi, type EmergencyApi, type HelperApi, type ResourceApi } from './api.js';
import { Connection, type ConnectionState } from './connection.js';
import { Delivery } from './delivery.js';
import { DispatcherRoom } from './dispatchers.js';
import { AccountBlockedError, AllyError, NotSignedInError, SocketError } from './errors.js';
import { Emitter, type Unsubscribe } from './events.js';
import { createSend } from './http.js';
import { Positions, type Fix } from './positions.js';
import { Raiser, type PendingRaise, type RaiseOptions, type RaiseResult, type RaiseProgress } from './raise.js';
import { Requests, type DataOf, type Method, type PathOf, type RequestOptions } from './requests.js';
import { defaultStore, resilientStore, type Store } from './store.js';
import { Backoff, delay } from './timing.js';
import { TokenKeeper, type SignedOutReason } from './tokens.js';
import type { AppConfig, AppEvents, ClientEvents, Emergency, ErrorPayload, Raise, Register, ServerEvents, Tokens, User } from './types.js';

/** How long logging out waits for the service. */
const LOGOUT_LIMIT = 3_000;
/** How often a snapshot is read again because events have come while it was read. */
const MAX_SNAPSHOT_READS = 5;

export interface ClientOptions {
  /** The address of the service, such as `https://allynet.example.org`. */
  url: string;
  /** Where tokens and unfinished business are kept: `localStorage` where there is one, otherwise the memory. */
  store?: Store;
  /** In place of the platform's. */
  fetch?: typeof globalThis.fetch;
}

/**
 * The state of everything that concerns the user as owner and helper, read when it cannot be known from events. Others' emergencies that
 * a dispatcher follows are not in it. It may come before or after a `raise()` of the same time resolves.
 */
export interface Snapshot {
  /** `started`, or why the missed events could not be replayed: `session:resync` in `/api/docs/events` of the service. */
  reason: string;
  /** The user's own live emergency. */
  active: Emergency | null;
  /** The emergency that the user responds to, or has completed, until it ends. */
  helping: Emergency | null;
  /** Live emergencies that wait for the user's answer. */
  pending: Emergency[];
}

/** What the client itself tells. */
export interface LocalEvents {
  /** The connection has changed. */
  connection: ConnectionState;
  /** Show this in place of what is shown: at the start, and when too much was missed. */
  snapshot: Snapshot;
  signedIn: { userId: string };
  signedOut: { reason: SignedOutReason };
  /** A call for help gets on: also one of before a reload. */
  raise: RaiseProgress;
  /** A fault that no call of the app hears of: of a handler, a position, or the connection. */
  error: AllyError;
}

export type AllyEvents = LocalEvents & AppEvents;

/** Creates a client. It does nothing until a method is called. */
export function createClient(options: ClientOptions): AllyClient {
  return new AllyClient(options);
}

export class AllyClient {
  /** Sends a request to any route: `request('GET', '/emergencies/{id}', { params: { id } })`. Returns the `data` of the answer. */
  readonly request = <M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...options: object extends RequestOptions<M, P> ? [options?: RequestOptions<M, P>] : [options: RequestOptions<M, P>]
  ): Promise<DataOf<M, P>> => this.#requests.request(method, path, ...options);
  /** One's own account, contacts, blocks and devices. */
  readonly account: AccountApi = accountApi(this);
  /** Emergencies, one's own and others'. */
  readonly emergencies: EmergencyApi = emergencyApi(this);
  /** What helpers do. */
  readonly helper: HelperApi = helperApi(this);
  /** What administrators do. */
  readonly admin: AdminApi = adminApi(this);
  /** Defibrillators and other things that help. */
  readonly resources: ResourceApi = resourceApi(this);
  readonly #store: Store;
  readonly #tokens: TokenKeeper;
  readonly #requests: Requests;
  readonly #connection: Connection;
  readonly #delivery: Delivery;
  readonly #alerts: Alerts;
  readonly #raiser: Raiser;
  readonly #positions: Positions;
  readonly #local = new Emitter<LocalEvents>();
  readonly #remote = new Emitter<AppEvents>();
  /** Rooms of emergencies that the user only looks at. */
  readonly #rooms = new Set<string>();
  readonly #dispatchers: DispatcherRoom;
  #isWanted = false;
  #snapshots = new AbortController();

  constructor({ url, store = defaultStore(), fetch = globalThis.fetch.bind(globalThis) }: ClientOptions) {
    const send = createSend(url, fetch);
    this.#store = resilientStore(store);
    this.#tokens = new TokenKeeper({
      store: this.#store,
      exchange: async (refreshToken) => (await send({ method: 'POST', path: '/auth/refresh', body: { refreshToken } })) as Tokens,
      onChange: (change) => this.#onTokens(change),
    });
    this.#requests = new Requests(send, this.#tokens);
    this.#connection = new Connection({
      url,
      tokens: this.#tokens,
      lastEventId: () => this.#delivery.lastEventId(this.#tokens.userId),
      onState: (state) => this.#tell('connection', state),
      onReady: (ready, resumedFrom) => {
        this.#delivery.ready(ready, resumedFrom);
        this.#positions.resume();
        this.#raiser.hurry();
        void this.#rejoin(resumedFrom);
      },
      onEvent: (name, payload, acknowledge) => this.#onEvent(name, payload, acknowledge),
    });
    this.#dispatchers = new DispatcherRoom((name, payload) => this.send(name, payload));
    this.#alerts = new Alerts(this.#connection, this.#requests);
    this.#delivery = new Delivery({
      store: this.#store,
      emitter: this.#remote,
      takeAlert: (alert) => this.#takeAlert(alert),
      takeSnapshot: (reason) => this.#takeSnapshot(reason),
      onHandlerError: (event, error) => this.#onHandlerError(event, error),
    });
    this.#raiser = new Raiser({
      store: this.#store,
      requests: this.#requests,
      userId: () => this.#tokens.userId,
      onProgress: (progress) => this.#tell('raise', progress),
    });
    this.#positions = new Positions(this.#connection, (error) => this.#tell('error', error));
    globalThis.addEventListener?.('online', this.#hurry);
    globalThis.document?.addEventListener?.('visibilitychange', this.#hurry);
  }

  // ------------------------------------------------------------------------------------------- session

  /** Makes an account and logs in: `email`, `password`, and `name` or `firstName`. */
  async register(account: Register): Promise<User> {
    return this.#signIn(await this.request('POST', '/auth/register', { body: account }));
  }

  /** Logs in. Connects, if `connect()` was called before. */
  async login(email: string, password: string): Promise<User> {
    return this.#signIn(await this.request('POST', '/auth/login', { body: { email, password } }));
  }

  /**
   * Ends the session, here in any case, and on the service if it answers. Alerts do not reach this device any more, but a helper stays
   * on duty, is chosen and counted, and is alerted on their other devices, by email and by telephone: `helper.update({ available: false })`
   * before it ends the duty.
   */
  async logout(): Promise<void> {
    await this.#tokens.load();
    const { refreshToken } = this.#tokens;
    if (refreshToken === null) return;
    const signal = new AbortController();
    const timer = setTimeout(() => signal.abort(), LOGOUT_LIMIT);
    await this.request('POST', '/auth/logout', { body: { refreshToken }, signal: signal.signal }).catch(() => undefined);
    clearTimeout(timer);
    await this.#raiser.reset();
    await this.#tokens.clear('logged_out');
  }

  /** The id of the user whose tokens are kept, or `null`. */
  async userId(): Promise<string | null> {
    await this.#tokens.load();
    return this.#tokens.userId;
  }

  /** What the service says about itself before anybody signs in: emergency number, countdown, map. */
  appConfig(): Promise<AppConfig> {
    return this.request('GET', '/app/config');
  }

  // ---------------------------------------------------------------------------------------- connection

  /**
   * Connects, and keeps connecting until `disconnect()`, over logins too: an app calls it once. Resolves when connected; rejects
   * when that needs the user (`NotSignedInError`, `account_blocked`). Also goes on with a call for help of before a reload.
   */
  connect(): Promise<void> {
    this.#isWanted = true;
    const connected = this.#start();
    // An app that shows `connection` need not wait.
    connected.catch(() => undefined);
    return connected;
  }

  /** Disconnects until `connect()`. */
  disconnect(): void {
    this.#isWanted = false;
    this.#connection.stop('disconnected');
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Ends everything: timers, the connection, handlers. Tokens and a pending call stay in the store. */
  close(): void {
    globalThis.removeEventListener?.('online', this.#hurry);
    globalThis.document?.removeEventListener?.('visibilitychange', this.#hurry);
    this.disconnect();
    this.#raiser.close();
    this.#positions.close();
    this.#tokens.close();
    this.#snapshots.abort();
    this.#local.clear();
    this.#remote.clear();
    this.#alerts.clear();
  }

  // -------------------------------------------------------------------------------------------- events

  /**
   * Calls `handler` with every such event, each once, in the order of the service. An event counts as handled when the promise
   * of its handlers is settled. Returns a function that ends it.
   */
  on<Name extends keyof AllyEvents>(name: Name, handler: (payload: AllyEvents[Name]) => unknown): Unsubscribe {
    const emitter = (LOCAL.has(name) ? this.#local : this.#remote) as unknown as Emitter<AllyEvents>;
    return emitter.on(name, handler);
  }

  /**
   * Takes alerts. An alert is acknowledged when every handler of it, those of `on('emergency:nearby')` included, has taken it. Use one of
   * the two. See `AlertHandler` for what an alert that is not acknowledged means.
   */
  onAlert(handler: AlertHandler): Unsubscribe {
    return this.#alerts.on(handler);
  }

  /** Sends an event and returns what the service acknowledged, without its `ok`. A refusal is a `SocketError`. */
  send<Name extends keyof ClientEvents>(name: Name, payload: ClientEvents[Name]['payload']): Promise<ClientEvents[Name]['answer']> {
    return this.#connection.send(name, payload);
  }

  /** Follows an emergency without taking part, over reconnections, until `leave()`. Participants follow theirs without this. */
  async join(emergencyId: string | 'current'): Promise<string> {
    const { emergencyId: joined } = await this.send('emergency:join', { emergencyId });
    if (emergencyId !== 'current') this.#rooms.add(joined);
    return joined;
  }

  async leave(emergencyId: string | 'current'): Promise<void> {
    this.#rooms.delete(emergencyId);
    await this.send('emergency:leave', { emergencyId });
  }

  /**
   * Follows all emergencies, over reconnections, until `leaveDispatchers()` or an `error` for `dispatcher:join`. For administrators. Call
   * `connect()` before: without a connection that is wanted it rejects with the reason of the connection, such as `not_started`. What
   * is live already is read after it, with `admin.emergencies()`.
   */
  async joinDispatchers(): Promise<void> {
    await this.#dispatchers.join();
  }

  async leaveDispatchers(): Promise<void> {
    await this.#dispatchers.leave();
  }

  // --------------------------------------------------------------------------------------- for helpers and owners

  /**
   * Raises an emergency; resolves when the service has it. Tries until then: also after a reload, by `connect()`. A second call
   * meanwhile joins the first. If the user has a live emergency, it resolves to that one (`alreadyActive`).
   */
  async raise(emergency: Raise, options: RaiseOptions = {}): Promise<RaiseResult> {
    await this.#tokens.load();
    return this.#raiser.raise(emergency, options);
  }

  /** A call for help that the service has not answered yet, or `null`. */
  async pendingRaise(): Promise<PendingRaise | null> {
    await this.#tokens.load();
    return this.#raiser.pending();
  }

  /** Goes on with a call of before a reload, however old. `connect()` does that for one of the last quarter of an hour. */
  async resumePending(): Promise<RaiseResult | null> {
    await this.#tokens.load();
    return this.#raiser.resume();
  }

  /** Calls off a call that is still under way; if it has arrived nevertheless, the emergency is cancelled. */
  async cancelRaise(): Promise<boolean> {
    await this.#tokens.load();
    return this.#raiser.cancel();
  }

  /**
   * Reports the user's position when there is a connection: the newest only. Returns at once; a report that failed for good is an `error`
   * event. `send('location:update', position)` waits for the answer, whose `stored` tells whether it is the newest.
   */
  reportPosition(position: Fix): void {
    this.#positions.report(position);
  }

  // ------------------------------------------------------------------------------------------- private

  async #signIn({ user, tokens }: { user: User; tokens: Tokens }): Promise<User> {
    await this.#tokens.set(tokens);
    return user;
  }

  async #start(): Promise<void> {
    await this.#tokens.load();
    if (!this.#isWanted) return this.#connection.connected();
    if (this.#tokens.userId === null) {
      this.#connection.stop('signed_out');
      throw new NotSignedInError();
    }
    this.#connection.start();
    void this.#raiser.resumeRecent();
    await this.#connection.connected();
  }

  #onTokens({ userId, reason }: { userId: string | null; reason: SignedOutReason | null }): void {
    this.#rooms.clear();
    this.#dispatchers.reset();
    this.#positions.reset();
    if (userId === null) {
      this.#connection.stop(reason === 'session_ended' ? 'session_ended' : 'signed_out');
      return this.#tell('signedOut', { reason: reason ?? 'logged_out' });
    }
    if (this.#connection.state.status !== 'stopped') this.#connection.stop('disconnected');
    this.#tell('signedIn', { userId });
    if (this.#isWanted) this.#start().catch(() => undefined);
  }

  #onEvent(name: string, payload: unknown, acknowledge: (() => void) | undefined): void {
    if (name !== 'error') return this.#delivery.receive(name, payload, acknowledge);
    const { code, message, event, retryAfterMs } = payload as ErrorPayload;
    // The refusal of an event is what its `send()` fails with. A room that is over was joined long before.
    if (event == null || this.#dispatchers.isEndedBy(event)) this.#tell('error', new SocketError(code, message, event ?? null, retryAfterMs ?? null));
  }

  /** Joins again what the user only looks at, and resumes there. */
  async #rejoin(resumedFrom: number | null): Promise<void> {
    await this.#dispatchers.rejoin(resumedFrom);
    for (const emergencyId of [...this.#rooms]) {
      const payload = resumedFrom === null ? { emergencyId } : { emergencyId, lastEventId: resumedFrom };
      await this.send('emergency:join', payload).catch((error: unknown) => {
        // It has ended, or the user may not look at it any more. Without an answer the next connection joins again.
        if (error instanceof SocketError && error.reason !== 'rate_limited') this.#rooms.delete(emergencyId);
      });
    }
  }

  async #takeAlert(alert: ServerEvents['emergency:nearby']): Promise<boolean> {
    const [own, general] = await Promise.all([this.#alerts.offer(alert), this.#remote.emit('emergency:nearby', alert)]);
    const results = [...own, ...general];
    for (const result of results) if (result.status === 'rejected') this.#onHandlerError('emergency:nearby', result.reason);
    return results.length > 0 && results.every(({ status }) => status === 'fulfilled');
  }

  /** Reads the state until that succeeds, and hands it to the app. A later call takes the place of an earlier one. */
  async #takeSnapshot(reason: string): Promise<boolean> {
    this.#snapshots.abort();
    if (!this.#local.has('snapshot')) return true;
    this.#snapshots = new AbortController();
    const { signal } = this.#snapshots;
    const backoff = new Backoff(1_000, 30_000);
    for (let reads = 1; ; reads += 1) {
      try {
        const options = { signal };
        const { emitted } = this.#delivery;
        const [active, helping, pending] = await Promise.all([
          this.request('GET', '/emergencies/active', options),
          this.request('GET', '/emergencies/helper-active', options),
          this.request('GET', '/emergencies/pending-for-helper', options),
        ]);
        if (signal.aborted) return false;
        // The answers may be older than an event that came meanwhile, whose change they would take back.
        if (emitted !== this.#delivery.emitted && reads < MAX_SNAPSHOT_READS) continue;
        const snapshot = { reason, active: active?.emergency ?? null, helping: helping?.emergency ?? null, pending };
        for (const result of await this.#local.emit('snapshot', snapshot)) {
          if (result.status === 'rejected') this.#onHandlerError('snapshot', result.reason);
        }
        return true;
      } catch (error) {
        if (signal.aborted || error instanceof NotSignedInError || error instanceof AccountBlockedError) return false;
        await delay(backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  #onHandlerError(event: string, error: unknown): void {
    this.#tell('error', new AllyError('handler_failed', `A handler of ${event} failed`, { cause: error }));
  }

  #tell<Name extends keyof LocalEvents>(name: Name, payload: LocalEvents[Name]): void {
    void this.#local.emit(name, payload).then((results) => {
      for (const result of results) {
        // A failing handler of `error` must not call itself.
        if (result.status === 'rejected' && name !== 'error') this.#onHandlerError(name, result.reason);
      }
    });
  }

  readonly #hurry = (): void => {
    if (globalThis.document?.visibilityState === 'hidden') return;
    this.#connection.hurry();
    this.#raiser.hurry();
  };
}

const LOCAL: ReadonlySet<string> = new Set<keyof LocalEvents>(['connection', 'snapshot', 'signedIn', 'signedOut', 'raise', 'error']);
