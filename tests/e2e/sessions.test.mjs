// Sessions: claims of tokens, refreshing, logout and change of the password.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { JWT_SECRET, databases, resigned, startNode } from './harness.mjs';
import { tally, times, wrongFields } from './scene.mjs';
import { assertMatches, atLeast, id, integer, ok, refused, text } from './shapes.mjs';

const DAY = 24 * 3600;

for (const database of databases) {
  describe(`sessions on ${database}`, () => {
    let app;
    let anonymous;
    before(async () => {
      app = await startNode({ database });
      anonymous = app.anonymous();
    });
    after(() => app?.stop());

    const refresh = (refreshToken) => anonymous.post('/auth/refresh', { refreshToken });
    const renewed = async (refreshToken) => ok(await refresh(refreshToken));
    // Another session of the same account, which is cheaper than another account.
    const session = (user) => app.logIn(user);
    const withToken = (accessToken) => Object.assign(app.anonymous(), { tokens: { accessToken } });
    const works = async (accessToken) => (await withToken(accessToken).get('/auth/me')).status === 200;

    describe('an access token', () => {
      it('has the user, session, issuer, audience and expiry as claims', async () => {
        const user = await app.user();
        const [first, again] = [user.tokens, ok(await refresh(user.tokens.refreshToken))].map(({ accessToken }) => claims(accessToken));
        assertMatches(
          first,
          atLeast({ sub: user.id, userId: user.id, email: user.email, role: 'user', sid: text, iat: integer, exp: integer, jti: text }),
        );
        assert.ok(first.iss && first.aud);
        assert.equal(first.exp - first.iat, DAY);
        assert.ok(Math.abs(first.iat - Date.now() / 1000) < 60);
        assert.equal(again.sid, first.sid);
        assert.notEqual(again.jti, first.jti);
        const other = claims(user.tokens.refreshToken);
        assert.equal(other.exp - other.iat, 7 * DAY);
      });

      it('is refused if any part was not signed by this service', async () => {
        const [user, other] = await Promise.all([app.user(), app.user()]);
        const { accessToken, refreshToken } = user.tokens;
        const [header, payload, signature] = accessToken.split('.');
        const { alg } = decoded(header);
        const wrong = {
          'none at all': 'nonsense',
          'three empty parts': '..',
          'a refresh token': refreshToken,
          'by another secret': resigned(accessToken, {}, 'another secret of more than 32 bytes'),
          'unsigned': `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.`,
          'unsigned in other letters': `${encoded({ alg: 'nOnE', typ: 'JWT' })}.${payload}.${signature}`,
          'by another algorithm with the right secret': signedAs(alg === 'HS512' ? 'HS256' : 'HS512', payload),
          'from another service': resigned(accessToken, { iss: 'somebody else' }),
          'for another service': resigned(accessToken, { aud: 'somebody else' }),
          'another’s session': resigned(accessToken, { sid: claims(other.tokens.accessToken).sid }),
          'a session that never was': resigned(accessToken, { sid: '01890000-0000-7000-8000-000000000000' }),
          'cut short': accessToken.slice(0, -3),
        };
        for (const [name, token] of Object.entries(wrong)) {
          assert.equal(refused(await withToken(token).get('/auth/me'), 401, 'token_invalid').code, 401, name);
        }
        assert.ok(await works(accessToken));
      });

      it('is refused as expired from its expiry on', async () => {
        const { accessToken } = (await app.user()).tokens;
        const now = Math.floor(Date.now() / 1000);
        const expired = resigned(accessToken, { iat: now - 100, exp: now - 2 });
        refused(await withToken(expired).get('/auth/me'), 401, 'token_expired');
        refused(await withToken(expired).get('/emergencies/active'), 401, 'token_expired');
      });

      it('grants no rights by its role claim', async () => {
        const user = await app.user();
        const admin = withToken(resigned(user.tokens.accessToken, { role: 'admin' }));
        refused(await admin.get('/helpers'), 403, 'not_authorized');
        assert.equal(ok(await admin.get('/auth/me')).user.role, 'user');
      });
    });

    // A session starts with the token `a`. Each step presents a token, and gets another or this refusal. All steps happen within
    // the ten seconds of repetitions. `b*` is a sibling of `b`: as if the token before had been presented once more, later.
    const rotations = [
      ['gives the same successor again, also when that was used', 'a→b a→b b→c a→b b→c c→d a→b'],
      ['goes on and on', 'a→b b→c c→d d→e e→f'],
      ['lets any successor be used while none is', 'a→b b*→c c→d'],
      ['ends the siblings of a successor that is used', 'a→b b→c b*→reused'],
      ['ends the first successor, too, when a later one is used', 'a→b b*→c b→reused'],
      ['ends a grandparent too', 'a→b b→c c→d a*→reused'],
      ['ends the whole session at reuse', 'a→b b→c b*→reused a→invalid b→invalid c→invalid'],
    ];

    describe('renewing', () => {
      for (const [name, steps] of rotations) {
        it(name, async () => {
          const user = await app.user();
          const bystander = await session(user);
          const pairs = { a: user.tokens };
          for (const step of steps.split(' ')) {
            const [from, to] = step.split('→');
            const { refreshToken } = pairs[from.replace('*', '')];
            const answer = await refresh(from.endsWith('*') ? sibling(refreshToken) : refreshToken);
            if (to === 'reused') refused(answer, 401, 'refresh_token_reused');
            else if (to === 'invalid') assert.equal(answer.status, 401, `${step}: ${answer.text}`);
            else {
              const pair = ok(answer);
              assertMatches(pair, atLeast({ accessToken: text, refreshToken: text }));
              if (to in pairs) {
                assert.equal(pair.refreshToken, pairs[to].refreshToken, step);
                assert.notEqual(pair.accessToken, pairs[to].accessToken, step);
              }
              pairs[to] = pair;
            }
          }
          const alive = !steps.includes('reused');
          for (const [key, { accessToken }] of Object.entries(pairs)) {
            assert.equal(await works(accessToken), alive, `the access token of ${key}`);
          }
          assert.ok(await works(bystander.tokens.accessToken), 'another session of the account goes on');
        });
      }

      it('returns one successor to all concurrent requests with the same token', async () => {
        const { tokens } = await app.user();
        const answers = await times(8, () => refresh(tokens.refreshToken));
        assert.deepEqual(tally(answers), { 200: 8 });
        assert.equal(new Set(answers.map(({ body }) => body.data.refreshToken)).size, 1);
      });

      it('accepts one of two successors that are used at once', async () => {
        const { tokens } = await app.user();
        const { refreshToken } = await renewed(tokens.refreshToken);
        const answers = await Promise.all([refreshToken, sibling(refreshToken)].map(refresh));
        assert.deepEqual(tally(answers), { 200: 1, 401: 1 });
      });

      it('closes the sockets of a session whose token was reused', async () => {
        const user = await app.user();
        const socket = await user.connect();
        const next = await renewed(user.tokens.refreshToken);
        await renewed(next.refreshToken);
        refused(await refresh(sibling(next.refreshToken)), 401, 'refresh_token_reused');
        assert.equal((await socket.next('error')).code, 'token_expired');
        await socket.next('transport:close');
      });

      it('accepts only refresh tokens of this service', async () => {
        const { accessToken, refreshToken } = (await app.user()).tokens;
        const now = Math.floor(Date.now() / 1000);
        refused(await refresh(resigned(refreshToken, { iat: now - 100, exp: now - 2 })), 401, 'token_expired');
        for (const token of [accessToken, 'nonsense', '', resigned(refreshToken, {}, 'another secret of more than 32 bytes')]) {
          refused(await refresh(token), 401, 'token_invalid');
        }
        for (const body of [{}, { refreshToken: null }, { refreshToken: 5 }, { refreshToken: [refreshToken] }]) {
          wrongFields(await anonymous.post('/auth/refresh', body), 'refreshToken');
        }
      });
    });

    describe('logging out', () => {
      it('with a refresh token ends that session', async () => {
        const user = await app.user();
        const [one, other] = await Promise.all([session(user), session(user)]);
        assert.equal(ok(await user.post('/auth/logout', { refreshToken: one.tokens.refreshToken })), null);
        assert.deepEqual(await Promise.all([user, one, other].map(({ tokens }) => works(tokens.accessToken))), [true, false, true]);
        refused(await refresh(one.tokens.refreshToken), 401, 'token_invalid');
        refused(await withToken(one.tokens.accessToken).get('/auth/me'), 401, 'token_invalid');
      });

      for (const [name, body] of [['an empty body', {}], ['null', { refreshToken: null }], ['no body', undefined]]) {
        it(`with ${name} ends every session of the account`, async () => {
          const user = await app.user();
          const other = await session(user);
          assert.equal(ok(await user.post('/auth/logout', body)), null);
          for (const { tokens } of [user, other]) {
            assert.equal(await works(tokens.accessToken), false);
            refused(await refresh(tokens.refreshToken), 401, 'token_invalid');
          }
        });
      }

      it('does not end a session of another user', async () => {
        const [user, other] = await Promise.all([app.user(), app.user()]);
        await user.post('/auth/logout', { refreshToken: other.tokens.refreshToken });
        assert.ok(await works(other.tokens.accessToken));
      });
    });

    describe('a new password', () => {
      const next = 'an even longer password';

      it('ends every other session, and not this one', async () => {
        const user = await app.user();
        const other = await session(user);
        const body = { currentPassword: user.password, newPassword: next };
        assert.equal(ok(await user.put('/auth/update-password', body)), null);
        assert.ok(await works(user.tokens.accessToken));
        await renewed(user.tokens.refreshToken);
        assert.equal(await works(other.tokens.accessToken), false);
        refused(await refresh(other.tokens.refreshToken), 401, 'token_invalid');
        refused(await anonymous.post('/auth/login', { email: user.email, password: user.password }), 401, 'invalid_credentials');
        await app.logIn({ email: user.email, password: next });
      });

      it('needs the current one, and a refusal ends no session', async () => {
        const user = await app.user();
        const other = await session(user);
        const change = (body) => user.put('/auth/update-password', { currentPassword: user.password, newPassword: next, ...body });
        refused(await change({ currentPassword: 'not the password' }), 403, 'invalid_credentials');
        refused(await change({ currentPassword: 'x' }), 403, 'invalid_credentials');
        const wrong = [
          [{ newPassword: 'a'.repeat(7) }, 'newPassword'],
          [{ newPassword: 'a'.repeat(129) }, 'newPassword'],
          [{ newPassword: 'nul \0 inside' }, 'newPassword'],
          [{ newPassword: null }, 'newPassword'],
          [{ newPassword: 12345678, currentPassword: null }, 'currentPassword', 'newPassword'],
        ];
        for (const [body, ...fields] of wrong) wrongFields(await change(body), ...fields);
        assert.ok(await works(other.tokens.accessToken));
        await app.logIn(user);
      });
    });

    it('an access token names its session', async () => {
      const user = await app.user();
      const other = await session(user);
      const [one, another] = [user, other].map(({ tokens }) => claims(tokens.accessToken).sid);
      assert.notEqual(one, another);
      assertMatches(one, id);
    });
  });
}

// Another successor of the same token.
function sibling(token) {
  return resigned(token, { jti: randomUUID() });
}

function claims(token) {
  return decoded(token.split('.')[1]);
}

function decoded(part) {
  return JSON.parse(Buffer.from(part, 'base64url'));
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signedAs(alg, payload) {
  const signed = `${encoded({ alg, typ: 'JWT' })}.${payload}`;
  const hash = alg.replace('HS', 'sha');
  return `${signed}.${createHmac(hash, JWT_SECRET).update(signed).digest('base64url')}`;
}
