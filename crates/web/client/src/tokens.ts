/**
 * The tokens of the session: kept in the store, exchanged before they expire, by one tab at a time.
 *
 * Expiry is reckoned from when the token arrived and how long it lasts, not from its `exp`: the clock of the device may be
 * wrong.
 */

import { AccountBlockedError, AuthenticationError, NotSignedInError } from './errors.js';
import { exclusively } from './lock.js';
import { readJson, type Store } from './store.js';
import { Backoff } from './timing.js';
import type { Tokens } from './types.js';

const KEY = 'tokens';
/** Tokens are exchanged so long before they expire, or in the last fifth of a shorter life. */
const REFRESH_AHEAD = 5 * 60_000;
/** An access token with less than this left is taken for expired: a request has to arrive with it. */
const MIN_LEFT = 1_000;
/** The longest timer of the platforms. */
const MAX_TIMER = 2 ** 31 - 1;

interface StoredTokens extends Tokens {
  /** By the clock of the device. `null` if the token does not tell. */
  expiresAt: number | null;
  lifetime: number | null;
}

/** Why the session ended: `logged_out` by the app, `session_ended` by the service. A blocked account keeps its session. */
export type SignedOutReason = 'logged_out' | 'session_ended';

export interface TokensOptions {
  store: Store;
  /** Exchanges a refresh token. */
  exchange: (refreshToken: string) => Promise<Tokens>;
  /** The tokens are other ones, or gone. */
  onChange: (change: { userId: string | null; reason: SignedOutReason | null }) => void;
}

