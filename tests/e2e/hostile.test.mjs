// Hostile values in every field of every body, query and path, and of every event that clients send: each is refused by the
// name of its field or accepted, at once, and nothing fails.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { NAMESPACE, NO_SUCH_ID, VAPID_PUBLIC_KEY, databases, startNode } from './harness.mjs';
import { bodies, fields, json, queries, segments, typeOf, withField } from './hostile-values.mjs';
import { clientEvents, filled, routes } from './routes.mjs';
import { cancel, over, raise, resolve, respond, say } from './scene.mjs';
import { arrayOf, assertMatches, nullable, ok, text } from './shapes.mjs';

const PARALLEL_ROUTES = 4;
const TIME = '2026-01-15T10:00:00Z';
const RESOURCE = {
  kind: 'aed', location: { latitude: 1.5, longitude: 1.5, address: 'Main Street' }, access: 'public', openingHours: '24/7', indoor: true, level: '0', description: 'by the door', phone: '+1',
};
const CURSOR = `1768471200000000.${NO_SUCH_ID}`;
const SUBSCRIPTION = {
  kind: 'webpush',
  endpoint: 'https://push.example.org/hostile',
  // Any point of the curve.
  keys: { p256dh: VAPID_PUBLIC_KEY, auth: 'AAAAAAAAAAAAAAAAAAAAAA' },
  name: 'Phone',
  applicationServerKey: VAPID_PUBLIC_KEY,
};
const PREFERENCES = {
  quiet: [{ days: [1, 7], from: '22:00', to: '07:00' }],
  timeZone: 'Europe/Berlin',
  pausedUntil: TIME,
  breakthrough: 'none',
  maxAlertsPerDay: 5,
  notify: { email: true, sms: false },
};
const CONTACT = { name: 'Mum', email: 'mum@home.example', phone: '+15550100', order: 3, afterSeconds: 60, on: 'unanswered', livesWithOwner: true };
// No mail server is there, so that nothing is sent.
const MAIL = { ALLYNET_SMTP_URL: 'smtp://127.0.0.1:1', ALLYNET_MAIL_FROM: 'alerts@example.org', ALLYNET_PUBLIC_URL: 'https://allynet.example.org' };
let serial = 0;

// -------------------------------------------------------------------------------------------- routes

