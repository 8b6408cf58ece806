/** What a dispatcher watches: all emergencies, and where helpers are. Bounded, for a screen that stays open for days. */

import { batch, computed, signal } from '@preact/signals';
import { SocketError, type Coverage, type Emergency, type HelperPresence, type ListedEmergency, type ListedHelper, type ServerEvents } from '@allynet/client';
import { t } from '../i18n/index.js';
import { entryOf, listed, MAX_ENDED, MAX_LIVE, merged, overdue, withEntries, type Board, type BoardEntry, type Filter } from '../logic/board.js';
import { applyEvent, EMERGENCY_EVENTS, idIn, isLive } from '../logic/emergency.js';
import { ally } from './ally.js';
import type { HelperPlace } from './room.js';
import { connection, loadUser } from './session.js';
import { readSetting, writeSetting } from './settings.js';
import { chime } from './sound.js';

/** How often the list is read while events do not come by themselves, and how often the service is asked for them again. */
const POLL_INTERVAL = 5_000;
/** How often counts, coverage and helpers to verify are read. No event tells of them. */
const COUNT_INTERVAL = 8_000;
/** Events of so many milliseconds change the screen once. */
const BATCH = 60;
const PAGE = 100;
const ENDED = ['resolved', 'cancelled'] as const;
const MAX_HELPERS = 100;
const MAX_PLACES = 2_000;
/** Emergencies that wait to be read one by one; with more the whole list is read. */
const MAX_SINGLE_READS = 50;

export type Place = HelperPlace & { emergencyId: string };

/** Whether events come as they happen, or the list is read again and again. */
export const follows = signal<'starting' | 'events' | 'polling'>('starting');
export const board = signal<Board>(new Map());
export const filter = signal<Filter>({ status: 'live', type: 'all', text: '' });
export const shown = computed(() => listed(board.value, filter.value));
export const presence = signal<HelperPresence | null>(null);
export const coverage = signal<Coverage | null>(null);
export const toVerify = signal<readonly ListedHelper[]>([]);
/** Whether more helpers wait to be verified than `toVerify` has. */
export const hasMoreToVerify = signal(false);
export const places = signal<ReadonlyMap<string, Place>>(new Map());
/** The cursors of the next pages of ended emergencies, by `ENDED`; `null` after the last one. */
const nextPages = signal<readonly (string | null)[]>([]);
export const hasOlder = computed(() => nextPages.value.some((cursor) => cursor !== null));
export const hasSound = signal(readSetting('dispatchSound') !== 'off');
/** What was heard last, for screen readers. */
export const announcement = signal('');

/** Changes that are not on the screen yet. */
const changed = new Map<string, BoardEntry>();
const moved = new Map<string, Place>();
let flushing: ReturnType<typeof setTimeout> | undefined;
/** Emergencies that events were about while the list was read: what was read of them may be older. */
const touched = new Set<string>();
/** Emergencies that have to be read one by one. */
const unread = new Set<string>();
let isReadingOne = false;
let reading: Promise<void> | null = null;
let isReadAgain = false;
let rereading: ReturnType<typeof setTimeout> | undefined;
/** Grows when watching begins or ends: answers to what was asked before are dropped. */
let era = 0;
let isFirst = true;

export function switchSound(on: boolean): void {
  hasSound.value = on;
  writeSetting('dispatchSound', on ? 'on' : 'off');
}

/** Begins to watch; returns what ends it. */
export function watch(): () => void {
  era += 1;
  isFirst = true;
  const stops = EMERGENCY_EVENTS.map((name) => ally.on(name as 'helper:joined', (payload) => apply(name, payload)));
  stops.push(
    ally.on('emergency:created', ({ emergency }) => {
      touched.add(emergency.id);
      if (!entry(emergency.id)) put([entryOf(emergency)]);
    }),
    ally.on('emergency:unanswered', ({ emergencyId }) => markUnanswered([emergencyId])),
    ally.on('helper:location', ({ helperId, ...place }) => {
      moved.set(helperId, place);
      flushSoon();
    }),
    // Too much was missed.
    ally.on('snapshot', () => void readList()),
    ally.on('error', (error) => {
      if (!(error instanceof SocketError) || error.event !== 'dispatcher:join') return;
      follows.value = 'polling';
      void loadUser();
    }),
    connection.subscribe(({ status }) => {
      if (status === 'connected') void join();
      else if (follows.peek() === 'events') follows.value = 'polling';
    }),
  );
  const timers = [setInterval(poll, POLL_INTERVAL), setInterval(() => void readCounts(), COUNT_INTERVAL)];
  void readCounts();
  return () => {
    era += 1;
    for (const timer of timers) clearInterval(timer);
    for (const stop of stops) stop();
    for (const timer of [flushing, rereading]) clearTimeout(timer);
    flushing = rereading = undefined;
    for (const each of [changed, moved, touched, unread]) each.clear();
    if (connection.peek().status === 'connected') void ally.leaveDispatchers().catch(() => undefined);
    batch(() => {
      follows.value = 'starting';
      board.value = new Map();
      places.value = new Map();
      nextPages.value = [];
    });
  };
}

