// Sockets: the official Socket.IO client, and a raw Engine.IO client. Both record what arrives, in order.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Socket as Engine } from 'engine.io-client';
import { Manager } from 'socket.io-client';

export const NAMESPACE = '/emergencies';
/** Upper bound for what is awaited. Generous: a busy machine takes its time, and what comes is not waited for longer. */
export const EVENT_LIMIT = 30_000;

const unique = () => randomBytes(6).toString('hex');

/** A queue of items in order of arrival; each is taken once. */
class Inbox {
  items = [];
  #waiting = [];

  add(item) {
    this.items.push(item);
    const taker = this.#waiting.findIndex(({ wanted }) => wanted(item));
    if (taker >= 0) {
      item.taken = true;
      this.#waiting.splice(taker, 1)[0].resolve(item);
    }
  }

  take(wanted, limit, describe) {
    const here = this.items.find((item) => !item.taken && wanted(item));
    if (here) {
      here.taken = true;
      return Promise.resolve(here);
    }
    return new Promise((resolve, reject) => {
      const entry = { wanted };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(new Error(describe()));
      }, limit);
      entry.resolve = (item) => {
        clearTimeout(timer);
        resolve(item);
      };
      this.#waiting.push(entry);
    });
  }
}

/**
 * A socket of the official client that records every event in order of arrival. Events of the connection are in the same
 * list: `connect`, `connect_error`, `disconnect`, `transport:upgrade`, `transport:close`.
 */
export class LiveSocket {
  /** The payload of the first `session:ready`. */
  ready = null;
  #inbox = new Inbox();

  constructor(caller, { auth, query, headers, namespace = NAMESPACE, acknowledge = true, reconnection = false, ...rest }) {
    this.caller = caller;
    this.node = caller.node;
    this.node.sockets.add(this);
    this.manager = new Manager(this.node.url, {
      autoConnect: false,
      reconnection,
      reconnectionDelay: 10,
      transports: ['websocket'],
      query,
      extraHeaders: headers,
      ...rest,
    });
    this.manager.on('open', () => {
      const engine = this.manager.engine;
      engine.on('packet', ({ data }) => data !== undefined && caller.record(String(data)));
      engine.on('upgrade', (transport) => this.#add('transport:upgrade', [transport.name]));
      engine.on('close', (reason) => this.#add('transport:close', [reason]));
    });
    /** The underlying object of the client. */
    this.raw = this.manager.socket(namespace, { auth });
    for (const event of ['connect', 'connect_error', 'disconnect']) {
      this.raw.on(event, (...args) => this.#add(event, args));
    }
    this.raw.onAny((event, ...args) => {
      const answer = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      this.#add(event, args);
      this.node.judge(namespace === NAMESPACE ? this.node.documents?.judgeEvent(event, args[0]) : undefined);
      if (answer && acknowledge) answer();
    });
    this.raw.connect();
  }

  #add(event, args) {
    this.#inbox.add({ event, payload: args[0], taken: false });
  }

  /** Everything so far as `{ event, payload }`, taken or not. */
  get items() {
    return this.#inbox.items.map(({ event, payload }) => ({ event, payload }));
  }

  /** The names of the events so far. */
  get names() {
    return this.items.map(({ event }) => event);
  }

  /** The next item that was not taken yet, waiting for it if necessary; `event` is a name or a regular expression. */
  async next(event, predicate = () => true, limit = EVENT_LIMIT) {
    const wanted = (item) => named(item, event) && predicate(item.payload);
    const missing = () => `no ${event} within ${limit} ms; arrived so far: ${this.names.join(', ') || 'nothing'}`;
    return (await this.#inbox.take(wanted, limit, missing)).payload;
  }

  /** The payloads of all such items so far, taken or not. */
  seen(event, predicate = () => true) {
    return this.items.filter((item) => named(item, event) && predicate(item.payload)).map(({ payload }) => payload);
  }

  /** Fails if such an event was committed for this socket before now. */
  async silent(event, predicate) {
    await settled(this);
    assert.deepEqual(this.seen(event, predicate), [], `${event} reached a socket it is not for`);
  }

  emit(event, ...args) {
    this.raw.emit(event, ...args);
  }

  /** Emits and returns what the server acknowledged. */
  async ack(event, ...args) {
    const answer = await this.raw.timeout(EVENT_LIMIT).emitWithAck(event, ...args);
    this.node.judge(this.node.documents?.judgeAcknowledgement(event, answer));
    return answer;
  }

  /** Resolves when everything that the server has queued for this connection has arrived. */
  async roundTrip() {
    const nowhere = this.manager.socket(`/nowhere-${unique()}`);
    const answered = new Promise((resolve, reject) => {
      nowhere.once('connect_error', resolve);
      nowhere.once('disconnect', reject);
      setTimeout(reject, EVENT_LIMIT, new Error('the connection does not answer')).unref();
    });
    nowhere.connect();
    await answered;
    nowhere.disconnect();
  }

  /** A socket of another namespace on the same connection. */
  sibling(namespace, auth = this.raw.auth) {
    return this.manager.socket(namespace, { auth });
  }

  /** Reconnects after the connection was lost. */
  reconnect(auth = this.raw.auth) {
    this.raw.auth = auth;
    this.raw.connect();
  }

  close() {
    this.node.sockets.delete(this);
    this.manager.reconnection(false);
    this.raw.disconnect();
    this.manager._close();
  }
}

function named({ event }, wanted) {
  return wanted instanceof RegExp ? wanted.test(event) : event === wanted;
}

/**
 * A raw Engine.IO client: messages are Socket.IO packets as text, such as
 * `2/emergencies,["event",…]`.
 */
export class RawConnection {
  #inbox = new Inbox();

  constructor(caller, transport) {
    this.caller = caller;
    caller.node.sockets.add(this);
    this.engine = new Engine(caller.node.url, { path: '/socket.io/', transports: [transport] });
    this.engine.on('message', (text) => {
      caller.record(String(text));
      this.#inbox.add({ text });
    });
    this.engine.on('error', () => {});
    /** The reason, once the server closed the connection. */
    this.closed = new Promise((resolve) => this.engine.once('close', resolve));
  }

  async connect() {
    await new Promise((resolve, reject) => {
      this.engine.once('open', resolve);
      this.engine.once('error', reject);
    });
    this.id = this.engine.id;
    this.engine.send(`0${NAMESPACE},${JSON.stringify({ token: this.caller.tokens.accessToken })}`);
    await this.next(new RegExp(`^0${NAMESPACE},`));
  }

  send(text) {
    this.engine.send(text);
  }

  /** The next matching message. */
  async next(pattern, limit = EVENT_LIMIT) {
    const missing = () => `no message like ${pattern} within ${limit} ms`;
    return (await this.#inbox.take(({ text }) => pattern.test(text), limit, missing)).text;
  }

  /** All messages so far. */
  get texts() {
    return this.#inbox.items.map(({ text }) => text);
  }

  /** The payload of the next such event. */
  async event(name) {
    const text = await this.next(new RegExp(`^2${NAMESPACE},\\d*\\["${name}"`));
    return JSON.parse(text.slice(text.indexOf('[')))[1];
  }

  close() {
    this.caller.node.sockets.delete(this);
    this.engine.close();
  }
}

/** Resolves when everything committed so far has reached these sockets, on any nodes. */
export async function settled(...sockets) {
  await Promise.all([...new Set(sockets.map((socket) => socket.node))].map((node) => node.fence()));
  await Promise.all(sockets.map((socket) => socket.roundTrip()));
}
