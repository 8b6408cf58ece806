// Authentication of connections: at the handshake, and for as long as the connection lives.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { databases, eventually, resigned, settled, startNode } from './harness.mjs';
import { assertMatches, ok, text } from './shapes.mjs';

const NO_TOKEN = 'Authentication error: No token provided';
const INVALID = 'Authentication error: Invalid token';
const EXPIRED = 'Authentication error: Token expired';
const BLOCKED = 'Authentication error: Account is inactive or blocked';
const transports = ['websocket', 'polling'];
/** For attempts to connect before a token expires. */
const ATTEMPTS_LIMIT = 120_000;

// The server closed the transport: neither a disconnect from the namespace nor the client's own.
const CUT_OFF = /^transport (close|error)$/;

const anHourAgo = () => Math.floor(Date.now() / 1000) - 3600;

for (const database of databases) {
  describe(`the handshake on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database });
    });
    after(() => app?.stop());

    for (const transport of transports) {
      const over = { transports: [transport] };

      describe(`over ${transport}`, () => {
        it('refuses a client without a token', async () => {
          const anonymous = app.anonymous();
          for (const auth of [undefined, {}, { token: null }, { name: 'no token' }]) {
            assert.equal(await anonymous.refusal({ ...over, auth }), NO_TOKEN, JSON.stringify(auth));
          }
        });

        it('refuses a forged token', async () => {
          const { tokens } = await app.user();
          const [header, payload, signature] = tokens.accessToken.split('.');
          const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
          const admin = await app.admin();
          const wrong = {
            'no token at all': 'your-jwt-access-token',
            'a refresh token': tokens.refreshToken,
            'signed by a stranger': resigned(tokens.accessToken, {}, 'another secret of more than 32 bytes'),
            'unsigned': `${unsigned}.${payload}.`,
            'another’s signature': `${header}.${payload}.${admin.tokens.accessToken.split('.')[2]}`,
            'cut short': `${header}.${payload}.${signature.slice(0, -4)}`,
            'of another service': resigned(tokens.accessToken, { iss: 'somebody else' }),
            'for another service': resigned(tokens.accessToken, { aud: 'somebody else' }),
          };
          for (const [name, token] of Object.entries(wrong)) {
            assert.equal(await app.anonymous().refusal({ ...over, auth: { token } }), INVALID, name);
          }
        });

        it('refuses an expired token with its own message', async () => {
          const { tokens } = await app.user();
          const token = resigned(tokens.accessToken, { iat: anHourAgo() - 60, exp: anHourAgo() });
          assert.equal(await app.anonymous().refusal({ ...over, auth: { token } }), EXPIRED);
          const forged = resigned(tokens.accessToken, { exp: anHourAgo() }, 'another secret of more than 32 bytes');
          assert.equal(await app.anonymous().refusal({ ...over, auth: { token: forged } }), INVALID);
        });

        it('refuses the token of a blocked account, until it is unblocked', async () => {
          const [user, admin] = await Promise.all([app.user(), app.admin()]);
          ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true, reason: 'a test' }));
          assert.equal(await user.refusal(over), BLOCKED);
          ok(await admin.put(`/helpers/${user.id}/block`, { blocked: false }));
          const again = await app.logIn(user);
          await again.connect(over);
        });

        it('refuses the token of a session that was ended', async () => {
          const user = await app.user();
          ok(await user.post('/auth/logout', { refreshToken: user.tokens.refreshToken }));
          assert.equal(await user.refusal(over), INVALID);
        });

        it('accepts the token from the query, and prefers the one in auth', async () => {
          const user = await app.user();
          const token = user.tokens.accessToken;
          const anonymous = app.anonymous();
          const socket = await anonymous.connect({ ...over, query: { token } });
          assert.equal(socket.ready.userId, user.id);
          assert.equal(await anonymous.refusal({ ...over, query: { token: 'nonsense' } }), INVALID);
          const both = await anonymous.connect({ ...over, auth: { token }, query: { token: 'nonsense' } });
          assert.equal(both.ready.userId, user.id);
        });

        it('refuses browsers with a foreign origin, and accepts loopback origins and phones', async () => {
          const user = await app.user();
          for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', undefined]) {
            const headers = origin && { Origin: origin };
            const socket = await user.connect({ ...over, headers });
            assert.equal(socket.ready.userId, user.id, origin);
          }
          for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null']) {
            await user.refusal({ ...over, headers: { Origin: origin } });
          }
        });

        it('closes every connection of an account when it is blocked', async () => {
          const [user, other, admin] = await Promise.all([app.user(), app.user(), app.admin()]);
          const [socket, raw, bystander] = await Promise.all([
            user.connect(over),
            user.connectRaw({ transport }),
            other.connect(over),
          ]);
          ok(await admin.put(`/helpers/${user.id}/block`, { blocked: true, reason: null }));

          const error = { message: text, code: 'account_blocked', event: null };
          assertMatches(await socket.next('error'), error);
          await socket.next('disconnect');
          socket.reconnect();
          assert.equal((await socket.next('connect_error')).message, BLOCKED);

          assertMatches(await raw.event('error'), error);
          assert.match(await raw.closed, CUT_OFF);
          await settled(bystander);
        });

        it('closes the connections of a session when it ends, and only those', async () => {
          const user = await app.user();
          const elsewhere = await app.logIn(user);
          const [socket, raw, kept] = await Promise.all([
            user.connect(over),
            user.connectRaw({ transport }),
            elsewhere.connect(over),
          ]);
          ok(await user.post('/auth/logout', { refreshToken: user.tokens.refreshToken }));

          const error = { message: text, code: 'token_expired', event: null };
          assertMatches(await socket.next('error'), error);
          await socket.next('disconnect');
          socket.reconnect();
          assert.equal((await socket.next('connect_error')).message, INVALID);

          assertMatches(await raw.event('error'), error);
          assert.match(await raw.closed, CUT_OFF);

          await settled(kept);
          assert.equal(kept.raw.connected, true, 'the other device stays connected');
          socket.reconnect({ token: (await app.logIn(user)).tokens.accessToken });
          assert.equal((await socket.next('session:ready')).userId, user.id);
        });

        it('closes the connections of other devices when the password changes', async () => {
          const user = await app.user();
          const elsewhere = await app.logIn(user);
          const [here, there] = await Promise.all([user.connect(over), elsewhere.connect(over)]);
          const passwords = { currentPassword: user.password, newPassword: 'something else entirely' };
          ok(await user.put('/auth/update-password', passwords));
          assert.equal((await there.next('error')).code, 'token_expired');
          await there.next('transport:close');
          await settled(here);
          assert.equal(here.raw.connected, true);
        });
      });
    }

    it('refuses what a closed session still sends over polling', async () => {
      const user = await app.user();
      const raw = await user.connectRaw({ transport: 'polling' });
      ok(await user.post('/auth/logout', {}));
      await raw.closed;
      const path = `/socket.io/?EIO=4&transport=polling&sid=${raw.id}`;
      for (const [method, body] of [['POST', `40/emergencies,{"token":"${user.tokens.accessToken}"}`], ['GET']]) {
        const answer = await app.anonymous().request(method, path, body, { root: '', headers: { 'content-type': 'text/plain' } });
        assert.equal(answer.status, 400, `${method}: ${answer.text}`);
      }
    });

    it('delivers nothing in the main namespace', async () => {
      const place = app.somewhere();
      const [owner, helper] = await Promise.all([app.owner(), app.helperAt(place)]);
      for (const transport of transports) {
        const socket = await helper.connect({ transports: [transport] });
        const heard = [];
        const main = socket.sibling('/');
        main.onAny((event) => heard.push(event));
        const outcome = new Promise((resolve) => {
          main.once('connect', resolve);
          main.once('connect_error', resolve);
        });
        main.connect();
        await outcome;
        main.emit('emergency:join', { emergencyId: 'current' });
        const { emergency } = ok(await owner.post('/emergencies', { location: place }), 201);
        ok(await helper.post(`/emergencies/${emergency.id}/respond`, {}));
        ok(await owner.post(`/emergencies/${emergency.id}/cancel`, {}));
        await socket.next('emergency:ended', (payload) => payload.emergencyId === emergency.id);
        await settled(socket);
        assert.deepEqual(heard, []);
      }
    });

    it('never logs a token', async () => {
      const user = await app.user();
      const { accessToken, refreshToken } = user.tokens;
      const anonymous = app.anonymous();
      for (const transport of transports) await anonymous.connect({ transports: [transport], query: { token: accessToken } });
      await user.connect();
      for (const secret of [accessToken, refreshToken, user.password, accessToken.split('.')[2]]) {
        assert.ok(!app.logs.includes(secret), 'a secret is in the log');
      }
    });
  });

  describe(`a token of two seconds on ${database}`, () => {
    let app;
    before(async () => {
      app = await startNode({ database, env: { ALLYNET_ACCESS_TOKEN_TTL: '2s' } });
    });
    after(() => app?.stop());

    /** A user, and what `connect` makes before the token expires: a busy machine may need several attempts. */
    const inTime = (connect) =>
      eventually(async () => {
        const user = await app.user();
        return { user, connected: await connect(user) };
      }, ATTEMPTS_LIMIT);
    /** Reconnects a socket with a new token, as often as it takes to do so before that one expires. */
    const comesBack = (socket, user, newToken) =>
      eventually(async () => {
        socket.reconnect({ token: await newToken() });
        const outcome = await socket.next(/^(session:ready|connect_error)$/);
        return outcome.userId === user.id;
      }, ATTEMPTS_LIMIT);

    for (const transport of transports) {
      it(`ends its ${transport} connections when it expires, for real`, async () => {
        const { user, connected } = await inTime((user) =>
          Promise.all([user.connect({ transports: [transport] }), user.connectRaw({ transport })]),
        );
        const [socket, raw] = connected;
        const error = { message: text, code: 'token_expired', event: null };
        assertMatches(await socket.next('error'), error);
        await socket.next('transport:close');
        assertMatches(await raw.event('error'), error);
        assert.match(await raw.closed, CUT_OFF);

        socket.reconnect();
        assert.equal((await socket.next('connect_error')).message, EXPIRED);
        await comesBack(socket, user, async () => (await app.logIn(user)).tokens.accessToken);
      });
    }

    it('can be replaced with the refresh token', async () => {
      const { user, connected: socket } = await inTime((user) => user.connect());
      await socket.next('disconnect');
      let { refreshToken } = user.tokens;
      await comesBack(socket, user, async () => {
        const pair = ok(await app.anonymous().post('/auth/refresh', { refreshToken }));
        ({ refreshToken } = pair);
        return pair.accessToken;
      });
    });
  });
}