// How each route is called with valid input. `set` makes the caller, the ids in the path and the valid body or query; it is
// called again after a success if that used up what it made (`once`), with the same object for `people` to be reused.
// `also` are fields that may be named in place of another.
const table = {
  'POST /auth/register': [
    { ...registering({ firstName: 'Ann', lastName: 'Other', phone: '+15550100' }), also: { firstName: ['name'] } },
    registering({ name: 'Ann Other' }),
  ],
  'POST /auth/login': { set: async (app) => withBody(app.anonymous(), pick(await app.user(), 'email', 'password')) },
  'POST /auth/refresh': { set: async (app) => withBody(app.anonymous(), pick((await app.user()).tokens, 'refreshToken')), once: true },
  'POST /auth/forgot-password': plain('anonymous', { body: { email: 'stranger@people.example' } }),
  'POST /auth/reset-password': plain('anonymous', { body: { token: 'unknown', password: 'long enough' } }),
  'GET /reset-password': plain('anonymous'),
  'GET /pages/reset-password.js': plain('anonymous'),
  'GET /pages/style.css': plain('anonymous'),
  'GET /c/:token': { ...plain('anonymous'), isPage: true },
  'POST /c/:token': { ...plain('anonymous'), isPage: true },
  'GET /c/confirm/:token': { ...plain('anonymous'), isPage: true },
  'POST /c/confirm/:token': { ...plain('anonymous'), isPage: true },
  'GET /c/stop/:token': { ...plain('anonymous'), isPage: true },
  'POST /c/stop/:token': { ...plain('anonymous'), isPage: true },
  'POST /auth/logout': { set: async (app) => app.user().then((user) => withBody(user, pick(user.tokens, 'refreshToken'))), once: true },
  'GET /auth/me': plain('user'),
  'PUT /auth/me': plain('user', { body: { firstName: 'Ann', lastName: 'Other', phone: '+15550100', bio: 'sails', locale: 'de', avatar: 'https://example.org/a.png' } }),
  'PUT /auth/update-password': { set: async (app) => app.user().then((user) => withBody(user, { currentPassword: user.password, newPassword: user.password })), once: true },
  'DELETE /auth/me': { set: async (app) => app.user().then((user) => withBody(user, pick(user, 'password'))), once: true },
  'POST /auth/me/delete': { set: async (app) => app.user().then((user) => withBody(user, pick(user, 'password'))), once: true },
  'GET /auth/stats': plain('user'),
  'GET /auth/sessions': plain('user'),
  'GET /auth/me/access-log': plain('user'),
  'GET /auth/me/export': plain('user'),
  'DELETE /auth/sessions/:sessionId': plain('user'),
  'GET /auth/emergency-contacts': plain('user'),
  'POST /auth/emergency-contacts': { ...plain('user', { body: CONTACT }), once: true },
  'PUT /auth/emergency-contacts/:contactId': {
    set: async (app) => {
      const caller = await app.user();
      const { contact } = ok(await caller.post('/auth/emergency-contacts', CONTACT), 201);
      return { caller, ids: { contactId: contact.id }, body: () => CONTACT };
    },
  },
  'DELETE /auth/emergency-contacts/:contactId': plain('user'),
  'GET /auth/me/blocks': plain('user'),
  'POST /auth/me/blocks': plain('user', { body: { email: 'stranger@people.example' } }),
  'PUT /auth/me/blocks/:userId': plain('user'),
  'DELETE /auth/me/blocks/:userId': plain('user'),

  'GET /devices': plain('user'),
  'POST /devices': plain('user', { body: SUBSCRIPTION }),
  'DELETE /devices/:deviceId': plain('user'),
  'POST /devices/:deviceId/test': plain('user'),
  'POST /alerts/receipts': plain('anonymous', { body: { receipt: 'A'.repeat(43), state: 'seen' } }),
  'GET /app/config': plain('anonymous'),
  'GET /push/key': plain('anonymous'),

  'GET /resources': plain('user', { query: { latitude: 1.5, longitude: 1.5, radius: 500, kind: 'aed', limit: 5 } }),
  'POST /resources': plain('admin', { body: RESOURCE }),
  'PUT /resources/:resourceId': {
    set: async (app) => {
      const caller = await app.admin();
      const { resource } = ok(await caller.post('/resources', RESOURCE), 201);
      return { caller, ids: { resourceId: resource.id }, body: () => RESOURCE };
    },
  },
  'DELETE /resources/:resourceId': plain('admin'),
  'POST /resources/:resourceId/reports': {
    set: async (app) => {
      const { resource } = ok(await (await app.admin()).post('/resources', RESOURCE), 201);
      return { caller: await app.user(), ids: { resourceId: resource.id }, body: () => ({ state: 'missing', note: 'gone' }) };
    },
  },

  'GET /helpers': plain('admin', { query: { verification: 'pending', cursor: CURSOR, limit: 5 } }),
  'GET /helpers/me': plain('unverifiedHelper'),
  'GET /helpers/me/readiness': plain('unverifiedHelper'),
  'PUT /helpers/me': plain('user', { body: { available: false, skills: ['first aid'], ...PREFERENCES } }),
  'PUT /helpers/me/location': plain('user', { body: { latitude: 1.5, longitude: 1.5, at: TIME } }),
  'GET /helpers/presence': plain('admin'),
  'PUT /helpers/:userId/verification': { set: async (app) => administering(app, await app.unverifiedHelper(), { status: 'verified' }) },
  'PUT /helpers/:userId/block': { set: async (app) => administering(app, await app.user(), { blocked: false, reason: 'none' }) },
  'GET /helpers/:userId/blocks': { set: async (app) => administering(app, await app.user()) },
  'GET /admin/coverage': plain('admin'),
  'GET /admin/emergencies': plain('admin', { query: { status: 'active', latitude: 1.5, longitude: 1.5, radius: 500, cursor: CURSOR, limit: 5 } }),

  'POST /emergencies': {
    set: async (app) => {
      const caller = await app.owner();
      const location = { ...app.somewhere(), address: 'Main Street', description: 'at the door' };
      const details = { type: 'medical', category: 'fall', description: 'help', priority: 'high', severity: 5, silentMode: false, anonymousMode: false };
      return { caller, body: () => ({ location, ...details, requestId: `hostile ${(serial += 1)}` }), reset: () => over(caller) };
    },
  },
  'GET /emergencies/active': plain('owner'),
  'GET /emergencies/helper-active': plain('owner'),
  'GET /emergencies/pending-for-helper': plain('owner'),
  'GET /emergencies/nearby': { set: async (app) => ({ caller: await app.helperAt(app.somewhere()), query: { latitude: 1.5, longitude: 1.5, radius: 500, limit: 5 } }) },
  'GET /emergencies/history': plain('owner', { query: { status: 'active', before: TIME, limit: 5 } }),
  'GET /emergencies/:id': live('owner'),
  'PATCH /emergencies/:id': live('owner', { body: { type: 'medical', category: 'fall', description: 'help', priority: 'high', severity: 5 } }),
  'DELETE /emergencies/:id': { set: (app, people) => finished(app, people), once: true },
  'GET /emergencies/:id/helpers': live('owner', { query: { radius: 500, limit: 5 } }, { ignores: true }),
  'GET /emergencies/:id/timeline': live('owner', { query: { after: 0, limit: 5 } }),
  'POST /emergencies/:id/respond': live('looker', { body: { action: 'decline', estimatedArrival: TIME } }),
  'PUT /emergencies/:id/helper-status': live('helper', { body: { status: 'on_way', notes: 'soon', estimatedArrival: TIME } }),
  'POST /emergencies/:id/resolve': { ...live('owner', { body: { notes: 'all is well', resolutionType: 'user_resolved' } }), once: true },
  'POST /emergencies/:id/cancel': { ...live('owner', { body: { reason: 'a mistake' } }), once: true },
  'POST /emergencies/:id/renew': live('owner'),
  'POST /emergencies/:id/reopen': live('owner'),
  'POST /emergencies/:id/ratings': { set: (app, people) => finished(app, people, (helper) => ({ helperId: helper.id, score: 5, comment: 'thanks' })), once: true },
  'POST /emergencies/:id/report': live('owner', { body: { userId: NO_SUCH_ID, reason: 'rude' } }),
  'GET /emergencies/:id/messages': live('owner', { query: { before: TIME, limit: 5 } }),
  'POST /emergencies/:id/messages': live('owner', { body: { message: 'hello', recipientId: 'creator', requestId: 'one' } }),
  'DELETE /emergencies/:id/messages/:messageId': live('owner'),

  'GET /api/asyncapi.json': plain('anonymous'),
  'GET /api/docs': plain('anonymous'),
  'GET /api/docs/events': plain('anonymous'),
  'GET /api/health': plain('anonymous'),
  'GET /api/openapi.json': plain('anonymous'),
  'GET /healthz': plain('anonymous'),
  'GET /readyz': plain('anonymous'),
};

