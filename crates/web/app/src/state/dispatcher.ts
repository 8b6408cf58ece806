/** What a dispatcher watches: all emergencies, the chosen one, and the helpers. Bounded, for a screen that stays open for days. */

import { computed, signal } from '@preact/signals';
import type { Emergency, HelperPresence, ListedHelper, ServerEvents, TimelineEntry } from '@allynet/client';
import { t } from '../i18n/index.js';
import { isUnanswered, listed, overdue, withEntries, type Board, type BoardEntry, type Filter } from '../logic/board.js';
import { applyEvent, EMERGENCY_EVENTS, idIn } from '../logic/emergency.js';
import { ally } from './ally.js';
import type { HelperPlace } from './room.js';
import { connection } from './session.js';
import { readSetting, writeSetting } from './settings.js';
import { chime } from './sound.js';

/** How often the list is read. */
const REFRESH = 5_000;
const PAGE = 100;
/** How many helpers are asked for, and places of helpers are kept. */
const MAX_HELPERS = 100;
const MAX_PLACES = 2_000;

export const board = signal<Board>(new Map());
export const filter = signal<Filter>({ status: 'live', type: 'all', text: '' });
export const shown = computed(() => listed(board.value, filter.value));
export const presence = signal<HelperPresence | null>(null);
export const toVerify = signal<readonly ListedHelper[]>([]);
export const timeline = signal<readonly TimelineEntry[]>([]);
export const places = signal<ReadonlyMap<string, HelperPlace & { emergencyId: string }>>(new Map());
export const hasSound = signal(readSetting('dispatchSound') !== 'off');
/** What was heard last, for screen readers. */
export const announcement = signal('');

let chosenId: string | null = null;
let isFirst = true;

export function switchSound(on: boolean): void {
  hasSound.value = on;
  writeSetting('dispatchSound', on ? 'on' : 'off');
}

/** Begins to watch; returns what ends it. */
export function watch(): () => void {
  isFirst = true;
  const stops = EMERGENCY_EVENTS.map((name) => ally.on(name as 'helper:joined', (payload) => apply(name, payload)));
  stops.push(
    ally.on('emergency:created', ({ emergency }) => void readOne(emergency.id)),
    ally.on('emergency:unanswered', ({ emergencyId }) => markUnanswered(emergencyId)),
    ally.on('helper:location', takePlace),
    connection.subscribe(({ status }) => status === 'connected' && void refresh()),
  );
  const timer = setInterval(() => void refresh(), REFRESH);
  return () => {
    clearInterval(timer);
    for (const stop of stops) stop();
    void choose(null);
    board.value = new Map();
    places.value = new Map();
  };
}

/** Reads the list and the counts. */
export async function refresh(): Promise<void> {
  try {
    const [page, counts, pending] = await Promise.all([
      ally.admin.emergencies({ limit: PAGE }),
      ally.admin.presence(),
      ally.admin.helpers({ verification: 'pending', limit: MAX_HELPERS }),
    ]);
    const found = page.emergencies.filter((each): each is Emergency & { repeats: number } => each.status !== 'deleted');
    put(found);
    presence.value = counts;
    toVerify.value = pending.helpers;
    isFirst = false;
    for (const { id } of overdue(board.peek(), Date.now())) markUnanswered(id);
  } catch {
    // What was shown stays; the bar tells that there is no connection.
  }
}

/** Opens an emergency: follows it, and reads its timeline. */
export async function choose(id: string | null): Promise<void> {
  if (id === chosenId) return;
  const before = chosenId;
  chosenId = id;
  timeline.value = [];
  if (before) void ally.leave(before).catch(() => undefined);
  if (!id) return;
  void ally.join(id).catch(() => undefined);
  await Promise.all([readOne(id), readTimeline()]);
}

export async function readTimeline(): Promise<void> {
  const id = chosenId;
  if (!id) return;
  try {
    const entries = await ally.emergencies.timeline(id);
    if (id === chosenId) timeline.value = entries.slice(-500);
  } catch {
    // It stays as it was.
  }
}

export async function end(id: string): Promise<void> {
  put([await ally.emergencies.resolve(id)]);
}

export async function verify(userId: string, status: 'verified' | 'rejected'): Promise<void> {
  await ally.admin.verify(userId, status);
  toVerify.value = toVerify.value.filter((each) => each.id !== userId);
}

async function readOne(id: string): Promise<void> {
  try {
    put([await ally.emergencies.get(id)]);
  } catch {
    // It comes with the next list.
  }
}

function apply(name: keyof ServerEvents, payload: unknown): void {
  const entry = board.peek().get(idIn(payload) ?? '');
  if (!entry) return;
  put([{ ...applyEvent(entry, name, payload as never), unanswered: entry.unanswered }]);
  if (entry.id === chosenId) void readTimeline();
}

function markUnanswered(id: string): void {
  const entry = board.peek().get(id);
  if (!entry || isUnanswered(entry)) return;
  put([{ ...entry, unanswered: true }]);
  announce(t('dispatch.nobody', { type: t(`type.alert.${entry.type}`) }), true);
}

/** Puts emergencies into the list, and tells of new ones. */
function put(entries: readonly BoardEntry[]): void {
  const before = board.peek();
  const isNew = (entry: BoardEntry) => !before.has(entry.id) && entry.status === 'active';
  const fresh = isFirst ? undefined : entries.find(isNew);
  board.value = withEntries(
    before,
    entries.map((entry) => ({ ...entry, unanswered: entry.unanswered ?? before.get(entry.id)?.unanswered })),
  );
  if (fresh) announce(t('dispatch.new', { type: t(`type.alert.${fresh.type}`) }), false);
}

function announce(text: string, isUrgent: boolean): void {
  announcement.value = text;
  if (hasSound.value) chime(isUrgent);
}

function takePlace({ helperId, emergencyId, location, distance, estimatedArrival, updatedAt }: ServerEvents['helper:location']): void {
  const next = new Map(places.peek());
  next.delete(helperId);
  next.set(helperId, { emergencyId, location, distance, estimatedArrival, updatedAt });
  for (const oldest of next.keys()) {
    if (next.size <= MAX_PLACES) break;
    next.delete(oldest);
  }
  places.value = next;
}
