// What happens in an emergency, as sentences: the steps of which tests are made, each of which has to succeed.

import assert from 'node:assert/strict';
import { eventually, north } from './harness.mjs';
import { ok, refused } from './shapes.mjs';

const path = (emergencyId, rest = '') => `/emergencies/${emergencyId}${rest}`;

export const raise = async (owner, location, fields = {}) =>
  ok(await owner.post('/emergencies', { location, ...fields }), 201).emergency;
export const read = async (caller, emergencyId) => ok(await caller.get(path(emergencyId))).emergency;
export const respond = async (helper, emergencyId, fields = {}) =>
  ok(await helper.post(path(emergencyId, '/respond'), fields)).emergency;
export const decline = (helper, emergencyId) => respond(helper, emergencyId, { action: 'decline' });
export const tell = async (helper, emergencyId, status, fields = {}) =>
  ok(await helper.put(path(emergencyId, '/helper-status'), { status, ...fields })).emergency;
export const resolve = async (caller, emergencyId, fields = {}) =>
  ok(await caller.post(path(emergencyId, '/resolve'), fields)).emergency;
export const cancel = async (owner, emergencyId, fields = {}) =>
  ok(await owner.post(path(emergencyId, '/cancel'), fields)).emergency;
export const say = async (caller, emergencyId, message, recipientId = null) =>
  ok(await caller.post(path(emergencyId, '/messages'), { message, recipientId }), 201).message;
export const messagesOf = async (caller, emergencyId, query = '') =>
  ok(await caller.get(path(emergencyId, `/messages${query}`))).messages;

/** Ends what this owner still has live, so that they may raise the next. */
export async function over(owner) {
  const live = ok(await owner.get('/emergencies/active'));
  if (live) await cancel(owner, live.emergency.id);
}

/** Puts somebody at a place. */
export const stand = async (caller, { latitude, longitude }) =>
  ok(await caller.put('/helpers/me/location', { latitude, longitude }));

/** Whether a payload is about this emergency. */
export const of = (emergencyId) => (payload) => (payload.emergencyId ?? payload.emergency?.id) === emergencyId;

/** What a socket heard of one emergency, the alerts' running numbers and messages aside. */
export const heard = (socket, emergencyId) =>
  socket.items
    .filter(({ event, payload }) => !/^(emergency:(alerts|message)|helper:location)/.test(event) && payload && of(emergencyId)(payload))
    .map(({ event }) => event);

/** An owner and as many helpers on duty, each about 100 m further off, all connected. */
export async function gather(app, helpers = 1, options = {}) {
  const place = app.somewhere();
  const standing = Array.from({ length: helpers }, (_, index) =>
    app.helperAt(north(place, 100 * (index + 1)), { firstName: `Helper${index}` }),
  );
  const [owner, ...others] = await Promise.all([app.owner(), ...standing]);
  const [ownerSocket, ...sockets] = await Promise.all([owner, ...others].map((caller) => caller.connect(options)));
  return { place, owner, ownerSocket, helpers: others, sockets };
}

/** The numbers of the alerts, once somebody has acknowledged one. */
export const acknowledged = (owner, emergencyId) =>
  eventually(async () => {
    const { alerts } = await read(owner, emergencyId);
    assert.equal(alerts.acknowledged, 1);
    return alerts;
  });

/** The part of a responding helper in an emergency. */
export const partOf = (helper, emergency) => emergency.respondingHelpers.find((part) => part.helper.id === helper.id);

/** The answer has to be 400 and to name these fields, all of them and no other. */
export function wrongFields(answer, ...fields) {
  const { details } = refused(answer, 400, 'invalid_input');
  assert.ok(details, answer.text);
  assert.deepEqual([...new Set(details.map(({ field }) => field))].sort(), [...fields].sort(), answer.text);
}

/** How often each status was given. */
export const tally = (answers) => {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** So many of these, made at the same time. */
export const times = (count, make) => Promise.all(Array.from({ length: count }, (_, index) => make(index)));
