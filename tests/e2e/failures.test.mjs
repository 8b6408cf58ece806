// Failures: one shape for every status, no cause in the answer, and no personal data in the log.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import { createDatabase, databases, eventually, resigned, startNode } from './harness.mjs';
import { filled, paths } from './routes.mjs';
import { of, raise, resolve, respond, say, tell, wrongFields } from './scene.mjs';
import { assertMatches, ok, refused } from './shapes.mjs';

const LIMIT = 65_536;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const SOME_ID = /^[\x21-\x7e]{8,100}$/;

for (const database of databases) {
  describe(`failures on ${database}`, () => {
    let app;
    let user;
    let anonymous;
    before(async () => {
      app = await startNode({ database });
      [user, anonymous] = [await app.user(), app.anonymous()];
    });
    after(() => app?.stop());

    describe('of the address', () => {
      it('are 404 for a route that does not exist, for every caller', async () => {
        const unknown = [
          ...['/api', '/api/v1', '/api/v1/', '/api/v2/auth/me', '/api/v1/auth', '/api/v1/nothing', '/emergencies'],
          ...['/API/V1/AUTH/ME', '/api/v1/auth/me/x', '/api/v1/helpers/me/locations', '/%00', '/..%2f..%2fetc/passwd'],
        ];
        for (const path of unknown) {
          for (const caller of [user, anonymous]) {
            for (const method of METHODS) {
              refused(await caller.request(method, path, method === 'GET' ? undefined : {}, { root: '' }), 404, 'route_not_found');
            }
          }
        }
      });

      it('are 405 for an unsupported method, with the supported ones in Allow', async () => {
        for (const [path, methods] of paths) {
          for (const method of METHODS.filter((each) => !methods.includes(each))) {
            const answer = await anonymous.request(method, filled(path), undefined, { root: '' });
            refused(answer, 405, 'method_not_allowed');
            const allowed = (answer.headers.get('allow') ?? '').split(/,\s*/).filter((each) => each !== 'HEAD');
            assert.deepEqual(allowed.sort(), [...methods].sort(), `${method} ${path}`);
          }
        }
      });
    });

    describe('of the body', () => {
      const post = (body, headers = {}) => anonymous.post('/auth/login', body, { headers });
      const login = (size) => {
        const rest = JSON.stringify({ email: 'x@people.example', password: 'long enough', padding: '' });
        return `${rest.slice(0, -2)}${'x'.repeat(size - rest.length)}"}`;
      };

      it('are 413 above 64 KiB, and do not occur up to that size', async () => {
        assert.equal(login(LIMIT).length, LIMIT);
        refused(await post(login(LIMIT)), 401, 'invalid_credentials');
        refused(await post(login(LIMIT + 1)), 413, 'body_too_large');
        refused(await post(login(1_000_000)), 413, 'body_too_large');
        refused(await user.post('/emergencies', login(LIMIT + 1)), 413, 'body_too_large');
      });

      it('are 413 for a chunked body without a length', async () => {
        for (const [size, status] of [[LIMIT, 401], [LIMIT + 1, 413]]) {
          const answer = await raw(app, { method: 'POST', path: '/api/v1/auth/login', headers: { 'content-type': 'application/json' } }, [
            login(size).slice(0, 40_000),
            login(size).slice(40_000),
          ]);
          refused(answer, status, status === 401 ? 'invalid_credentials' : 'body_too_large');
        }
      });

      it('are 415 unless the content type is JSON', async () => {
        const body = JSON.stringify({ email: 'x@people.example', password: 'long enough' });
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'multipart/form-data; boundary=x']) {
          refused(await post(body, { 'content-type': type }), 415, 'unsupported_media_type');
        }
        const untold = await raw(app, { method: 'POST', path: '/api/v1/auth/login', headers: { 'content-length': body.length } }, [body]);
        refused(untold, 415, 'unsupported_media_type');
        for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON']) {
          refused(await post(body, { 'content-type': type }), 401, 'invalid_credentials');
        }
      });

      it('are 400 for a body that is not JSON', async () => {
        const deep = (open, close) => open.repeat(10_000) + close.repeat(10_000);
        const broken = ['{', '}', 'email=x', "{'email':1}", '{"email":1}}', '{"email":"\t"}', '{"email":"\\ud800"}', '{"a":NaN}', '{"a":1e400}', deep('[', ']'), deep('{"a":', '}')];
        for (const body of broken) {
          const answer = await post(body);
          assert.equal(answer.status, 400, `${body.slice(0, 30)}: ${answer.text}`);
          assert.ok(['invalid_json', 'invalid_input'].includes(answer.body.error.reason));
          refused(answer, 400, answer.body.error.reason);
        }
        for (const body of ['{', 'email=x', deep('[', ']')]) refused(await post(body), 400, 'invalid_json');
        const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
        const type = { 'content-type': 'application/json', 'content-length': bytes.length };
        refused(await raw(app, { method: 'POST', path: '/api/v1/auth/login', headers: type }, [bytes]), 400, 'invalid_json');
      });

      it('are 400 for JSON that is not an object', async () => {
        for (const body of ['[]', '"text"', '5', 'true', 'null', '[{"email":"x"}]']) wrongFields(await post(body), 'body');
        const location = { latitude: 1, longitude: 1 };
        wrongFields(await user.post('/emergencies', [{ location }]), 'body');
        wrongFields(await user.put('/auth/me', '"firstName"'), 'body');
      });

      it('name a text with NUL in it', async () => {
        const location = { latitude: 1, longitude: 1 };
        wrongFields(await user.put('/auth/me', { bio: 'a\0b' }), 'bio');
        wrongFields(await user.post('/emergencies', { location, description: '\0' }), 'description');
        wrongFields(await user.post('/emergencies', { location, requestId: 'a\0' }), 'requestId');
      });
    });

    describe('of coordinates', () => {
      const numbers = ['1e400', '-1e400', '"1"', 'null', 'true', '[]', '{}', '1000', '-1000', '90.0000001e1'];

      for (const number of numbers) {
        it(`refuse ${number}`, async () => {
          const body = `{"latitude":${number},"longitude":${number}}`;
          for (const answer of [await user.put('/helpers/me/location', body), await user.post('/emergencies', `{"location":${body}}`)]) {
            assert.equal(answer.status, 400, answer.text);
            refused(answer, 400, answer.body.error.reason);
          }
          assert.equal(ok(await user.get('/emergencies/active')), null);
        });
      }
    });

    describe('of authentication', () => {
      const me = (authorization) => anonymous.get('/auth/me', authorization === undefined ? {} : { headers: { authorization } });

      it('are 401 without a token and with an invalid one', async () => {
        const { accessToken, refreshToken } = user.tokens;
        const now = Math.floor(Date.now() / 1000);
        refused(await me(undefined), 401, 'token_missing');
        for (const authorization of ['', 'Bearer', 'Basic dTpw', accessToken, 'Bearer ', `Token ${accessToken}`]) {
          const answer = await me(authorization);
          assert.ok(['token_missing', 'token_invalid'].includes(refused(answer, 401, answer.body?.error?.reason).reason));
        }
        const invalid = ['nonsense', 'a.b.c', refreshToken, resigned(accessToken, {}, 'another secret of more than 32 bytes'), `${accessToken} x`];
        for (const token of invalid) refused(await me(`Bearer ${token}`), 401, 'token_invalid');
        refused(await me(`Bearer ${resigned(accessToken, { exp: now - 5, iat: now - 9 })}`), 401, 'token_expired');
        for (const scheme of ['Bearer', 'bearer', 'BEARER']) ok(await me(`${scheme} ${accessToken}`));
      });

      it('come before any validation of the request', async () => {
        for (const [method, path, body] of [
          ['POST', '/emergencies', '{'],
          ['POST', '/emergencies', {}],
          ['GET', '/emergencies/nearby?latitude=x'],
          ['GET', '/emergencies/nothing'],
          ['GET', '/helpers?limit=x'],
          ['PUT', '/auth/me', 'x'.repeat(LIMIT + 1)],
        ]) {
          assert.ok([401, 413].includes((await anonymous.request(method, path, body)).status), `${method} ${path}`);
        }
        refused(await anonymous.post('/emergencies', '{'), 401, 'token_missing');
      });
    });

    describe('the request id', () => {
      it('is the one from the request, or a new one, in every answer', async () => {
        const requests = [
          ['GET', '/healthz'],
          ['GET', '/api/v1/auth/me'],
          ['GET', '/nothing'],
          ['DELETE', '/healthz'],
          ['POST', '/api/v1/auth/login', '{'],
          ['POST', '/api/v1/auth/login', 'x'.repeat(LIMIT + 1)],
          ['POST', '/api/v1/auth/login', { email: 'x', password: 'y' }],
        ];
        const made = new Set();
        for (const [method, path, body] of requests) {
          const sent = `sent-${method}-${made.size}`;
          const echoed = await user.request(method, path, body, { root: '', headers: { 'x-request-id': sent } });
          assert.equal(echoed.headers.get('x-request-id'), sent, `${method} ${path}`);
          const { headers } = await user.request(method, path, body, { root: '' });
          assert.match(headers.get('x-request-id') ?? '', SOME_ID, `${method} ${path}`);
          made.add(headers.get('x-request-id'));
        }
        assert.equal(made.size, requests.length);
      });

      it('cannot be used to write lines into the log', async () => {
        for (const sent of ['x'.repeat(5000), '\u001b[31mred']) {
          const answer = await raw(app, { method: 'GET', path: '/healthz', headers: { 'x-request-id': Buffer.from(sent).toString('latin1') } }, []).catch(() => null);
          if (answer) assert.ok((answer.headers['x-request-id'] ?? '').length < 500);
        }
      });
    });

    it('an answer without a body has the same headers', async () => {
      const head = await raw(app, { method: 'HEAD', path: '/nothing', headers: {} }, []);
      assert.equal(head.status, 404);
      assert.equal(head.text, '');
    });
  });

  describe(`the log on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { RUST_LOG: 'trace' } });
    });
    after(() => app?.stop());

    it('has request ids, and no tokens, positions, texts, names or addresses at any log level', async () => {
      const place = { latitude: 12.3456789, longitude: 45.6789123 };
      const secrets = {
        firstName: 'Zebulonia',
        lastName: 'Quackenbush',
        phone: '+49-555-867-5309',
        email: 'zebulonia.q@secret.example',
        password: 'pass phrase xylophone',
        bio: 'bio marmalade',
        skill: 'skill marzipan',
        address: 'address Pomegranate Lane',
        description: 'description kaleidoscope',
        category: 'category tangerine',
        notes: 'notes sousaphone',
        message: 'message rhododendron',
        reason: 'reason persimmon',
        comment: 'comment bassoon',
        contact: 'contact-person@secret.example',
        latitude: '12.34567',
        longitude: '45.67891',
      };
      const { firstName, lastName, phone, email, password } = secrets;
      const owner = await app.owner({ firstName, lastName, phone, email, password });
      const helper = await app.helperAt(place, { skills: [secrets.skill] });
      const [ownerSocket, helperSocket] = [await owner.connect({ query: { token: owner.tokens.accessToken } }), await helper.connect({ transports: ['polling'] })];
      const sent = 'a-request-id-of-this-test';
      ok(await owner.get('/auth/me', { headers: { 'x-request-id': sent } }));
      ok(await owner.put('/auth/me', { bio: secrets.bio }));
      ok(await owner.post('/auth/emergency-contacts', { name: 'Contact', email: secrets.contact }), 201);
      const location = { ...place, address: secrets.address, description: secrets.description };
      const { id: emergencyId } = await raise(owner, location, { category: secrets.category, description: secrets.description });
      await helperSocket.next('emergency:nearby');
      await helperSocket.ack('location:update', place);
      await helperSocket.ack('location:update', { ...place, latitude: '12.34567' });
      await helperSocket.ack('emergency:join', { emergencyId });
      await helperSocket.ack('no:such:event', { message: secrets.message });
      await respond(helper, emergencyId);
      await tell(helper, emergencyId, 'arrived', { notes: secrets.notes });
      await say(owner, emergencyId, secrets.message);
      await ownerSocket.next('emergency:message', (payload) => payload.message.message === secrets.message);
      await helper.get(`/emergencies/nearby?latitude=${place.latitude}&longitude=${place.longitude}`);
      await resolve(owner, emergencyId, { notes: secrets.notes });
      ok(await owner.post(`/emergencies/${emergencyId}/ratings`, { helperId: helper.id, score: 5, comment: secrets.comment }), 201);
      ok(await owner.post(`/emergencies/${emergencyId}/report`, { userId: helper.id, reason: secrets.reason }), 201);
      const renewed = ok(await owner.post('/auth/refresh', { refreshToken: owner.tokens.refreshToken }));
      await owner.post('/auth/login', { email, password: `${password}, but wrong` });
      await owner.post('/auth/login', `{"email":"${email}","password":"${password}"`);
      await owner.post('/auth/register', { firstName, lastName, phone, email, password });
      ok(await owner.post('/auth/logout', { refreshToken: renewed.refreshToken }));
      await ownerSocket.next('transport:close');

      assert.ok(app.logs.includes(sent), 'a request id is in the log');
      for (const [index, { accessToken, refreshToken }] of [owner.tokens, helper.tokens, renewed].entries()) {
        Object.assign(secrets, { [`access token ${index}`]: accessToken.split('.')[2], [`refresh token ${index}`]: refreshToken.split('.')[2] });
      }
      const found = Object.entries(secrets).filter(([, secret]) => app.logs.includes(secret));
      const line = (secret) => app.logs.split('\n').find((each) => each.includes(secret)).slice(0, 600);
      assert.deepEqual(found.map(([name, secret]) => `${name}: ${line(secret)}`), []);
    });
  });
}

if (databases.includes('postgres')) {
  describe('an unreachable database', () => {
    it('is 503 without a cause in the answer, and the log has the cause with the request id', async () => {
      const database = await createDatabase('postgres');
      const app = await startNode({ database });
      app.expectsFaults = true;
      const user = await app.user();
      const socket = await user.connect();
      await database.drop();
      const sent = 'the-request-that-failed';
      for (const [method, path, body] of [
        ['GET', '/auth/me'],
        ['GET', '/emergencies/active'],
        ['POST', '/emergencies', { location: app.somewhere() }],
        ['POST', '/auth/login', { email: 'x@people.example', password: 'long enough' }],
      ]) {
        const answer = await user.request(method, path, body, { headers: { 'x-request-id': sent } });
        assert.ok([500, 503].includes(answer.status), answer.text);
        const { message } = refused(answer, answer.status, { 500: 'internal', 503: 'unavailable' }[answer.status]);
        assert.doesNotMatch(`${message}${answer.text}`, /postgres|sqlx|database|pool|connection|allynet_e2e|src\//i);
        assert.equal(answer.headers.get('x-request-id'), sent);
      }
      const failed = await socket.ack('location:update', app.somewhere());
      assertMatches(failed, { ok: false, error: { code: 'internal', message: failed.error.message } });
      assert.doesNotMatch(JSON.stringify(failed), /postgres|sqlx|database|pool|allynet_e2e/i);
      // The log is read beside the answers.
      await eventually(() => app.logs.split('\n').some((line) => line.includes(sent) && /ERROR/.test(line)));
      await eventually(async () => (await user.request('GET', '/readyz', undefined, { root: '' })).status === 503);
      for (const path of ['/healthz', '/api/health']) ok({ ...(await user.request('GET', path, undefined, { root: '' })), body: { success: true, data: null } });
      await app.stop();
    });
  });

  describe('a database without space', () => {
    it('refuses writes for a while, but not those that belong to emergencies', async () => {
      const database = await createDatabase('postgres');
      const app = await startNode({ database });
      app.expectsFaults = true;
      const user = await app.user();
      await database.query("CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space' USING ERRCODE = '53100'; END $$");
      await database.query('CREATE TRIGGER no_space BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION no_space()');
      const profile = () => user.put('/auth/me', { bio: 'long' });
      const sos = () => user.post('/emergencies', { location: app.somewhere() });
      refused(await sos(), 503, 'unavailable');
      await database.query('DROP TRIGGER no_space ON event');

      refused(await profile(), 503, 'unavailable');
      ok(await app.anonymous().post('/alerts/receipts', { receipt: 'A'.repeat(43), state: 'seen' }));
      const answer = await app.anonymous().request('POST', '/c/unknown', undefined, { root: '' });
      assert.equal(answer.status, 404, answer.text);
      ok(await sos(), 201);
      // What was let through was so while the others were refused.
      refused(await profile(), 503, 'unavailable');
      await app.stop();
      await database.drop();
    });
  });

  describe('a database that only reads since a failover', () => {
    it('refuses an SOS and readiness with 503, and takes both again once new connections reach the promoted server', async () => {
      const database = await createDatabase('postgres');
      const app = await startNode({ database });
      app.expectsFaults = true;
      const place = app.somewhere();
      const [owner, helper] = [await app.owner(), await app.helperAt(place)];
      const socket = await helper.connect();
      const atOnce = (ask) => Promise.all([owner, helper].flatMap((caller) => Array.from({ length: 4 }, () => ask(caller))));
      const isReady = async () => (await app.anonymous().request('GET', '/readyz', undefined, { root: '' })).status;
      const sos = () => owner.post('/emergencies', { location: place });
      assert.equal(await isReady(), 200);

      await database.demote();
      await eventually(async () => (await isReady()) === 503);
      // The connections that the node opens now are sound, and refuse every write for as long as they are kept.
      await eventually(async () => (await owner.get('/auth/me')).status === 200);
      for (let round = 0; round < 4; round += 1) refused(await sos(), 503, 'unavailable');
      await eventually(async () => (await atOnce((caller) => caller.get('/auth/me'))).every(({ status }) => status === 200));
      await eventually(() => /read-only transaction/.test(app.logs));

      await database.promote();
      // All connections that only read are given up as soon as one of them refuses a write.
      await eventually(async () => (await atOnce((caller) => caller.put('/auth/me', { bio: 'stored' }))).every(({ status }) => status === 200));
      const { emergency } = ok(await sos(), 201);
      await socket.next('emergency:nearby', of(emergency.id));
      await eventually(async () => (await isReady()) === 200);
      await app.stop();
      await database.drop();
    });
  });
}

// A raw request, for what `fetch` would not send: a chunked body, no content type, unusual headers.
function raw(app, options, chunks) {
  return new Promise((resolve, reject) => {
    const request = http.request(app.url + options.path, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.on('end', () => {
        let body;
        try {
          body = JSON.parse(text);
        } catch {}
        resolve({ status: response.statusCode, headers: response.headers, text, body });
      });
    });
    request.on('error', reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}
