/** The emergency that a dispatcher looks at: it is followed, and its timeline is read as it grows. */

import { signal } from '@preact/signals';
import type { TimelineEntry } from '@allynet/client';
import { EMERGENCY_EVENTS, idIn } from '../logic/emergency.js';
import { ally } from './ally.js';
import { put, readSoon } from './dispatcher.js';

/** Entries that are kept, the newest. */
const MAX_ENTRIES = 3_000;
const PAGE = 1_000;
/** Who goes through the list by keys does not want each emergency read. */
const CHOICE_DELAY = 150;
/** After an event the timeline is read once, however many follow. */
const READ_DELAY = 800;

export const timeline = signal<readonly TimelineEntry[]>([]);

let chosenId: string | null = null;
let opening: ReturnType<typeof setTimeout> | undefined;
let rereading: ReturnType<typeof setTimeout> | undefined;
let isReading = false;
/** Whether entries that are shown may read differently now. */
let isStale = false;

/** Opens an emergency; returns what closes it. */
export function choose(id: string): () => void {
  chosenId = id;
  timeline.value = [];
  const stops = EMERGENCY_EVENTS.map((name) =>
    ally.on(name as 'helper:joined', (payload) => {
      if (idIn(payload) !== id) return;
      // What entries of before tell of a helper depends on whether they respond, such as how far they were.
      isStale ||= name === 'helper:joined';
      readLater();
    }),
  );
  stops.push(ally.on('snapshot', () => readLater()));
  let hasJoined = false;
  clearTimeout(opening);
  opening = setTimeout(() => {
    hasJoined = true;
    // Its messages come with it, and everything else while the events of all emergencies do not.
    void ally.join(id).catch(() => undefined);
    readSoon(id);
    void readTimeline();
  }, CHOICE_DELAY);
  return () => {
    clearTimeout(opening);
    clearTimeout(rereading);
    rereading = undefined;
    for (const stop of stops) stop();
    if (hasJoined) void ally.leave(id).catch(() => undefined);
    if (chosenId === id) chosenId = null;
  };
}

/** Ends it. Fails like a request. */
export async function end(id: string): Promise<void> {
  put([await ally.emergencies.resolve(id)]);
}

function readLater(): void {
  rereading ??= setTimeout(() => void readTimeline(), READ_DELAY);
}

/** Reads what follows the entries that are shown, or all of them. */
async function readTimeline(): Promise<void> {
  rereading = undefined;
  if (isReading) return readLater();
  const id = chosenId;
  if (!id) return;
  isReading = true;
  let entries = isStale ? [] : timeline.peek();
  isStale = false;
  try {
    for (;;) {
      const after = entries.at(-1)?.eventId;
      const found = await ally.emergencies.timeline(id, { limit: PAGE, ...(after !== undefined && { after }) });
      if (id !== chosenId) break;
      const known = new Set(entries.map(({ eventId, event }) => `${eventId} ${event}`));
      const fresh = found.filter(({ eventId, event }) => !known.has(`${eventId} ${event}`));
      entries = [...entries, ...fresh].slice(-MAX_ENTRIES);
      if (found.length === PAGE && fresh.length > 0) continue;
      timeline.value = entries;
      break;
    }
  } catch {
    // It stays as it was, and is read again after the next event.
    isStale = true;
  }
  isReading = false;
}