/** Asks for the events of all emergencies, then reads the list: in this order, nothing is missed. */
async function join(): Promise<void> {
  const begun = era;
  try {
    await ally.joinDispatchers();
    if (begun === era) follows.value = 'events';
  } catch (error) {
    if (begun !== era) return;
    follows.value = 'polling';
    if (error instanceof SocketError && error.reason === 'not_authorized') void loadUser();
  }
  await readList();
}

function poll(): void {
  markUnanswered(overdue(board.peek(), Date.now()).map(({ id }) => id));
  if (follows.peek() === 'events') return;
  if (connection.peek().status === 'connected') void join();
  else {
    follows.value = 'polling';
    void readList();
  }
}

/** Reads all live emergencies, and the newest that have ended. Called meanwhile, it reads once more when it is done. */
export function readList(): Promise<void> {
  isReadAgain = reading !== null;
  reading ??= readUntilDone().finally(() => (reading = null));
  return reading;
}

async function readUntilDone(): Promise<void> {
  do {
    isReadAgain = false;
    // Where it fails, what was shown stays; the bar tells that there is no connection.
    await readPages().catch(() => undefined);
  } while (isReadAgain);
}

async function readPages(): Promise<void> {
  const begun = era;
  touched.clear();
  const [live, ...ended] = await Promise.all([readLive(), ...ENDED.map((status) => readPage({ status }))]);
  if (begun !== era) return;
  const found = [...ended.flatMap(({ emergencies }) => emergencies), ...live];
  const ids = new Set(found.map(({ id }) => id));
  put(found.filter(({ id }) => !touched.has(id)));
  // Those have ended meanwhile, or were deleted.
  for (const { id, status } of board.peek().values()) if (isLive(status) && !ids.has(id)) readSoon(id);
  // Those stand as the events told, unless there are so few that they can be read as well.
  for (const id of touched) if (touched.size <= MAX_SINGLE_READS || !entry(id)) readSoon(id);
  // Where a page of news has nothing that was known, others are missing behind it: they can be read on demand.
  const isGap = ended.map(({ emergencies }) => isFirst || !emergencies.some(({ id }) => board.peek().has(id)));
  nextPages.value = ended.map(({ nextCursor }, index) => (isGap[index] ? nextCursor : (nextPages.peek()[index] ?? null)));
  flush();
  isFirst = false;
}

async function readLive(): Promise<ListedEmergency[]> {
  const found: ListedEmergency[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await readPage(cursor ? { cursor } : {});
    found.push(...page.emergencies);
    cursor = page.nextCursor;
  } while (cursor && found.length < MAX_LIVE);
  return found;
}

/** Without a status, of live emergencies. */
async function readPage(query: { status?: (typeof ENDED)[number]; cursor?: string }): Promise<{ emergencies: ListedEmergency[]; nextCursor: string | null }> {
  const { emergencies, nextCursor } = await ally.admin.emergencies({ ...query, limit: PAGE });
  return { emergencies: emergencies.filter((each): each is ListedEmergency => each.status !== 'deleted'), nextCursor };
}

/** Reads the next pages of ended emergencies. Fails like a request. */
export async function readOlder(): Promise<void> {
  const begun = era;
  const read = (cursor: string | null, index: number) => (cursor ? readPage({ status: ENDED[index]!, cursor }) : null);
  const pages = await Promise.all(nextPages.peek().map(read));
  if (begun !== era) return;
  put(pages.flatMap((page) => page?.emergencies ?? []).filter(({ id }) => !entry(id)));
  flush();
  const ended = [...board.peek().values()].filter(({ status }) => !isLive(status)).length;
  nextPages.value = pages.map((page) => (ended < MAX_ENDED ? (page?.nextCursor ?? null) : null));
}