function pick(object, ...names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
function withBody(caller, body) {
  return { caller, body: () => body };
}
function registering(names) {
  const body = () => ({ email: `hostile-${(serial += 1)}@people.example`, password: 'long enough for all', ...names });
  return { set: async (app) => ({ caller: app.anonymous(), body }) };
}
/** A caller of this kind, and a body or a query. */
function plain(kind, { body, query } = {}) {
  return { set: async (app) => ({ caller: await app[kind](), body: body && (() => body), query }) };
}
async function administering(app, user, body) {
  return { caller: await app.admin(), ids: { userId: user.id }, body: body && (() => body) };
}
/** A live emergency, which a caller in this role asks for. */
function live(role, { body, query } = {}, more = {}) {
  return {
    async set(app, people) {
      people.all ??= await Promise.all([app.owner(), app.helperAt(undefined), app.helperAt(undefined)]);
      const [owner, helper, looker] = people.all;
      const { id } = await raise(owner, app.somewhere());
      await respond(helper, id);
      const message = await say(owner, id, 'to all');
      return { caller: { owner, helper, looker }[role], ids: { id, messageId: message.id }, body: body && (() => body), query };
    },
    ...more,
  };
}
/** An emergency that its owner has resolved. */
async function finished(app, people, body) {
  const { caller, ids } = await live('owner').set(app, people);
  await resolve(caller, ids.id);
  const [, helper] = people.all;
  return { caller, ids, body: body && (() => body(helper)) };
}

/** Two of the values, others for each field: what is of the wrong type is refused before it is looked at. */
const someOf = (values, at) => (values.length <= 2 ? values : [values[at % values.length], values[(at + 1) % values.length]]);

/** Calls one route with valid and hostile input. */
class Attempt {
  constructor(app, route, entry) {
    Object.assign(this, { app, route, entry, people: {} });
  }

  async #request(query, body, path = filled(this.route.path, this.made.ids)) {
    const answer = await this.made.caller.request(this.route.method, `${path}${query}`, body, { root: '' });
    const what = `${this.route.name} ${query.slice(0, 200)} ${(body ?? '').slice(0, 200)}: ${answer.status} ${answer.text.slice(0, 500)}`;
    assert.ok(answer.status < 500, what);
    assert.match(answer.headers.get('x-request-id') ?? '', /^[\x21-\x7e]{8,100}$/, what);
    // A page that does not exist is a page, too.
    if (answer.status >= 400 && !(this.entry.isPage && answer.status === 404)) {
      const error = { code: answer.status, reason: text, message: text, details: nullable(arrayOf({ field: text, message: text })) };
      assertMatches(answer.body, { success: false, error });
    }
    if (answer.status < 300) {
      await this.made.reset?.();
      if (this.entry.once) this.made = await this.entry.set(this.app, this.people);
    }
    return { ...answer, what, error: answer.body?.error };
  }

  /** Asserts that a refusal of the input names the field, and that the input is refused if it must be. */
  #judge(answer, field, mustRefuse) {
    const names = [field, ...(this.entry.also?.[field] ?? [])];
    const about = (named) => names.some((name) => named === name || named.startsWith(`${name}.`) || named.startsWith(`${name}[`));
    if (mustRefuse) assert.equal(answer.status, 400, answer.what);
    if (answer.error?.reason !== 'invalid_input') return;
    const named = answer.error.details?.map((detail) => detail.field) ?? [];
    assert.ok(named.length > 0 && named.every(about), `${field} is not named, or others are: ${answer.what}`);
  }

  async run() {
    this.made = await this.entry.set(this.app, this.people);
    if (this.made.body) await this.#bodies();
    if (this.made.query) await this.#queries();
    // Whatever is in a query that the route does not know is ignored.
    await this.#request('?%ff=%00&a[]=1&__proto__=x&=&&%', this.made.body && JSON.stringify(this.made.body()));
    if (this.route.path.includes(':')) await this.#paths();
  }

  async #bodies() {
    for (const [at, [field, valid]] of fields(this.made.body()).entries()) {
      for (const [type, values] of Object.entries(json)) {
        const isValidType = type === typeOf(valid);
        for (const value of isValidType ? values : someOf(values, at)) {
          const sent = withField(this.made.body(), field, value);
          this.#judge(await this.#request('', sent), field, type !== 'null' && !isValidType);
        }
      }
      // The last one of two keys counts.
      const [name] = field.split('.');
      const twice = JSON.stringify(this.made.body()).replace('{', () => `{"${name}":[],`);
      assert.notEqual((await this.#request('', twice)).error?.reason, 'invalid_input', twice);
    }
    const required = fields(this.made.body()).map(([field]) => field).concat('body', 'name');
    for (const body of bodies) {
      const { error, what } = await this.#request('', body);
      for (const { field } of error?.details ?? []) assert.ok(required.includes(field), what);
    }
  }

  async #queries() {
    for (const [field, valid] of Object.entries(this.made.query)) {
      for (const value of queries) {
        const others = Object.entries(this.made.query).filter(([name]) => name !== field);
        const rest = others.map(([name, other]) => `&${name}=${encodeURIComponent(other)}`).join('');
        const mustRefuse = typeof valid === 'number' && !this.entry.ignores && !Number.isFinite(parseFloat(value));
        this.#judge(await this.#request(`?${field}=${value}${rest}`, undefined), field, mustRefuse);
      }
    }
  }

  async #paths() {
    const names = [...this.route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    for (const name of names) {
      for (const segment of segments) {
        const path = filled(this.route.path, { ...this.made.ids, [name]: segment });
        const answer = await this.#request('', this.made.body && JSON.stringify(this.made.body()), path);
        // Blocks are idempotent: nobody learns by them who has an account.
        if (!this.route.path.includes('/me/blocks/')) assert.ok([400, 404, 405, 414].includes(answer.status), answer.what);
      }
    }
  }
}

