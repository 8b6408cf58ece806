// Callers: clients of one node over REST and sockets, which record every byte they receive.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { LiveSocket, RawConnection } from './sockets.mjs';

const REQUEST_LIMIT = 60_000;
/** Methods of requests that may be repeated. */
const IDEMPOTENT = ['GET', 'PUT'];
/** How often a request is sent, and the delay between, when the service gave up a database that was slow for a moment. */
const [MAX_ATTEMPTS, RETRY_DELAY] = [5, 500];

/** A user at a node. */
export class Caller {
  id = null;
  tokens = null;
  #received = [];

  constructor(node) {
    this.node = node;
    this.headers = node.nextHeaders();
  }

  /** Every byte that this caller received, over REST and sockets: status lines, headers, bodies, packets. */
  get received() {
    return this.#received.join('\n');
  }

  record(text) {
    this.#received.push(text);
  }

  /** The same user and session at another node. */
  at(node) {
    return Object.assign(new Caller(node), { ...this, node });
  }

  // Paths are the contract's, below /api/v1.
  get(path, options) {
    return this.request('GET', path, undefined, options);
  }
  post(path, body, options) {
    return this.request('POST', path, body, options);
  }
  put(path, body, options) {
    return this.request('PUT', path, body, options);
  }
  patch(path, body, options) {
    return this.request('PATCH', path, body, options);
  }
  delete(path, body, options) {
    return this.request('DELETE', path, body, options);
  }

  /**
   * Sends a request: `{ status, headers, text, body }`; `body` is undefined if the answer is not JSON. A string is sent
   * unchanged, any other body as JSON. `root: ''` is for paths outside of /api/v1, `url` for another listener of the node.
   *
   * A busy machine may take longer than the service waits for its database. What may be repeated is then, as clients do; whatever else
   * a 503 is caused by is in the log, and fails the test when the node stops.
   */
  async request(method, path, body, { isRepeatable = IDEMPOTENT.includes(method), ...options } = {}) {
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#send(method, path, body, options);
      const isLate = result.status === 503 && isRepeatable && !this.node.expectsFaults;
      if (!isLate || attempt === MAX_ATTEMPTS) return result;
      await pause(RETRY_DELAY);
    }
  }

  async #send(method, path, body, { headers = {}, root = '/api/v1', url = this.node.url }) {
    const answer = await fetch(url + root + path, {
      method,
      headers: {
        ...(this.tokens && { authorization: `Bearer ${this.tokens.accessToken}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...this.headers,
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_LIMIT),
    });
    const text = await answer.text();
    this.record(`${answer.status} ${answer.statusText}`);
    for (const [name, value] of answer.headers) this.record(`${name}: ${value}`);
    this.record(text);
    const result = { status: answer.status, headers: answer.headers, text, body: parsed(text) };
    if (url === this.node.url) this.node.judge(this.node.documents?.judgeAnswer(method, root + path, result));
    return result;
  }

  /**
   * Starts to connect a socket. Options: `namespace`, `auth` (in place of the caller's token), `query`,
   * `headers`, `transports`, `reconnection`, `acknowledge: false` to leave `emergency:nearby` unacknowledged.
   */
  dial({ auth = this.tokens ? { token: this.tokens.accessToken } : undefined, headers, ...options } = {}) {
    return new LiveSocket(this, { auth, headers: { ...this.headers, ...headers }, ...options });
  }

  /** A connected socket; `ready` is the payload of its `session:ready`. */
  async connect(options) {
    const socket = this.dial(options);
    const outcome = await socket.next(/^connect(_error)?$/);
    if (outcome instanceof Error) throw outcome;
    socket.ready = await socket.next('session:ready');
    return socket;
  }

  /** Asserts that a connection is refused; returns the message of its `connect_error`. */
  async refusal(options) {
    const socket = this.dial(options);
    const outcome = await socket.next(/^connect(_error)?$/);
    assert.ok(outcome instanceof Error, 'the connection was accepted');
    socket.close();
    return outcome.message;
  }

  /** A raw connection, which neither closes nor reconnects by itself when the server ends its namespace. */
  async connectRaw({ transport = 'websocket' } = {}) {
    const raw = new RawConnection(this, transport);
    await raw.connect();
    return raw;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