async function readCounts(): Promise<void> {
  const begun = era;
  try {
    const [counts, covered, pending] = await Promise.all([
      ally.admin.presence(),
      ally.admin.coverage(),
      ally.admin.helpers({ verification: 'pending', limit: MAX_HELPERS }),
    ]);
    if (begun !== era) return;
    batch(() => {
      presence.value = counts;
      coverage.value = covered;
      toVerify.value = pending.helpers;
      hasMoreToVerify.value = pending.nextCursor !== null;
    });
  } catch {
    // What was shown stays.
  }
}

/** A helper does not wait to be verified any more. */
export function decided(userId: string): void {
  toVerify.value = toVerify.value.filter((each) => each.id !== userId);
}

/** An emergency as it is known now, also if it is not on the screen yet. */
export function entry(id: string): BoardEntry | undefined {
  return changed.get(id) ?? board.peek().get(id);
}

/** Puts emergencies into the list. */
export function put(entries: readonly (BoardEntry | Emergency)[]): void {
  for (const each of entries) changed.set(each.id, merged(entry(each.id), each));
  if (entries.length > 0) flushSoon();
}

/** Reads an emergency in its turn. */
export function readSoon(id: string): void {
  if (unread.size >= MAX_SINGLE_READS) {
    rereading ??= setTimeout(() => {
      rereading = undefined;
      void readList();
    }, POLL_INTERVAL);
    return;
  }
  unread.add(id);
  if (!isReadingOne) void readUnread();
}

async function readUnread(): Promise<void> {
  isReadingOne = true;
  for (const id of unread) {
    unread.delete(id);
    const begun = era;
    touched.delete(id);
    try {
      const found = await ally.emergencies.get(id);
      if (begun !== era) continue;
      if (touched.has(id)) unread.add(id);
      put([found]);
    } catch (error) {
      if (begun === era && (error as { status?: number }).status === 404) remove(id);
    }
  }
  isReadingOne = false;
}

function remove(id: string): void {
  changed.delete(id);
  const next = new Map(board.peek());
  if (next.delete(id)) board.value = next;
}

function apply(name: keyof ServerEvents, payload: unknown): void {
  const id = idIn(payload);
  if (id === null) return;
  touched.add(id);
  const before = entry(id);
  if (before) put([applyEvent(before, name, payload as never)]);
  // Counts of alerts come without an event of the log; the others tell of something that should be here.
  else if (name !== 'emergency:alerts' && follows.peek() === 'events') readSoon(id);
}

function markUnanswered(ids: readonly string[]): void {
  const found = ids.flatMap((id) => entry(id) ?? []).filter(({ status, unanswered }) => status === 'active' && !unanswered);
  const [first, ...more] = found;
  if (!first) return;
  put(found.map((each) => ({ ...each, unanswered: true })));
  announce('dispatch.nobody', first, more.length);
}

function flushSoon(): void {
  flushing ??= setTimeout(flush, BATCH);
}

/** Shows what has changed, all at once, and tells of new emergencies. */
function flush(): void {
  clearTimeout(flushing);
  flushing = undefined;
  const before = board.peek();
  const [first, ...more] = isFirst ? [] : [...changed.values()].filter(({ id, status }) => status === 'active' && !before.has(id));
  const ended = new Set([...changed.values()].filter(({ status }) => !isLive(status)).map(({ id }) => id));
  batch(() => {
    if (changed.size > 0) board.value = withEntries(before, changed.values());
    if (moved.size > 0 || ended.size > 0) places.value = withPlaces(places.peek(), moved, ended);
  });
  changed.clear();
  moved.clear();
  if (first) announce('dispatch.new', first, more.length);
}

function announce(text: 'dispatch.new' | 'dispatch.nobody', { type }: BoardEntry, more: number): void {
  announcement.value = t(text, { type: t(`type.alert.${type}`) }) + (more > 0 ? ` (+${more})` : '');
  if (hasSound.peek()) chime(text === 'dispatch.nobody');
}

/** The places of helpers after these have come, without those of emergencies that have ended. The longest unchanged ones give way. */
function withPlaces(before: ReadonlyMap<string, Place>, news: ReadonlyMap<string, Place>, ended: ReadonlySet<string>): ReadonlyMap<string, Place> {
  const next = new Map(before);
  for (const [id, place] of news) {
    next.delete(id);
    next.set(id, place);
  }
  for (const [id, { emergencyId }] of next) if (ended.has(emergencyId) || next.size > MAX_PLACES) next.delete(id);
  return next;
}
