// The routes of emergencies.

import { Router } from 'express';
import { mayHelp } from './auth.mjs';
import { UNIQUE_VIOLATION } from './database.mjs';
import { Failure, notAuthorized, notFound } from './failure.mjs';
import { Fields } from './fields.mjs';
import { isId, newId } from './ids.mjs';
import * as db from './statements.mjs';
import { callView, emergencyView, isResponding, messageView } from './views.mjs';

const TYPES = ['medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other'];
const PRIORITIES = ['low', 'medium', 'high', 'critical'];
const STATUSES = ['active', 'responding', 'resolved', 'cancelled'];
const RADII = [5_000, 10_000, 15_000];
const CIRCLES = [500, 1_000, 2_000, 5_000];
const ENOUGH_HELPERS = 3;

export const isLive = (row) => row.status === 'active' || row.status === 'responding';
export const takesPart = (row, account) =>
  row.owner_id === account.id || account.role === 'admin' || isResponding(row, account);

/** The emergency, for a caller that may read it. */
export async function readable(id, account) {
  const [row] = isId(id) ? await db.find(id) : [];
  if (!row) throw notFound();
  if (!takesPart(row, account) && !(isLive(row) && mayHelp(account))) throw notAuthorized();
  return row;
}

async function participated(id, account) {
  const row = await readable(id, account);
  if (!takesPart(row, account)) throw notAuthorized();
  return row;
}

function readCall(body) {
  const fields = new Fields(body);
  const place = fields.object('location');
  const call = {
    ...place.position(),
    address: place.text('address', { most: 300 }),
    place_description: place.text('description', { most: 300 }),
    type: fields.word('type', TYPES, 'other'),
    category: fields.text('category', { most: 50 }),
    description: fields.text('description', { most: 1000 }),
    priority: fields.word('priority', PRIORITIES, 'high'),
    severity: fields.integer('severity', 1, 10, 5),
    silent_mode: fields.flag('silentMode'),
    anonymous_mode: fields.flag('anonymousMode'),
    request_id: fields.text('requestId', { most: 100 }),
  };
  fields.finish();
  return call;
}

/** The smallest radius with enough helpers in it, how many these are, and the nearest of them. */
function firstWave({ within_5, within_10, within_15, nearest }) {
  const counts = [within_5, within_10, within_15];
  const enough = counts.findIndex((count) => count >= ENOUGH_HELPERS);
  const index = enough < 0 ? RADII.length - 1 : enough;
  const recipients = (nearest ?? []).filter(({ distance }) => distance <= RADII[index]);
  return { radius: RADII[index], count: counts[index], recipients };
}

function receiptText(count) {
  if (count === 0) return 'Your emergency is stored. No helper is near yet; we keep looking.';
  return `Your emergency is stored. ${count} helper${count === 1 ? ' is' : 's are'} being alerted.`;
}

async function create(request, response, sockets) {
  const { account } = request;
  const call = readCall(request.body);
  const [counted] = await db.helperCounts(call.latitude, call.longitude, account.id);
  const { radius, count, recipients } = firstWave(counted);
  const [id, now] = [newId(), new Date()];
  const row = {
    ...call, id, owner_id: account.id, owner_first_name: account.first_name, owner_last_name: account.last_name,
    status: 'active', alert_radius: radius, created_at: now, updated_at: now, first_response_at: null, resolved_at: null,
    resolved_by: null, resolution_type: null, resolution_notes: null, responses: [], alerted: recipients.length,
    acknowledged: 0, declined: 0,
  };
  const receipt = {
    id: newId(), emergency_id: id, sender_role: 'system', sender_id: null, recipient_id: account.id,
    body: receiptText(recipients.length), created_at: now, owner_id: account.id, anonymous_mode: call.anonymous_mode,
  };
  const created = { emergency: callView(row), nearbyHelperCount: count };
  const message = { emergencyId: id, message: messageView(receipt, account) };
  const sent = { wave: 1, radius, alerted: recipients.length, helpers: recipients };
  let numbers;
  try {
    numbers = await db.raise(
      id, account.id, call.request_id, call.type, call.category, call.description, call.latitude, call.longitude,
      call.address, call.place_description, call.priority, call.severity, call.silent_mode, call.anonymous_mode, radius,
      now, recipients.map((helper) => helper.id), recipients.map((helper) => helper.distance), receipt.id, receipt.body,
      ['emergency:created', 'alerts:sent', 'emergency:message'],
      [created, sent, message].map((data) => JSON.stringify(data)),
    );
  } catch (error) {
    if (error.code !== UNIQUE_VIOLATION) throw error;
    return answerEarlier(response, account, call, count);
  }
  sockets.raised(row, created, message, recipients, numbers.map((number) => number.id));
  const data = { emergency: emergencyView(row, account), nearbyHelperCount: count };
  response.status(201).json({ success: true, data });
}

async function answerEarlier(response, account, call, nearbyHelperCount) {
  const [earlier] = await db.findByOwner(account.id, call.request_id);
  if (earlier && call.request_id !== null && earlier.request_id === call.request_id) {
    const data = { emergency: emergencyView(earlier, account), nearbyHelperCount };
    return response.json({ success: true, data });
  }
  const details = [{ field: 'emergencyId', message: earlier?.id ?? '' }];
  throw new Failure(409, 'active_emergency_exists', 'You have an active emergency', details);
}

