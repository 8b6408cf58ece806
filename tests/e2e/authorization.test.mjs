// Authorization: every route and every client event, for every kind of caller.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, startNode } from './harness.mjs';
import { clientEvents, filled, guarded, routes } from './routes.mjs';
import { cancel, over, raise, resolve, respond, say, stand, tell } from './scene.mjs';
import { ok, refused } from './shapes.mjs';

const CALLERS = ['owner', 'responding', 'looker', 'unverified', 'plain', 'admin', 'anonymous', 'cancelled', 'completed'];

// The columns: the owner, a responding helper, a helper who looks on, an unverified helper, a user who is not a helper, an
// administrator, a caller without a token, a helper who cancelled a response, and one who completed it.
const table = {
  // Every account. Access to the resources of others is tested elsewhere.
  'POST /auth/logout': everybody(200),
  'GET /auth/me': everybody(200),
  'PUT /auth/me': everybody(200),
  'PUT /auth/update-password': everybody('400 invalid_input'),
  'DELETE /auth/me': everybody('400 invalid_input'),
  'POST /auth/me/delete': everybody('400 invalid_input'),
  'GET /auth/stats': everybody(200),
  'GET /auth/sessions': everybody(200),
  'GET /auth/me/access-log': everybody(200),
  'GET /auth/me/export': everybody(200),
  'DELETE /auth/sessions/:sessionId': everybody('404 session_not_found'),
  'GET /auth/emergency-contacts': everybody(200),
  'POST /auth/emergency-contacts': everybody(201),
  'PUT /auth/emergency-contacts/:contactId': everybody('404 contact_not_found'),
  'DELETE /auth/emergency-contacts/:contactId': everybody('404 contact_not_found'),
  'GET /auth/me/blocks': everybody(200),
  'POST /auth/me/blocks': everybody(200),
  'PUT /auth/me/blocks/:userId': everybody(200),
  'DELETE /auth/me/blocks/:userId': everybody(200),
  'GET /devices': everybody(200),
  'POST /devices': everybody('400 invalid_input'),
  'DELETE /devices/:deviceId': everybody('404 device_not_found'),
  'POST /devices/:deviceId/test': everybody('404 device_not_found'),
  'PUT /helpers/me': everybody(200),
  'PUT /helpers/me/location': everybody(200),
  'GET /emergencies/active': everybody(200),
  'GET /emergencies/helper-active': everybody(200),
  'GET /emergencies/pending-for-helper': everybody(200),
  'GET /emergencies/history': everybody(200),
  'POST /emergencies': ['409 active_emergency_exists', 201, 201, 201, 201, 201, '401 token_missing', 201, 201],
  'GET /helpers/me/readiness': ['403 not_a_helper', 200, 200, 200, '403 not_a_helper', '403 not_a_helper', '401 token_missing', 200, 200],
  'GET /helpers/me': ['403 not_a_helper', 200, 200, 200, '403 not_a_helper', '403 not_a_helper', '401 token_missing', 200, 200],

  'GET /resources': everybody(200),
  'POST /resources/:resourceId/reports': everybody('404 resource_not_found'),

  // Administrators.
  'POST /resources': administrators(201),
  'PUT /resources/:resourceId': administrators('404 resource_not_found'),
  'DELETE /resources/:resourceId': administrators('404 resource_not_found'),
  'GET /helpers': administrators(200),
  'GET /helpers/presence': administrators(200),
  'GET /admin/coverage': administrators(200),
  'GET /admin/emergencies': administrators(200),
  'PUT /helpers/:userId/verification': administrators(200),
  'PUT /helpers/:userId/block': administrators(200),
  'GET /helpers/:userId/blocks': administrators(200),

  // Helpers: administrators and owners are not helpers by themselves.
  'GET /emergencies/nearby': ['403 not_a_helper', 200, 200, '403 not_a_helper', '403 not_a_helper', '403 not_a_helper', '401 token_missing', 200, 200],
  'POST /emergencies/:id/respond': ['403 own_emergency', 200, 200, '403 not_a_helper', '403 not_a_helper', '403 not_a_helper', '401 token_missing', 200, 200],

  // One emergency while it is live.
  'GET /emergencies/:id': concerned(200, { looker: 200, admin: 200, cancelled: 200 }),
  'GET /emergencies/:id/helpers': concerned(200, { looker: 200, admin: 200, cancelled: 200 }),
  'GET /emergencies/:id/timeline': concerned(200, { admin: 200 }),
  'GET /emergencies/:id/messages': concerned(200),
  'POST /emergencies/:id/messages': concerned(201),
  'DELETE /emergencies/:id/messages/:messageId': concerned('403 not_authorized', { owner: 200 }),
  'POST /emergencies/:id/resolve': concerned(200, { admin: 200 }),
  'POST /emergencies/:id/report': concerned(201),
  'PATCH /emergencies/:id': owners(200),
  'POST /emergencies/:id/cancel': owners(200),
  'POST /emergencies/:id/renew': owners(200),
  'POST /emergencies/:id/reopen': concerned('403 not_authorized', { owner: '409 not_reopenable', responding: '409 not_reopenable', admin: '409 not_reopenable' }),
  'DELETE /emergencies/:id': owners('409 emergency_live'),
  'POST /emergencies/:id/ratings': owners('409 emergency_not_resolved'),
  'PUT /emergencies/:id/helper-status': concerned('403 not_authorized', { responding: 200, completed: 200, cancelled: '409 invalid_transition' }),

  // No token needed.
  'GET /app/config': Array(9).fill(200),
  'GET /push/key': Array(9).fill(200),
  'POST /alerts/receipts': Array(9).fill('400 invalid_input'),
  'POST /auth/register': Array(9).fill('400 invalid_input'),
  'POST /auth/login': Array(9).fill('400 invalid_input'),
  'POST /auth/refresh': Array(9).fill('400 invalid_input'),
  'POST /auth/forgot-password': Array(9).fill('400 invalid_input'),
  'POST /auth/reset-password': Array(9).fill('400 invalid_input'),
  'GET /reset-password': Array(9).fill(200),
  'GET /pages/reset-password.js': Array(9).fill(200),
  'GET /pages/style.css': Array(9).fill(200),
  // Pages: the token in the address decides, not the caller.
  'GET /c/:token': Array(9).fill('404 page'),
  'POST /c/:token': Array(9).fill('404 page'),
  'GET /c/confirm/:token': Array(9).fill('404 page'),
  'POST /c/confirm/:token': Array(9).fill('404 page'),
  'GET /c/stop/:token': Array(9).fill('404 page'),
  'POST /c/stop/:token': Array(9).fill('404 page'),
  'GET /api/asyncapi.json': Array(9).fill(200),
  'GET /api/docs': Array(9).fill(200),
  'GET /api/docs/events': Array(9).fill(200),
  'GET /api/health': Array(9).fill(200),
  'GET /api/openapi.json': Array(9).fill(200),
  'GET /healthz': Array(9).fill(200),
  'GET /readyz': Array(9).fill(200),
};

