// Expected shapes of payloads, and their comparison. A pattern is a value, a check, or an object of patterns.

import assert from 'node:assert/strict';

// -------------------------------------------------------------------------------------------- checks

class Check {
  constructor(name, test, { absent = false } = {}) {
    Object.assign(this, { name, test, absent });
  }
}

const check = (name, test) => new Check(name, test);

export const integer = check('an integer', Number.isInteger);
export const number = check('a number', Number.isFinite);
export const text = check('a text', (value) => typeof value === 'string');
export const boolean = check('a boolean', (value) => typeof value === 'boolean');
export const time = check(
  'a time in UTC',
  (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
);
export const id = check(
  'a UUID v7',
  (value) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value),
);
export const between = (low, high) => check(`from ${low} to ${high}`, (value) => value >= low && value <= high);

/** The pattern or null; the field must be present. */
export const nullable = (pattern) => check('that or null', (value) => value === null || !fault(value, pattern, ''));
/** The pattern, or the field is absent. */
export const optional = (pattern) =>
  new Check('that or nothing', (value) => value === undefined || !fault(value, pattern, ''), { absent: true });
/** At least these fields. */
export const atLeast = (pattern) =>
  check('an object with these fields', (value) => {
    const wrong = fault(value, pattern, '', true);
    if (wrong) throw new Error(wrong);
    return true;
  });
export const arrayOf = (pattern) =>
  check('an array of those', (value) => {
    if (!Array.isArray(value)) return false;
    const wrong = value.map((item, index) => fault(item, pattern, `[${index}]`)).find(Boolean);
    if (wrong) throw new Error(wrong);
    return true;
  });

/** Below 3, and so not shown to others than administrators. */
const noneSkipped = { quiet: null, paused: null, engaged: null, limit: null };

/** The counts of alerts of which none was pushed: sent are those that were acknowledged. */
export const alertCounts = ({ wave, alerted, acknowledged, declined, sent = acknowledged, seen = 0, failed = 0, skipped = noneSkipped }) => ({
  wave,
  alerted,
  sent,
  delivered: acknowledged,
  acknowledged,
  seen,
  declined,
  failed,
  relaxed: [],
  skipped,
});

/** Asserts that `actual` has exactly the fields of the pattern, each matching. */
export function assertMatches(actual, pattern) {
  const wrong = fault(actual, pattern, '');
  assert.ok(!wrong, `${wrong}\nin ${JSON.stringify(actual, null, 2)}`);
}

// The first difference as a sentence, or undefined.
function fault(actual, pattern, path, more = false) {
  const here = path || 'the value';
  if (pattern instanceof Check) {
    try {
      return pattern.test(actual) ? undefined : `${here} is ${JSON.stringify(actual)}, not ${pattern.name}`;
    } catch (inner) {
      return `${here}: ${inner.message}`;
    }
  }
  if (pattern === null || typeof pattern !== 'object') {
    return Object.is(actual, pattern) ? undefined : `${here} is ${JSON.stringify(actual)}, not ${JSON.stringify(pattern)}`;
  }
  if (actual === null || typeof actual !== 'object' || Array.isArray(actual) !== Array.isArray(pattern)) {
    return `${here} is ${JSON.stringify(actual)}, not ${Array.isArray(pattern) ? 'an array' : 'an object'}`;
  }
  for (const key of Object.keys(pattern)) {
    const absent = !Object.hasOwn(actual, key);
    if (absent && !(pattern[key] instanceof Check && pattern[key].absent)) return `${path}.${key} is absent`;
    const wrong = fault(actual[key], pattern[key], `${path}.${key}`);
    if (wrong) return wrong;
  }
  const extra = more ? undefined : Object.keys(actual).find((key) => !Object.hasOwn(pattern, key));
  return extra === undefined ? undefined : `${path}.${extra} is not expected`;
}

// ------------------------------------------------------------------------------------------- answers

/** Asserts that the answer is a success; returns its `data`. */
export function ok({ status, body, text: raw }, expected = 200) {
  assert.equal(status, expected, raw);
  assert.equal(body?.success, true, raw);
  assert.ok(Object.hasOwn(body, 'data'), `no data in ${raw}`);
  return body.data;
}

/** Asserts that the answer is this refusal; returns its `error`. */
export function refused({ status, body, text: raw }, expected, reason) {
  assert.equal(status, expected, raw);
  assertMatches(body, {
    success: false,
    error: { code: expected, reason, message: text, details: nullable(arrayOf({ field: text, message: text })) },
  });
  return body.error;
}

// -------------------------------------------------------------------------------------------- shapes

export const profile = { firstName: text, lastName: text };
// Of the owner of an approximate emergency an alerted helper is shown the given name.
const nullableLastName = { firstName: text, lastName: nullable(text) };
/** A place, with the size of the cell that it is the centre of: 0 for the exact place. */
export const place = (fields = {}) => ({
  latitude: number,
  longitude: number,
  precision: check('0, 200 or 1000', (value) => [0, 200, 1000].includes(value)),
  address: nullable(text),
  description: nullable(text),
  ...fields,
});
export const helperRating = { average: number, count: integer };