async function cancel(request, response, sockets) {
  const { account } = request;
  const { id } = request.params;
  const fields = new Fields(request.body);
  const reason = fields.text('reason', { most: 500 });
  fields.finish();
  const now = new Date();
  const [row] = isId(id) ? await db.cancel(id, account.id, now, reason) : [];
  if (!row) {
    const [found] = isId(id) ? await db.find(id) : [];
    if (!found) throw notFound();
    if (found.owner_id !== account.id) throw notAuthorized();
    throw new Failure(409, 'emergency_ended', 'This emergency has ended');
  }
  sockets.cancelled(row, reason, now);
  response.json({ success: true, data: { emergency: emergencyView(row, account) } });
}

/** Numbers below three would find a single helper. */
function rounded(counts) {
  if (counts.every((count) => count === 0)) return counts;
  return counts.map((count) => (count < 3 ? null : count));
}

/** The helpers who respond, with their distances, and numbers of those who are available. */
async function helpersOf(row, account, sockets) {
  const { latitude, longitude, owner_id } = row;
  const responses = row.responses.filter(({ status }) => status !== 'cancelled');
  const ids = responses.map(({ helper }) => helper.id);
  const [[around], distances] = await Promise.all([
    db.helpersAround(latitude, longitude, owner_id),
    takesPart(row, account) && ids.length > 0 ? db.distancesTo(latitude, longitude, ids) : [],
  ]);
  const distanceOf = (id) => distances.find(({ user_id }) => user_id === id)?.distance;
  const helpers = responses.map((response) => {
    const { id, profile, trustScore, helperRating } = response.helper;
    const distance = distanceOf(id) === undefined ? null : Math.round(distanceOf(id));
    return { ...response, id, profile, trustScore, helperRating, distance, online: sockets.isOnline(id) };
  });
  const counts = [...CIRCLES.map((radius) => around[`within_${radius}`]), around.ids.filter((id) => sockets.isOnline(id)).length];
  const shown = rounded(counts);
  const within = CIRCLES.map((radius, index) => ({ radius, count: shown[index] }));
  return { helpers, count: helpers.length, online: shown.at(-1), within };
}

export function emergencies(sockets) {
  const router = new Router();
  const views = (rows, account) =>
    rows.map((row) => emergencyView(row, account, row.distance === undefined ? null : Math.round(row.distance)));
  router.post('/', (request, response) => create(request, response, sockets));
  router.post('/:id/cancel', (request, response) => cancel(request, response, sockets));
  router.get('/pending-for-helper', async ({ account }, response) => {
    response.json({ success: true, data: mayHelp(account) ? views(await db.pending(account.id), account) : [] });
  });
  router.get('/nearby', async ({ account, query }, response) => {
    if (!mayHelp(account)) throw notAuthorized();
    const fields = Fields.query(query);
    const { latitude, longitude } = fields.position();
    const [radius, limit] = [fields.number('radius', 100, 50_000, 10_000), fields.integer('limit', 1, 100, 100)];
    fields.finish();
    const found = views(await db.nearby(latitude, longitude, radius, limit), account);
    response.json({ success: true, data: { emergencies: found, count: found.length } });
  });
  router.get('/history', async ({ account, query }, response) => {
    const fields = Fields.query(query);
    const [before, limit] = [fields.time('before'), fields.integer('limit', 1, 100, 50)];
    const status = query.status === undefined ? null : fields.word('status', STATUSES);
    fields.finish();
    const rows = await db.history(account.id, before, status, limit);
    response.json({ success: true, data: { emergencies: views(rows, account) } });
  });
  router.get('/:id', async ({ account, params }, response) => {
    const row = await readable(params.id, account);
    response.json({ success: true, data: { emergency: emergencyView(row, account) } });
  });
  router.get('/:id/helpers', async ({ account, params }, response) => {
    const row = await readable(params.id, account);
    response.json({ success: true, data: await helpersOf(row, account, sockets) });
  });
  router.get('/:id/timeline', async ({ account, params }, response) => {
    const row = await participated(params.id, account);
    const knowsOwner = !row.anonymous_mode || row.owner_id === account.id || account.role === 'admin';
    const isReadable = ({ data: { message } }) =>
      !message?.recipientId || message.recipientId === account.id || message.senderId === account.id;
    const events = (await db.timeline(params.id)).filter(isReadable);
    for (const event of events) if (!knowsOwner && event.actor === row.owner_id) event.actor = null;
    response.json({ success: true, data: { events } });
  });
  router.get('/:id/messages', async ({ account, params, query }, response) => {
    const fields = Fields.query(query);
    const [before, limit] = [fields.time('before'), fields.integer('limit', 1, 100, 50)];
    fields.finish();
    await participated(params.id, account);
    const rows = await db.messages(params.id, account.id, before, limit);
    response.json({ success: true, data: { messages: rows.map((row) => messageView(row, account)) } });
  });
  return router;
}
