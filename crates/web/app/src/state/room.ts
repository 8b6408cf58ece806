/** One emergency that the person takes part in: its state, its messages, and where its helpers are. */

import { batch, signal, type Signal } from '@preact/signals';
import type { Emergency, Message, ServerEvents } from '@allynet/client';
import { applyEvent, EMERGENCY_EVENTS, idIn } from '../logic/emergency.js';
import { ally } from './ally.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

export type HelperPlace = Pick<ServerEvents['helper:location'], 'location' | 'distance' | 'estimatedArrival' | 'updatedAt'>;
export type NoticeState = ServerEvents['contact:notified']['state'];

/** A longer conversation shows its newest messages. */
const MAX_MESSAGES = 500;
const PAGE = 100;

export class Room {
  readonly emergency: Signal<Emergency | null>;
  readonly messages = signal<readonly Message[]>([]);
  readonly places = signal<ReadonlyMap<string, HelperPlace>>(new Map());
  readonly contacts = signal<ReadonlyMap<string, NoticeState>>(new Map());
  readonly #key: string;

  /** `key` names where the last state is kept, to be shown without a network. */
  constructor(key: string) {
    this.#key = key;
    this.emergency = signal(readJsonSetting<Emergency>(key));
    for (const name of EMERGENCY_EVENTS) ally.on(name as keyof Events, (payload) => this.#apply(name, payload));
    ally.on('emergency:message', ({ emergencyId, message }) => this.#is(emergencyId) && this.#add([message]));
    ally.on('emergency:message:deleted', ({ emergencyId, messageId }) => {
      if (this.#is(emergencyId)) this.messages.value = this.messages.value.filter(({ id }) => id !== messageId);
    });
    ally.on('helper:location', (payload) => {
      if (!this.#is(payload.emergencyId)) return;
      const { helperId, location, distance, estimatedArrival, updatedAt } = payload;
      this.places.value = new Map(this.places.value).set(helperId, { location, distance, estimatedArrival, updatedAt });
    });
    ally.on('contact:notified', ({ emergencyId, contactId, state }) => {
      if (this.#is(emergencyId)) this.contacts.value = new Map(this.contacts.value).set(contactId, state);
    });
  }

  /** Shows this emergency, or none. What belongs to another one is dropped. */
  set(emergency: Emergency | null): void {
    batch(() => {
      if (emergency?.id !== this.emergency.peek()?.id) {
        this.messages.value = [];
        this.places.value = new Map();
        this.contacts.value = new Map();
      }
      this.emergency.value = emergency;
    });
    writeJsonSetting(this.#key, emergency);
    if (emergency) void this.loadMessages();
  }

  /** Shows another state of the same emergency, as an answer of the service tells it. */
  update(emergency: Emergency): void {
    if (!this.#is(emergency.id)) return;
    this.emergency.value = emergency;
    writeJsonSetting(this.#key, emergency);
  }

  /** Reads the messages; where that fails, those that come are shown. */
  async loadMessages(): Promise<void> {
    const id = this.emergency.peek()?.id;
    if (!id) return;
    try {
      const messages = await ally.emergencies.messages(id, { limit: PAGE });
      if (this.#is(id)) this.#add(messages);
    } catch {
      // As above.
    }
  }

  async say(text: string): Promise<void> {
    const id = this.emergency.peek()?.id;
    if (id) this.#add([await ally.emergencies.say(id, text)]);
  }

  #is(id: string): boolean {
    return this.emergency.peek()?.id === id;
  }

  #add(messages: readonly Message[]): void {
    const byId = new Map(this.messages.peek().map((message) => [message.id, message]));
    for (const message of messages) byId.set(message.id, message);
    const sorted = [...byId.values()].sort((a, b) => a.createdAt.localeCompare(b.createdAt));
    this.messages.value = sorted.slice(-MAX_MESSAGES);
  }

  #apply(name: keyof ServerEvents, payload: unknown): void {
    const before = this.emergency.peek();
    if (!before || idIn(payload) !== before.id) return;
    this.update(applyEvent(before, name, payload as never));
  }
}

type Events = Pick<ServerEvents, 'helper:joined'>;