/** An emergency in REST answers; arguments replace patterns of fields. */
export const emergency = (fields = {}) => {
  const _id = fields.id ?? id;
  return atLeast({
    id,
    _id,
    type: text,
    category: nullable(text),
    description: nullable(text),
    location: place(),
    origin: nullable({ latitude: number, longitude: number, address: nullable(text), description: nullable(text) }),
    fixedPlace: nullable(boolean),
    priority: text,
    severity: between(1, 10),
    status: text,
    silentMode: boolean,
    anonymousMode: boolean,
    alertRadius: number,
    user: nullable(atLeast({ id: nullable(id), _id: nullable(id), profile: atLeast(nullableLastName) })),
    respondingHelpers: arrayOf(respondingHelper()),
    createdAt: time,
    updatedAt: time,
    firstResponseAt: nullable(time),
    resolvedAt: nullable(time),
    resolvedBy: nullable(id),
    resolutionType: nullable(text),
    resolutionNotes: nullable(text),
    distance: nullable(number),
    alerts: nullable(alertCounts({ wave: integer, alerted: integer, acknowledged: integer, declined: integer, sent: integer, seen: integer, failed: integer, skipped: { quiet: nullable(integer), paused: nullable(integer), engaged: nullable(integer), limit: nullable(integer) } })),
    ...fields,
  });
};

/** An element of `respondingHelpers`. */
export const respondingHelper = (fields = {}) =>
  atLeast({
    helper: atLeast({ id, _id: id, profile: atLeast(profile), trustScore: between(0, 1000), helperRating }),
    status: text,
    notes: nullable(text),
    estimatedArrival: nullable(time),
    respondedAt: time,
    updatedAt: time,
    stalled: nullable(boolean),
    role: nullable(text),
    resourceId: nullable(id),
    online: nullable(boolean),
    lastSeenAt: nullable(time),
    ...fields,
  });

/** The emergency inside `emergency:created` and `emergency:nearby`. */
export const announcedEmergency = (fields = {}) => ({
  id,
  type: text,
  category: nullable(text),
  description: nullable(text),
  location: place(),
  priority: text,
  severity: between(1, 10),
  status: 'active',
  createdAt: time,
  anonymousMode: boolean,
  silentMode: boolean,
  user: nullable({ id: nullable(id), profile: nullableLastName }),
  ...fields,
});

/** A value of a REST answer without its `_id` keys. */
function withoutAliases(value) {
  if (Array.isArray(value)) return value.map(withoutAliases);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([key]) => key !== '_id');
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutAliases(inner)]));
}

/** The payloads of server events, from the contract; arguments replace patterns. */
export const events = {
  created: (of, nearbyHelperCount) => ({ emergency: announcedEmergency(of), nearbyHelperCount, eventId: integer }),
  nearby: (of, distance) => ({ emergency: announcedEmergency(of), distance, eventId: integer }),
  helperJoined: (emergencyId, helper) => ({
    emergencyId,
    helper: {
      id: helper.id,
      profile: { firstName: helper.user.profile.firstName, lastName: helper.user.profile.lastName },
      trustScore: between(0, 1000),
      helperRating,
      joinedAt: time,
    },
    eventId: integer,
  }),
  /** `seen` is the emergency as the helper reads it over REST. */
  details: (emergencyId, seen) => ({
    emergencyId,
    emergency: {
      ...withoutAliases(seen),
      distance: null,
      respondingHelpers: seen.respondingHelpers.map((part) => ({ ...withoutAliases(part), online: null, lastSeenAt: null })),
    },
    eventId: integer,
  }),
  statusUpdate: (emergencyId, helper, status, notes) => ({
    emergencyId,
    helperId: helper.id,
    status,
    notes,
    stalled: false,
    updatedAt: time,
    eventId: integer,
  }),
  statusChanged: (emergencyId, status) => ({
    emergencyId,
    status,
    emergency: { id: emergencyId, status, updatedAt: time },
    timestamp: time,
    eventId: integer,
  }),
  resolved: (emergencyId, { by, type, notes }) => ({
    emergencyId,
    resolvedAt: time,
    resolvedBy: by,
    resolutionType: type,
    resolutionNotes: notes,
    timestamp: time,
    eventId: integer,
  }),
  cancelled: (emergencyId, reason) => ({ emergencyId, reason, timestamp: time, eventId: integer }),
  updated: (emergencyId, of) => ({ emergencyId, emergency: announcedEmergency({ id: emergencyId, ...of }), timestamp: time, eventId: integer }),
  reopened: (emergencyId, status) => ({ emergencyId, status, timestamp: time, eventId: integer }),
  contactNotified: (emergencyId, contact, state) => ({ emergencyId, contactId: contact.id, state, timestamp: time, eventId: integer }),
  ended: (emergencyId, status) => ({ emergencyId, status, timestamp: time, eventId: integer }),
};

/** Asserts that the event ids that a socket received grow in the order of arrival. */
export function assertIdsGrow(socket) {
  const ids = socket.items.filter(({ payload }) => Number.isInteger(payload?.eventId)).map(({ payload }) => payload.eventId);
  for (let at = 1; at < ids.length; at += 1) {
    assert.ok(ids[at] > ids[at - 1], `event ids do not grow: ${ids.join(', ')}`);
  }
}
