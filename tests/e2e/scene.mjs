// Steps that tests are composed of: raise, respond, write, resolve. Each fails the test if it does not succeed.

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

/** Ends the owner's live emergency, so that another can be raised. */
export async function over(owner) {
  const live = ok(await owner.get('/emergencies/active'));
  if (live) await cancel(owner, live.emergency.id);
}

/** Sets the position of a caller. */
export const stand = async (caller, { latitude, longitude }) =>
  ok(await caller.put('/helpers/me/location', { latitude, longitude }));

/** Whether a payload is about this emergency. */
export const of = (emergencyId) => (payload) => (payload.emergencyId ?? payload.emergency?.id) === emergencyId;

/** The events of one emergency that a socket received, without alert counts, messages and roles. */
export const heard = (socket, emergencyId) =>
  socket.items
    .filter(({ event, payload }) => !/^(emergency:(alerts|message)|helper:(location|role_assigned))/.test(event) && payload && of(emergencyId)(payload))
    .map(({ event }) => event);

/** An owner and `count` helpers on duty, each about 100 m further away, all connected. */
export async function gather(app, helpers = 1, options = {}) {
  const place = app.somewhere();
  const created = Array.from({ length: helpers }, (_, index) =>
    app.helperAt(north(place, 100 * (index + 1)), { firstName: `Helper${index}` }),
  );
  const [owner, ...others] = await Promise.all([app.owner(), ...created]);
  const [ownerSocket, ...sockets] = await Promise.all([owner, ...others].map((caller) => caller.connect(options)));
  return { place, owner, ownerSocket, helpers: others, sockets };
}

/** The alert counts, once an alert was acknowledged. */
export const acknowledged = (owner, emergencyId) =>
  eventually(async () => {
    const { alerts } = await read(owner, emergencyId);
    assert.equal(alerts.acknowledged, 1);
    return alerts;
  });

/** The response of a helper in an emergency. */
export const partOf = (helper, emergency) => emergency.respondingHelpers.find((part) => part.helper.id === helper.id);

/** Asserts that the answer is 400 and names exactly these fields. */
export function wrongFields(answer, ...fields) {
  const { details } = refused(answer, 400, 'invalid_input');
  assert.ok(details, answer.text);
  assert.deepEqual([...new Set(details.map(({ field }) => field))].sort(), [...fields].sort(), answer.text);
}

/** How often each status occurred. */
export const tally = (answers) => {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** The results of `count` concurrent calls. */
export const times = (count, make) => Promise.all(Array.from({ length: count }, (_, index) => make(index)));