// The same emergency when it is resolved.
const ended = {
  'GET /emergencies/:id': concerned(200, { admin: 200 }),
  'GET /emergencies/:id/helpers': concerned(200, { admin: 200 }),
  'GET /emergencies/:id/timeline': concerned(200, { admin: 200 }),
  'GET /emergencies/:id/messages': concerned(200),
  'POST /emergencies/:id/messages': concerned('409 emergency_ended'),
  'POST /emergencies/:id/resolve': concerned('409 emergency_ended', { admin: '409 emergency_ended' }),
  'POST /emergencies/:id/report': concerned(201),
  'PATCH /emergencies/:id': owners('409 emergency_ended'),
  'POST /emergencies/:id/cancel': owners('409 emergency_ended'),
  'POST /emergencies/:id/renew': owners('409 emergency_ended'),
  // Resolved by its owner, which is not undone.
  'POST /emergencies/:id/reopen': concerned('403 not_authorized', { owner: '409 not_reopenable', responding: '409 not_reopenable', admin: '409 not_reopenable' }),
  'POST /emergencies/:id/ratings': owners(201),
  'DELETE /emergencies/:id': owners(200),
};

const events = {
  'emergency:join': concerned('ok', { looker: 'ok', admin: 'ok', cancelled: 'ok' }, 'not_authorized'),
  'emergency:leave': CALLERS.map((caller) => (caller === 'anonymous' ? 'no connection' : 'ok')),
  'location:update': CALLERS.map((caller) => (caller === 'anonymous' ? 'no connection' : 'ok')),
  'alert:seen': CALLERS.map((caller) => (caller === 'anonymous' ? 'no connection' : 'ok')),
  'dispatcher:join': CALLERS.map((caller) => ({ anonymous: 'no connection', admin: 'ok' })[caller] ?? 'not_authorized'),
  'dispatcher:leave': CALLERS.map((caller) => (caller === 'anonymous' ? 'no connection' : 'ok')),
};
const eventsOnceEnded = {
  'emergency:join': concerned('ok', { admin: 'ok' }, 'not_authorized'),
};

