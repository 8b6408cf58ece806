// The namespace: handshake, rooms, client events and server events.

import { Server } from 'socket.io';
import { accountOf, isOnDuty } from './auth.mjs';
import { readable } from './emergencies.mjs';
import { Failure } from './failure.mjs';
import { Fields } from './fields.mjs';
import * as db from './statements.mjs';

const HELPERS = 'helpers';
const ACKNOWLEDGEMENT = 60_000;
const userRoom = (id) => `user:${id}`;
const emergencyRoom = (id) => `emergency:${id}`;

export function realtime(server) {
  const io = new Server(server, {
    path: '/socket.io',
    serveClient: false,
    maxHttpBufferSize: 65_536,
    pingInterval: 25_000,
    pingTimeout: 20_000,
  });
  const namespace = io.of('/emergencies');
  const state = { latestEventId: 0 };
  namespace.use(async (socket, next) => {
    try {
      socket.data.account = await accountOf(socket.handshake.auth.token ?? socket.handshake.query.token);
      socket.data.live = await db.liveOf(socket.data.account.id);
      next();
    } catch (error) {
      next(error instanceof Failure ? new Error(`Authentication error: ${error.message}`) : error);
    }
  });
  namespace.on('connection', (socket) => welcome(socket, state));
  return announcer(namespace, state);
}

function welcome(socket, state) {
  const { account, live } = socket.data;
  const rooms = [userRoom(account.id), ...live.map(({ id }) => emergencyRoom(id))];
  if (isOnDuty(account)) rooms.push(HELPERS);
  socket.join(rooms);
  socket.data.live = undefined;
  handle(socket, 'emergency:join', 'emergency:joined', async (payload) => {
    const { id } = await readable(payload.emergencyId, account);
    socket.join(emergencyRoom(id));
    return { emergencyId: id, room: emergencyRoom(id), message: 'Joined the emergency' };
  });
  handle(socket, 'emergency:leave', 'emergency:left', async ({ emergencyId }) => {
    socket.leave(emergencyRoom(emergencyId));
    return { emergencyId, room: emergencyRoom(emergencyId) };
  });
  handle(socket, 'location:update', 'location:updated', async (payload) => {
    const fields = new Fields(payload);
    const { latitude, longitude } = fields.position();
    fields.finish();
    await db.report(account.id, latitude, longitude);
    return { latitude, longitude, message: 'Location updated' };
  });
  const serverTime = new Date();
  socket.emit('session:ready', { userId: account.id, rooms, latestEventId: state.latestEventId, serverTime });
}

/** Events of one socket are handled in the order in which it sent them. */
function handle(socket, event, answer, action) {
  socket.on(event, (payload, acknowledge) => {
    const before = socket.data.busy;
    const run = async () => {
      if (before) await before;
      try {
        const told = await action(payload ?? {});
        socket.emit(answer, told);
        if (typeof acknowledge === 'function') acknowledge({ ok: true, ...told });
      } catch (error) {
        const known = error instanceof Failure;
        if (!known) console.error(error);
        const [code, message] = known ? [error.code === 400 ? 'invalid_payload' : error.reason, error.message] : ['internal', 'Something went wrong'];
        socket.emit('error', { message, code, event });
        if (typeof acknowledge === 'function') acknowledge({ ok: false, error: { code, message } });
      }
    };
    const busy = run().finally(() => {
      if (socket.data.busy === busy) socket.data.busy = undefined;
    });
    socket.data.busy = busy;
  });
}

function announcer(namespace, state) {
  const { rooms } = namespace.adapter;
  const alert = (helper, payload, emergency) => {
    for (const sid of rooms.get(userRoom(helper)) ?? []) {
      namespace.sockets.get(sid)?.timeout(ACKNOWLEDGEMENT).emit('emergency:nearby', payload, (error) => {
        if (!error) db.acknowledge(emergency, helper).catch(console.error);
      });
    }
  };
  return {
    isOnline: (user) => rooms.has(userRoom(user)),
    raised(row, created, message, recipients, [createdId, alertedId, messageId]) {
      state.latestEventId = Math.max(state.latestEventId, messageId);
      const owner = userRoom(row.owner_id);
      namespace.in(owner).socketsJoin(emergencyRoom(row.id));
      namespace.to(HELPERS).except(owner).emit('emergency:created', { ...created, eventId: createdId });
      for (const { id, distance } of recipients) {
        alert(id, { emergency: created.emergency, distance: Math.round(distance), eventId: alertedId }, row.id);
      }
      namespace.to(owner).emit('emergency:message', { ...message, eventId: messageId });
    },
    cancelled(row, reason, timestamp) {
      const [cancelledId, endedId] = row.event_ids;
      state.latestEventId = Math.max(state.latestEventId, endedId);
      const concerned = [emergencyRoom(row.id), ...row.alerted_helpers.map(userRoom)];
      const emergencyId = row.id;
      namespace.to(concerned).emit('emergency:cancelled', { emergencyId, reason, timestamp, eventId: cancelledId });
      const ended = { emergencyId, status: 'cancelled', timestamp, eventId: endedId };
      namespace.to([HELPERS, ...concerned]).emit('emergency:ended', ended);
    },
  };
}
