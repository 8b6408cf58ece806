// Email: a forgotten password, from the request to the log-in with the new one, against a mail server.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startFakeServices } from './fake-services.mjs';
import { databases, eventually, startNode } from './harness.mjs';
import { ok, refused } from './shapes.mjs';

const PUBLIC_URL = 'https://allynet.example.org';

/** The text of an email: its body without the encoding for the transport. */
const decoded = (message) => {
  const body = message.slice(message.indexOf('\r\n\r\n') + 4);
  if (!/quoted-printable/i.test(message)) return body;
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
};

for (const database of databases) {
  describe(`email on ${database}`, () => {
    let services;
    let app;
    before(async () => {
      services = await startFakeServices();
      app = await startNode({ database, env: { ...services.env, ALLYNET_PUBLIC_URL: PUBLIC_URL } });
    });
    after(async () => {
      await app?.stop();
      await services?.stop();
    });

    /** The emails to an address so far, at least `count` of them. */
    const mailsTo = (email, count) =>
      eventually(async () => {
        const mails = (await services.mails()).filter(({ to }) => to.includes(`<${email}>`));
        return mails.length >= count && mails;
      });
    const forget = async (email) => ok(await app.anonymous().post('/auth/forgot-password', { email }));
    const reset = (token, password) => app.anonymous().post('/auth/reset-password', { token, password });

    it('replaces a forgotten password, and ends every session', async () => {
      const user = await app.user();
      ok(await user.put('/auth/me', { locale: 'de' }));
      const socket = await user.connect();
      const strange = await forget('nobody@people.example');
      assert.deepEqual(await forget(user.email.toUpperCase()), strange, 'the answer tells who has an account');
      assert.deepEqual(await forget('no address'), strange);
      // The second one within a minute is answered like the first.
      assert.deepEqual(await forget(user.email), strange);

      const [mail] = await mailsTo(user.email, 1);
      assert.equal(mail.from, 'MAIL FROM:<alerts@example.org>');
      const text = decoded(mail.message);
      assert.match(text, /Passwort Ihres AllyNet-Kontos/);
      const [, token] = text.match(/https:\/\/allynet\.example\.org\/reset-password#token=([\w-]{43})\r?\n/);

      refused(await reset('unknown', 'another password'), 400, 'reset_token_invalid');
      refused(await reset(token, 'short'), 400, 'invalid_input');
      ok(await reset(token, 'another password'));
      await socket.next('disconnect');
      refused(await user.get('/auth/me'), 401, 'token_invalid');
      refused(await app.anonymous().post('/auth/login', { email: user.email, password: user.password }), 401, 'invalid_credentials');
      await app.logIn({ email: user.email, password: 'another password' });
      refused(await reset(token, 'a third password'), 400, 'reset_token_invalid');
      assert.equal((await mailsTo(user.email, 1)).length, 1, 'one a minute');
      assert.ok(!app.logs.includes(token), 'the token is in the log');
    });

    it('has a page for the link, which loads nothing from elsewhere and is not stored', async () => {
      const visitor = app.anonymous();
      const page = await visitor.get('/reset-password', { root: '', headers: { 'accept-language': 'de-DE,de;q=0.9' } });
      assert.equal(page.status, 200);
      const expected = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-robots-tag': 'noindex, nofollow', 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' };
      for (const [name, value] of Object.entries(expected)) assert.equal(page.headers.get(name), value, name);
      assert.match(page.headers.get('content-security-policy'), /^default-src 'none';(?!.*unsafe)/);
      assert.match(page.text, /<html lang="de">/);
      assert.doesNotMatch(page.text, /<script(?! src="\/)|<style|\son\w+=|https?:/);
      for (const [path, type] of [['/pages/reset-password.js', 'text/javascript; charset=utf-8'], ['/pages/style.css', 'text/css; charset=utf-8']]) {
        assert.ok(page.text.includes(`"${path}"`));
        const file = await visitor.get(path, { root: '' });
        assert.deepEqual([file.status, file.headers.get('content-type')], [200, type]);
      }
    });
  });
}

describe('without a mail server', () => {
  it('no password is replaced', async () => {
    const app = await startNode();
    try {
      const email = (await app.user()).email;
      refused(await app.anonymous().post('/auth/forgot-password', { email }), 501, 'mail_not_configured');
      refused(await app.anonymous().post('/auth/reset-password', { token: 'x', password: 'long enough' }), 501, 'mail_not_configured');
    } finally {
      await app.stop();
    }
  });
});
