/**
 * The emergencies that a dispatcher watches: all live ones, and the newest that have ended. Bounded, so that a screen may stay
 * open for days.
 */

import type { Call, Emergency, EmergencyStatus, EmergencyType } from '@allynet/client';
import { isLive } from './emergency.js';

/** How many ended emergencies stay in the list, the newest. */
export const MAX_ENDED = 1_000;
/** How many live ones are kept, the newest. */
export const MAX_LIVE = 5_000;

export interface Filter {
  status: 'live' | 'unanswered' | 'ended' | 'all';
  type: EmergencyType | 'all';
  text: string;
}

export interface BoardEntry extends Emergency {
  /** The search ended without an answer, or takes too long. */
  unanswered?: boolean;
  /** Emergencies of the same owner in the ten minutes before. */
  repeats?: number;
}

/** After this time without an answer a dispatcher should look, in milliseconds. */
export const ANSWER_LIMIT = 60_000;

export type Board = ReadonlyMap<string, BoardEntry>;

/** The board with these emergencies put in; what exceeds the bounds is left out. What only the board knows of an emergency stays. */
export function withEntries(board: Board, entries: Iterable<BoardEntry>): Board {
  const next = new Map(board);
  for (const entry of entries) next.set(entry.id, merged(next.get(entry.id), entry));
  return bounded(next);
}

/** An emergency as `emergency:created` tells of it. Nobody has responded yet. */
export function entryOf(call: Call): BoardEntry {
  return {
    ...call,
    alertRadius: 0,
    alerts: null,
    distance: null,
    firstResponseAt: null,
    resolutionNotes: null,
    resolutionType: null,
    resolvedAt: null,
    resolvedBy: null,
    respondingHelpers: [],
    origin: null,
    fixedPlace: null,
    updatedAt: call.createdAt,
  } as BoardEntry;
}

/** An emergency with what only the board knew of it. */
export function merged(before: BoardEntry | undefined, entry: BoardEntry): BoardEntry {
  // Somebody came: if they drop out, the dispatcher is told again.
  const unanswered = entry.status === 'active' && (entry.unanswered ?? before?.unanswered ?? false);
  return { ...entry, unanswered, repeats: entry.repeats ?? before?.repeats ?? 0 };
}

/** The entries that pass a filter: unanswered ones first, then live ones, then the newest. */
export function listed(board: Board, { status, type, text }: Filter): BoardEntry[] {
  const wanted = text.trim().toLocaleLowerCase();
  const entries = [...board.values()].filter(
    (entry) => passes(entry, status) && (type === 'all' || entry.type === type) && (wanted === '' || textOf(entry).includes(wanted)),
  );
  return entries.sort((a, b) => rank(a) - rank(b) || byAge(b, a));
}

/** The live emergencies without an answer that a dispatcher was not told of yet. */
export function overdue(board: Board, now: number): BoardEntry[] {
  return [...board.values()].filter(
    (entry) => entry.status === 'active' && !entry.unanswered && now - Date.parse(entry.createdAt) >= ANSWER_LIMIT,
  );
}

export function isUnanswered(entry: BoardEntry): boolean {
  return entry.status === 'active' && entry.unanswered === true;
}

/** Whether one of the bounds has left emergencies out. */
export function isFull(board: Board): boolean {
  const live = [...board.values()].filter(({ status }) => isLive(status)).length;
  return live >= MAX_LIVE || board.size - live >= MAX_ENDED;
}

function passes(entry: BoardEntry, status: Filter['status']): boolean {
  if (status === 'all') return true;
  if (status === 'unanswered') return isUnanswered(entry);
  return isLive(entry.status) === (status === 'live');
}

function rank(entry: BoardEntry): number {
  if (isUnanswered(entry)) return 0;
  const ranks: Record<EmergencyStatus, number> = { active: 1, responding: 2, resolved: 3, cancelled: 3 };
  return ranks[entry.status];
}

/** The oldest first. Times of the service are in UTC and of one form, so that they sort as texts. */
function byAge(a: BoardEntry, b: BoardEntry): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0;
}

function textOf({ user, description, category, location }: BoardEntry): string {
  const parts = [user?.profile.firstName, user?.profile.lastName, description, category, location.address, location.description];
  return parts.filter(Boolean).join(' ').toLocaleLowerCase();
}

function bounded(board: Map<string, BoardEntry>): Board {
  if (board.size <= Math.min(MAX_LIVE, MAX_ENDED)) return board;
  const entries = [...board.values()];
  const drop = (some: BoardEntry[], max: number) => {
    if (some.length > max) for (const { id } of some.sort(byAge).slice(0, some.length - max)) board.delete(id);
  };
  drop(entries.filter(({ status }) => isLive(status)), MAX_LIVE);
  drop(entries.filter(({ status }) => !isLive(status)), MAX_ENDED);
  return board;
}
