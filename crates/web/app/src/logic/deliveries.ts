/** How far the alerts of one emergency got, helper by helper, as its timeline tells an administrator. */

import type { TimelineEntry } from '@allynet/client';

/** Why a helper was chosen, or passed over. */
export interface Why {
  /** Seconds until the helper is expected. */
  arrival: number;
  /** That they come, from 0 to 1. */
  probability: number;
  /** Seconds by which help is expected sooner. */
  gain: number;
  reason: 'gain' | 'minimum';
}

export interface Delivery {
  helperId: string;
  /** When the helper was alerted first. */
  at: string;
  /** How often. */
  times: number;
  /** Metres; `null` for helpers who do not respond. */
  distance: number | null;
  why: Why | null;
  /** The ways besides the connection that took an alert, and those that did not. */
  sent: readonly string[];
  failed: readonly string[];
  delivered: boolean;
  seen: boolean;
}

/** Helpers that are shown; a search reaches fewer. */
const MAX_DELIVERIES = 1_000;

interface Facts {
  helpers?: readonly { id: string; distance: number | null; why?: Why | null }[];
  helperId?: string | null;
  channel?: string;
  sent?: readonly string[];
  failed?: readonly string[];
}

/** In the order in which the helpers were alerted first. */
export function deliveries(entries: readonly TimelineEntry[]): Delivery[] {
  const found = new Map<string, Delivery>();
  const change = (id: string | null | undefined, part: (before: Delivery) => Partial<Delivery>) => {
    const before = id == null ? undefined : found.get(id);
    if (before) found.set(before.helperId, { ...before, ...part(before) });
  };
  for (const { event, at, data } of entries) {
    const { helpers = [], helperId, channel = '', sent = [], failed = [] } = data as Facts;
    if (event === 'alerts:sent') {
      for (const { id, distance, why = null } of helpers) {
        if (found.has(id)) change(id, ({ times, ...before }) => ({ times: times + 1, distance: distance ?? before.distance, why: why ?? before.why }));
        else if (found.size < MAX_DELIVERIES) {
          found.set(id, { helperId: id, at, times: 1, distance, why, sent: [], failed: [], delivered: false, seen: false });
        }
      }
    } else if (event === 'alerts:acknowledged') change(helperId, () => ({ delivered: true }));
    else if (event === 'alerts:seen') change(helperId, () => ({ delivered: true, seen: true }));
    else if (event === 'alerts:pushed') {
      for (const id of sent) change(id, (before) => ({ sent: withName(before.sent, channel) }));
      for (const id of failed) change(id, (before) => ({ failed: withName(before.failed, channel) }));
    }
  }
  return [...found.values()];
}

/** The best helper that the last decision did not choose, if it tells. */
export function passedOver(entries: readonly TimelineEntry[]): { id: string; distance: number | null; why: Why } | null {
  const decided = entries.findLast(({ event }) => event === 'alerts:sent');
  return (decided?.data as { passed?: ReturnType<typeof passedOver> } | undefined)?.passed ?? null;
}

function withName(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) ? names : [...names, name];
}