function everybody(expected) {
  return CALLERS.map((caller) => (caller === 'anonymous' ? '401 token_missing' : expected));
}
function administrators(expected) {
  return everybody('403 not_authorized').map((other, at) => (CALLERS[at] === 'admin' ? expected : other));
}
function owners(expected) {
  return everybody('403 not_authorized').map((other, at) => (CALLERS[at] === 'owner' ? expected : other));
}
// Owner and responding helpers, including completed ones, and exceptions.
function concerned(expected, others = {}, refusal = '403 not_authorized') {
  const nobody = refusal === 'not_authorized' ? 'no connection' : '401 token_missing';
  return CALLERS.map((caller) => {
    if (caller === 'anonymous') return nobody;
    return others[caller] ?? (['owner', 'responding', 'completed'].includes(caller) ? expected : refusal);
  });
}

for (const database of databases) {
  describe(`what each caller may do on ${database}`, () => {
    let app;
    let cast;
    let victim;
    let stage;
    before(async () => {
      app = await startNode({ database });
      const people = await Promise.all([
        app.owner(),
        app.helperAt(undefined),
        app.helperAt(undefined),
        app.unverifiedHelper(),
        app.user(),
        app.admin(),
        app.anonymous(),
        app.helperAt(undefined),
        app.helperAt(undefined),
      ]);
      cast = Object.fromEntries(people.map((caller, at) => [CALLERS[at], caller]));
      victim = await app.unverifiedHelper();
    });
    after(() => app?.stop());

    // A new emergency with a caller in every role, and the ids of its resources.
    async function set({ over: isOver = false } = {}) {
      await Promise.all(Object.entries(cast).map(([name, caller]) => name === 'anonymous' || over(caller)));
      const { owner, responding, cancelled, completed } = cast;
      const { id } = await raise(owner, app.somewhere());
      for (const helper of [responding, cancelled, completed]) await respond(helper, id);
      await tell(cancelled, id, 'cancelled');
      await tell(completed, id, 'completed');
      const { id: messageId } = await say(owner, id, 'to all');
      if (isOver) await resolve(owner, id);
      stage = { id, messageId, userId: victim.id };
    }

    // The smallest valid body, so that only the caller decides the outcome.
    const bodies = {
      'PUT /auth/me': () => ({}),
      'POST /auth/emergency-contacts': () => ({ name: 'Mum', email: 'mum@home.example' }),
      'POST /auth/me/blocks': () => ({ email: 'blocked@home.example' }),
      'PUT /helpers/me/location': () => ({ latitude: 1, longitude: 1 }),
      'POST /emergencies': () => ({ location: { latitude: 1, longitude: 1 } }),
      'PUT /helpers/:userId/verification': () => ({ status: 'rejected' }),
      'POST /resources/:resourceId/reports': () => ({ state: 'missing' }),
      'POST /resources': () => ({ kind: 'aed', location: { latitude: 1, longitude: 1 } }),
      'PUT /helpers/:userId/block': () => ({ blocked: false }),
      'POST /emergencies/:id/messages': () => ({ message: 'hello' }),
      'POST /emergencies/:id/ratings': () => ({ helperId: cast.responding.id, score: 5 }),
      'POST /emergencies/:id/report': (caller) => ({ reason: 'rude', userId: caller === 'owner' ? cast.responding.id : null }),
      'PUT /emergencies/:id/helper-status': () => ({ status: 'completed' }),
      'PATCH /emergencies/:id': () => ({ description: 'more' }),
    };
    const queries = { 'GET /emergencies/nearby': '?latitude=1&longitude=1', 'GET /resources': '?latitude=1&longitude=1' };
    // Rows that would change the caller's role for the rows that follow.
    const stranger = {
      'PUT /helpers/me': async (name) => (['plain', 'owner', 'admin'].includes(name) ? app.logIn(await app.user()) : cast[name]),
      'POST /auth/logout': async (name) => (name === 'anonymous' ? cast[name] : app.logIn(cast[name])),
    };

    async function attempt(row, name) {
      const route = routes.find((each) => each.name === row);
      const caller = await (stranger[row]?.(name) ?? cast[name]);
      const body = route.method === 'GET' ? undefined : row === 'POST /auth/logout' ? { refreshToken: caller.tokens?.refreshToken } : (bodies[row]?.(name) ?? {});
      return caller.request(route.method, filled(route.path, stage) + (queries[row] ?? ''), body, { root: '' });
    }

    function check(answer, expected, where) {
      const isPage = answer.headers.get('content-type')?.startsWith('text/html');
      const got = answer.status < 400 ? answer.status : `${answer.status} ${isPage ? 'page' : answer.body?.error?.reason}`;
      if (got !== expected) return `${where}: ${got}, not ${expected}`;
      if (answer.status >= 400 && !isPage) refused(answer, answer.status, answer.body.error.reason);
      return undefined;
    }

    async function judge(tables, options) {
      const wrong = [];
      let fresh = false;
      for (const [row, columns] of Object.entries(tables)) {
        for (const [at, name] of CALLERS.entries()) {
          if (!fresh) await set(options);
          const answer = await attempt(row, name);
          fresh = answer.status >= 400 || !/^(POST|PUT|DELETE) .emergencies/.test(row);
          wrong.push(check(answer, columns[at], `${row} by ${name}`));
        }
      }
      assert.deepEqual(wrong.filter(Boolean), []);
    }

    it('is specified for every route and every event', () => {
      assert.deepEqual(Object.keys(table).sort(), routes.map(({ name }) => name).sort());
      assert.deepEqual(Object.keys(events).sort(), [...clientEvents].sort());
      const columns = [table, ended, events, eventsOnceEnded].flatMap((each) => Object.values(each));
      assert.ok(columns.every((row) => row.length === CALLERS.length));
      for (const { name } of guarded) assert.equal(table[name][CALLERS.indexOf('anonymous')], '401 token_missing', name);
    });

    it('holds while the emergency is live', () => judge(table, {}));
    it('holds when the emergency has ended', () => judge(ended, { over: true }));

    for (const [name, tables, options] of [
      ['while the emergency is live', events, {}],
      ['when the emergency has ended', eventsOnceEnded, { over: true }],
    ]) {
      it(`holds for client events ${name}`, async () => {
        const payloads = { 'emergency:join': () => ({ emergencyId: stage.id }), 'emergency:leave': () => ({ emergencyId: stage.id }), 'location:update': () => app.somewhere(), 'alert:seen': () => ({ emergencyId: stage.id }), 'dispatcher:join': () => ({}), 'dispatcher:leave': () => ({}) };
        await set(options);
        const wrong = [];
        for (const [at, caller] of CALLERS.entries()) {
          const socket = caller === 'anonymous' ? undefined : await cast[caller].connect();
          if (!socket) assert.equal(await cast[caller].refusal(), 'Authentication error: No token provided');
          for (const [event, columns] of Object.entries(tables)) {
            const answer = await socket?.ack(event, payloads[event]());
            const got = !answer ? 'no connection' : answer.ok ? 'ok' : answer.error.code;
            if (got !== columns[at]) wrong.push(`${event} by ${caller}: ${got}, not ${columns[at]}`);
          }
          socket?.close();
        }
        assert.deepEqual(wrong, []);
      });
    }

    it('as a looker-on is to receive the events of the room, except those for participants', async () => {
      await set();
      const { owner, responding, looker, admin, cancelled } = cast;
      const sockets = await Promise.all([looker, admin, cancelled].map((caller) => caller.connect()));
      for (const socket of sockets) assert.equal((await socket.ack('emergency:join', { emergencyId: stage.id })).ok, true);
      const [participant, ofOwner] = await Promise.all([responding.connect(), owner.connect()]);
      await say(owner, stage.id, 'for us alone');
      await participant.next('emergency:message', (payload) => payload.message.message === 'for us alone');
      await stand(responding, app.somewhere());
      for (const socket of [participant, ofOwner]) await socket.next('helper:location');
      await tell(responding, stage.id, 'arrived');
      await ofOwner.next('helper:status_update');
      for (const socket of sockets) {
        await socket.next('helper:status_update');
        await socket.silent(/^emergency:message|^helper:location|^presence|^emergency:alerts/);
        assert.ok(!socket.caller.received.includes('for us alone'));
      }
      await cancel(owner, stage.id);
      for (const socket of sockets) await socket.next('emergency:cancelled');
      for (const socket of [...sockets, participant, ofOwner]) socket.close();
    });

    it('does not include the contacts, sessions and messages of others', async () => {
      await set();
      const { owner, responding, completed } = cast;
      const { contact } = ok(await owner.post('/auth/emergency-contacts', { name: 'Mum', email: 'mum@home.example' }), 201);
      refused(await responding.delete(`/auth/emergency-contacts/${contact.id}`), 404, 'contact_not_found');
      const direct = await say(owner, stage.id, 'for one', responding.id);
      refused(await completed.delete(`/emergencies/${stage.id}/messages/${direct.id}`), 404, 'message_not_found');
    });
  });
}
