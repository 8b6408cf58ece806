/** What the events of the service change in an emergency that is shown. Pure: returns the same object where nothing changes. */

import type { Alerts, Emergency, EmergencyStatus, Response, ServerEvents } from '@allynet/client';

type Applied = {
  [Name in keyof ServerEvents]?: (emergency: Emergency, payload: ServerEvents[Name]) => Emergency;
};

const NO_SKIPPED = { engaged: null, limit: null, paused: null, quiet: null };

const RULES: Applied = {
  'helper:joined': (emergency, { helper }) => {
    const { joinedAt, ...card } = helper;
    const response: Response = {
      helper: card,
      status: 'responding',
      notes: null,
      estimatedArrival: null,
      respondedAt: joinedAt,
      updatedAt: joinedAt,
      stalled: false,
      role: null,
      resourceId: null,
      online: true,
      lastSeenAt: null,
    };
    const others = emergency.respondingHelpers.filter((each) => each.helper.id !== helper.id);
    return { ...emergency, respondingHelpers: [...others, response] };
  },
  'helper:status_update': (emergency, { helperId, status, notes, stalled, updatedAt }) => ({
    ...emergency,
    respondingHelpers: emergency.respondingHelpers.map((each) =>
      each.helper.id === helperId ? { ...each, status, notes, stalled, updatedAt } : each,
    ),
  }),
  'helper:role_assigned': (emergency, { helperId, role, resource }) => ({
    ...emergency,
    respondingHelpers: emergency.respondingHelpers.map((each) =>
      each.helper.id === helperId ? { ...each, role, resourceId: resource?.id ?? null } : each,
    ),
  }),
  'emergency:status_changed': (emergency, { status, timestamp }) => ({ ...emergency, status, updatedAt: timestamp }),
  'emergency:reopened': (emergency, { status, timestamp }) => ({
    ...emergency,
    status,
    updatedAt: timestamp,
    resolvedAt: null,
    resolvedBy: null,
    resolutionType: null,
    resolutionNotes: null,
  }),
  'emergency:resolved': (emergency, { resolvedAt, resolvedBy, resolutionType, resolutionNotes }) => ({
    ...emergency,
    status: 'resolved',
    resolvedAt,
    resolvedBy,
    resolutionType,
    resolutionNotes,
  }),
  'emergency:cancelled': (emergency, { reason, timestamp }) => ({
    ...emergency,
    status: 'cancelled',
    resolvedAt: timestamp,
    resolutionNotes: reason,
  }),
  'emergency:ended': (emergency, { status, timestamp }) => ({
    ...emergency,
    status,
    resolvedAt: emergency.resolvedAt ?? timestamp,
  }),
  'emergency:moved': (emergency, { location, timestamp }) => ({ ...emergency, location, updatedAt: timestamp }),
  'emergency:alerts': (emergency, payload) => ({ ...emergency, alerts: alertsOf(payload) }),
  'emergency:updated': (emergency, { emergency: call, timestamp }) => {
    const { type, category, description, priority, severity } = call;
    return { ...emergency, type, category, description, priority, severity, updatedAt: timestamp };
  },
  'emergency:details': (_, { emergency }) => emergency,
};

/** The names of the events that change an emergency. */
export const EMERGENCY_EVENTS = Object.keys(RULES) as (keyof typeof RULES)[];

/** The emergency after an event; the same object for events that are about another one, or change nothing. */
export function applyEvent<Name extends keyof ServerEvents>(emergency: Emergency, name: Name, payload: ServerEvents[Name]): Emergency {
  const rule = RULES[name] as ((emergency: Emergency, payload: ServerEvents[Name]) => Emergency) | undefined;
  if (!rule || idIn(payload) !== emergency.id) return emergency;
  return rule(emergency, payload);
}

/** The emergency that an event is about. */
export function idIn(payload: unknown): string | null {
  const { emergencyId, emergency } = payload as { emergencyId?: string; emergency?: { id?: string } };
  return emergencyId ?? emergency?.id ?? null;
}

export function isLive(status: EmergencyStatus): boolean {
  return status === 'active' || status === 'responding';
}

/** What the service told when nobody had answered. */
export interface Unanswered {
  emergencyId: string;
  alertedHelpers: number;
}

/**
 * What a person who waits for help has to know first: somebody is `there`, is `coming`, has `helped` and nobody else comes, has
 * not answered, or is being looked for.
 */
export function searchState(
  emergency: Pick<Emergency, 'id' | 'respondingHelpers'>,
  unanswered: Unanswered | null,
): 'there' | 'coming' | 'helped' | 'unanswered' | 'searching' {
  const statuses = new Set(coming(emergency).map(({ status }) => status));
  if (statuses.has('arrived')) return 'there';
  if (statuses.has('responding') || statuses.has('on_way')) return 'coming';
  if (statuses.has('completed')) return 'helped';
  return unanswered?.emergencyId === emergency.id ? 'unanswered' : 'searching';
}

/** The responses of helpers who come and give signs of it, are there, or have helped; who comes first is first. */
export function coming(emergency: Pick<Emergency, 'respondingHelpers'>): Response[] {
  const order = { arrived: 0, on_way: 1, responding: 2, completed: 3, cancelled: 4 };
  const counted = emergency.respondingHelpers.filter(({ status, stalled }) => status !== 'cancelled' && !stalled);
  return counted.sort((a, b) => order[a.status] - order[b.status] || a.respondedAt.localeCompare(b.respondedAt));
}

/** Whether two others come or are there, so that the service may tell a helper that they need not come. */
export function hasEnoughOthers(emergency: Pick<Emergency, 'respondingHelpers'>, helperId: string): boolean {
  return coming(emergency).filter(({ helper, status }) => helper.id !== helperId && status !== 'completed').length >= 2;
}

/** Whether the owner may still undo this end: by a helper, a quarter of an hour ago at most. */
export function canReopen(emergency: Emergency, now: number): boolean {
  const { resolutionType, resolvedAt } = emergency;
  return resolutionType === 'helper_resolved' && resolvedAt !== null && now - Date.parse(resolvedAt) < 15 * 60_000;
}

function alertsOf(payload: ServerEvents['emergency:alerts']): Alerts {
  const { wave, alerted, acknowledged, delivered, declined, seen, sent, failed, relaxed, skipped } = payload;
  return { wave, alerted, acknowledged, delivered, declined, seen, sent, failed, relaxed, skipped: skipped ?? NO_SKIPPED };
}