/** The tokens of one client. */
export class TokenKeeper {
  readonly #options: TokensOptions;
  readonly #channel: BroadcastChannel | null;
  readonly #backoff = new Backoff(1_000, 60_000);
  #current: StoredTokens | null = null;
  #loaded: Promise<void> | null = null;
  #refreshing: Promise<StoredTokens> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#channel = openChannel(() => void (this.#loaded && this.#reload(true)));
  }

  /** Reads the store, once. */
  load(): Promise<void> {
    this.#loaded ??= this.#reload(false);
    return this.#loaded;
  }

  /** The user of the tokens, or `null`. */
  get userId(): string | null {
    return this.#current && (claims(this.#current.accessToken)?.userId ?? null);
  }

  get refreshToken(): string | null {
    return this.#current?.refreshToken ?? null;
  }

  /** Keeps new tokens, of a login or a registration. */
  async set(tokens: Tokens): Promise<void> {
    await this.load();
    await this.#keep(stamped(tokens));
    this.#changed(null);
  }

  /** Forgets the tokens. */
  async clear(reason: SignedOutReason): Promise<void> {
    await this.load();
    this.#adopt(null);
    await this.#options.store.delete(KEY);
    this.#tell();
    this.#changed(reason);
  }

  /**
   * An access token that is valid, as far as the device can tell; exchanges it if it has expired. Throws `NotSignedInError`, or
   * what the exchange failed with.
   */
  async access(): Promise<string> {
    await this.load();
    if (!this.#current) throw new NotSignedInError();
    const { accessToken, expiresAt } = this.#current;
    if (expiresAt === null || left(expiresAt, this.#current.lifetime) > MIN_LEFT) return accessToken;
    return this.refresh(accessToken);
  }

  /**
   * Exchanges the tokens, unless that was done meanwhile: by this client, or by another tab. `refused` is the access token that
   * the service refused. Returns the new one. `NotSignedInError`: the session has ended.
   */
  async refresh(refused: string): Promise<string> {
    await this.load();
    if (this.#current && this.#current.accessToken !== refused) return this.#current.accessToken;
    this.#refreshing ??= this.#exchange(refused).finally(() => (this.#refreshing = null));
    return (await this.#refreshing).accessToken;
  }

  /** Ends timers and the channel. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#channel?.close();
  }

  async #exchange(refused: string): Promise<StoredTokens> {
    const { store, exchange } = this.#options;
    return exclusively(store, 'refresh', async () => {
      const stored = await readJson<StoredTokens>(store, KEY);
      if (!stored) {
        this.#adopt(null);
        this.#changed('logged_out');
        throw new NotSignedInError();
      }
      if (stored.accessToken !== refused) {
        const before = this.userId;
        this.#adopt(stored);
        // Another tab has signed in another user, which this one had not heard of.
        if (this.userId !== before) this.#changed(null);
        return stored;
      }
      try {
        const fresh = stamped(await exchange(stored.refreshToken));
        await this.#keep(fresh);
        this.#backoff.reset();
        return fresh;
      } catch (error) {
        // A blocked account keeps its tokens: they work again when the block is lifted.
        if (error instanceof AuthenticationError) await this.clear('session_ended');
        throw error instanceof AuthenticationError ? new NotSignedInError() : error;
      }
    });
  }

  async #keep(tokens: StoredTokens): Promise<void> {
    this.#adopt(tokens);
    await this.#options.store.set(KEY, JSON.stringify(tokens));
    this.#tell();
  }

  #adopt(tokens: StoredTokens | null): void {
    this.#current = tokens;
    this.#schedule();
  }

  /** Reads the store. `tells` whether another user is news. */
  async #reload(tells: boolean): Promise<void> {
    const before = this.userId;
    const stored = await readJson<StoredTokens>(this.#options.store, KEY);
    if (this.#closed || stored?.accessToken === this.#current?.accessToken) return;
    this.#adopt(stored);
    if (tells && this.userId !== before) this.#changed(stored ? null : 'logged_out');
  }

  #changed(reason: SignedOutReason | null): void {
    this.#options.onChange({ userId: this.userId, reason });
  }

  #tell(): void {
    if (!this.#closed) this.#channel?.postMessage('tokens');
  }

  /** Exchanges the tokens ahead of their end. */
  #schedule(after?: number): void {
    clearTimeout(this.#timer);
    const { expiresAt, lifetime, accessToken } = this.#current ?? {};
    if (this.#closed || !accessToken || expiresAt == null || lifetime == null) return;
    const ahead = Math.min(REFRESH_AHEAD, lifetime / 5);
    const wait = after ?? Math.max(0, left(expiresAt, lifetime) - ahead);
    this.#timer = setTimeout(
      () => {
        if (wait > MAX_TIMER) return this.#schedule();
        this.refresh(accessToken).catch((error: unknown) => {
          if (error instanceof NotSignedInError || error instanceof AccountBlockedError) return;
          this.#schedule(this.#backoff.next());
        });
      },
      Math.min(wait, MAX_TIMER),
    );
  }
}

/** What is left in milliseconds; the whole life at most, however the clock was set back. */
function left(expiresAt: number, lifetime: number | null): number {
  return Math.min(expiresAt - Date.now(), lifetime ?? Infinity);
}

function stamped({ accessToken, refreshToken }: Tokens): StoredTokens {
  const { iat, exp } = claims(accessToken) ?? {};
  const lifetime = typeof iat === 'number' && typeof exp === 'number' ? (exp - iat) * 1000 : null;
  return { accessToken, refreshToken, lifetime, expiresAt: lifetime === null ? null : Date.now() + lifetime };
}

/** The claims of a token, which this client cannot verify and does not rely on. */
function claims(token: string): { userId?: string; iat?: number; exp?: number } | null {
  try {
    const text = atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'));
    return JSON.parse(text) as ReturnType<typeof claims>;
  } catch {
    return null;
  }
}

/** The channel between the tabs of an origin, where there is one. */
function openChannel(onMessage: () => void): BroadcastChannel | null {
  if (typeof BroadcastChannel !== 'function') return null;
  const channel = new BroadcastChannel('allynet');
  channel.onmessage = onMessage;
  // Node.js would wait for messages for ever.
  (channel as { unref?: () => void }).unref?.();
  return channel;
}