// -------------------------------------------------------------------------------------------- events

// Valid payloads of the events.
const payloads = {
  'emergency:join': (emergencyId) => ({ emergencyId, lastEventId: 1 }),
  'emergency:leave': (emergencyId) => ({ emergencyId }),
  'location:update': () => ({ latitude: 1.5, longitude: 1.5, at: TIME }),
  'alert:seen': (emergencyId) => ({ emergencyId }),
  'dispatcher:join': () => ({ lastEventId: 1 }),
  'dispatcher:leave': () => ({}),
};

/** Sends an event on a raw connection; its acknowledgement, or an `error` event if the packet was refused as a whole. */
async function answered(raw, event, payload, number) {
  raw.send(`2${NAMESPACE},${number}["${event}",${payload}]`);
  const acknowledged = new RegExp(`^3${NAMESPACE},${number}\\[`);
  const closed = raw.closed.then((reason) => assert.fail(`${event} ${payload.slice(0, 200)} closed the connection: ${reason}`));
  const answer = await Promise.race([raw.next(acknowledged), closed]);
  return JSON.parse(answer.slice(answer.indexOf('[')))[0];
}

for (const database of databases) {
  describe(`hostile values on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: MAIL });
    });
    after(() => app?.stop());

    it('are tried on every route', () => {
      assert.deepEqual(Object.keys(table).sort(), routes.map(({ name }) => name).sort());
      assert.deepEqual(Object.keys(payloads).sort(), [...clientEvents].sort());
    });

    it('are refused by the name of their field, or accepted, by every route', async () => {
      const waiting = [...routes];
      const worker = async () => {
        for (let route = waiting.shift(); route; route = waiting.shift()) {
          for (const entry of [table[route.name]].flat()) await new Attempt(app, route, entry).run();
        }
      };
      await Promise.all(Array.from({ length: PARALLEL_ROUTES }, worker));
    });

    it('are refused with a reason, or accepted, by every event', async () => {
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(undefined)]);
      const { id } = await raise(owner, app.somewhere());
      const raw = await helper.connectRaw();
      // What is no JSON is no packet, and closes the connection: see payloads.test.mjs.
      const { malformed: _, ...values } = json;
      let number = 0;
      for (const [event, payload] of Object.entries(payloads)) {
        for (const [field] of fields(payload(id))) {
          // All at once, fewer than may be pending: positions are confirmed together.
          const tried = Object.values(values).flat().map(async (value) => {
            const sent = withField(payload(id), field, value);
            const answer = await answered(raw, event, sent, (number += 1));
            if (answer.ok === true) return;
            assertMatches(answer, { ok: false, error: { code: text, message: text } });
            const what = `${event} ${sent.slice(0, 200)}: ${JSON.stringify(answer)}`;
            // A helper is no administrator, whatever the payload.
            if (event === 'dispatcher:join' && answer.error.code === 'not_authorized') return;
            assert.match(answer.error.code, /^(invalid_payload|emergency_not_found)$/, what);
          });
          await Promise.all(tried);
        }
      }
      raw.close();
      await cancel(owner, id);
    });
  });
}
