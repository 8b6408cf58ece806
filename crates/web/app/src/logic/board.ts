/**
 * The emergencies that a dispatcher watches: all live ones, and the newest that have ended. Bounded, so that a screen may stay
 * open for days.
 */

import type { Emergency, EmergencyStatus, EmergencyType } from '@allynet/client';
import { isLive } from './emergency.js';

/** How many ended emergencies stay in the list. */
export const MAX_ENDED = 100;
/** How many are kept at all. Beyond it the oldest go, ended ones first. */
export const MAX_KEPT = 1_000;

export interface Filter {
  status: 'live' | 'unanswered' | 'ended' | 'all';
  type: EmergencyType | 'all';
  text: string;
}

export interface BoardEntry extends Emergency {
  /** The search ended without an answer, or takes too long. */
  unanswered?: boolean;
}

/** After this time without an answer a dispatcher should look, in milliseconds. */
export const ANSWER_LIMIT = 60_000;

export type Board = ReadonlyMap<string, BoardEntry>;

/** The board with these emergencies put in; what exceeds the bounds is left out. */
export function withEntries(board: Board, entries: readonly BoardEntry[]): Board {
  const next = new Map(board);
  for (const entry of entries) next.set(entry.id, entry);
  return bounded(next);
}

/** The entries that pass a filter: unanswered ones first, then live ones, then the newest. */
export function listed(board: Board, { status, type, text }: Filter): BoardEntry[] {
  const wanted = text.trim().toLocaleLowerCase();
  const entries = [...board.values()].filter(
    (entry) => passes(entry, status) && (type === 'all' || entry.type === type) && (wanted === '' || textOf(entry).includes(wanted)),
  );
  return entries.sort((a, b) => rank(a) - rank(b) || b.createdAt.localeCompare(a.createdAt));
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

function textOf({ user, description, category, location }: BoardEntry): string {
  const parts = [user?.profile.firstName, user?.profile.lastName, description, category, location.address, location.description];
  return parts.filter(Boolean).join(' ').toLocaleLowerCase();
}

function bounded(board: Map<string, BoardEntry>): Board {
  const oldest = (entries: BoardEntry[]) => entries.sort((a, b) => a.createdAt.localeCompare(b.createdAt));
  const ended = oldest([...board.values()].filter(({ status }) => !isLive(status)));
  for (const { id } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) board.delete(id);
  const kept = oldest([...board.values()]);
  for (const { id } of kept.slice(0, Math.max(0, kept.length - MAX_KEPT))) board.delete(id);
  return board;
}
