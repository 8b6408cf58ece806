// Email against a mail server: a forgotten password, from the request to the log-in with the new one; and emergency contacts, who
// agree on a page.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startFakeServices } from './fake-services.mjs';
import { createDatabase, databases, eventually, startNode } from './harness.mjs';
import { cancel, gather, of, raise, resolve, respond } from './scene.mjs';
import { assertMatches, atLeast, events, ok, refused } from './shapes.mjs';
import { settled } from './sockets.mjs';

const PUBLIC_URL = 'https://allynet.example.org';

/** The text of an email: its body without the encoding for the transport. */
const decoded = (message) => {
  const body = message.slice(message.indexOf('\r\n\r\n') + 4);
  if (!/quoted-printable/i.test(message)) return body;
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
};

/** The emails to an address so far, at least `count` of them. */
const mailsOf = (services, email, count) =>
  eventually(async () => {
    const mails = (await services.mails()).filter(({ to }) => to.includes(`<${email}>`));
    return mails.length >= count && mails;
  });

/** The path of the page of an emergency that an email leads to. */
const link = (mail) => decoded(mail.message).match(/https:\/\/allynet\.example\.org(\/c\/[\w-]{64})\r?\n/)[1];

/** Contacts of the users of a node, and their pages by path. */
function contactsAt(app, services) {
  const open = (path, options) => app().anonymous().get(path, { root: '', ...options });
  const submit = (path, body) =>
    app().anonymous().post(path, body, { root: '', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  /** A confirmed contact of an owner, with what it was sent since. */
  const confirmed = async (owner, name, fields = {}) => {
    const email = `${name}-${owner.id}@home.example`;
    const { contact } = ok(await owner.post('/auth/emergency-contacts', { name, email, ...fields }), 201);
    const [invitation] = await mailsOf(services(), email, 1);
    const [, path] = decoded(invitation.message).match(/(\/c\/confirm\/[\w-]{64})\r?\n/);
    assert.equal((await submit(path, '')).status, 200);
    /** The emails so far, at least `count` of them, and their texts. */
    const mails = async (count) => (await mailsOf(services(), email, count + 1)).slice(1);
    const texts = async (count) => (await mails(count)).map(({ message }) => decoded(message));
    return { ...contact, email, mails, texts };
  };
  return { open, submit, confirmed };
}

function onDatabase(database) {
  describe(`email on ${database}`, { concurrency: true }, () => {
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

    const mailsTo = (email, count) => mailsOf(services, email, count);
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

    it('asks emergency contacts once whether they agree, and a GET changes nothing', async () => {
      const [user, other] = await Promise.all([app.user({ firstName: 'Ada', lastName: '<Lovelace>' }), app.user()]);
      const email = `mum-${user.id}@home.example`;
      const add = async (owner, fields = {}) => ok(await owner.post('/auth/emergency-contacts', { name: 'Mum', email, ...fields }), 201).contact;
      const state = async (owner) => ok(await owner.get('/auth/emergency-contacts')).contacts.map((contact) => contact.state);
      const fields = { phone: '+49 30 1', order: 2, afterSeconds: 60, on: 'unanswered', livesWithOwner: true };
      const contact = await add(user, fields);
      assertMatches(contact, atLeast({ ...fields, state: 'invited', confirmedAt: null }));

      const [mail] = await mailsTo(email, 1);
      const text = decoded(mail.message);
      assert.match(text, /Ada <Lovelace> would like to name you/);
      const link = (kind) => new RegExp(`${PUBLIC_URL}(/c/${kind}/[\\w-]{64})\\r?\\n`).exec(text)[1];
      const [confirm, stop] = [link('confirm'), link('stop')];
      const headers = mail.message.slice(0, mail.message.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
      assert.match(headers, new RegExp(`^List-Unsubscribe: *<${PUBLIC_URL}${stop}>$`, 'm'));
      assert.match(headers, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click$/m);

      const page = await open(confirm);
      assert.equal(page.status, 200);
      assert.match(page.text, /Ada &lt;Lovelace&gt; would like you to get an email[^]*<form method="post"><button>I agree/);
      for (const [name, value] of [['cache-control', 'no-store'], ['referrer-policy', 'no-referrer'], ['x-robots-tag', 'noindex, nofollow']]) {
        assert.equal(page.headers.get(name), value);
      }
      assert.equal(page.headers.get('content-security-policy'), "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
      await open(stop);
      assert.deepEqual(await state(user), ['invited']);
      for (const [path, status] of [[confirm.replace('confirm', 'stop'), 404], ['/c/confirm/unknown', 404], ['/c/stop/%ff', 404]]) {
        assert.equal((await open(path)).status, status, path);
        assert.equal((await submit(path, '')).status, status, path);
      }
      assert.deepEqual(await state(user), ['invited']);

      assert.match((await submit(confirm, '')).text, /You are an emergency contact of Ada &lt;Lovelace&gt;/);
      assert.deepEqual(await state(user), ['confirmed']);
      const path = `/auth/emergency-contacts/${contact.id}`;
      const changed = ok(await user.put(path, { name: 'Mother', order: null, on: 'created' })).contact;
      const { confirmedAt } = changed;
      assert.ok(Date.parse(confirmedAt) > Date.now() - 60_000);
      assert.deepEqual(changed, { ...contact, name: 'Mother', order: 0, on: 'created', state: 'confirmed', confirmedAt });
      assert.deepEqual(ok(await user.get('/auth/emergency-contacts')).contacts, [changed]);
      refused(await other.put(path, { name: 'Mine' }), 404, 'contact_not_found');

      // The consent outlives the contact, and no second invitation is sent.
      ok(await user.delete(path));
      assert.equal((await add(user)).state, 'confirmed');
      await add(other);
      assert.equal((await mailsTo(email, 2)).length, 2, 'one by each user');
      // The button of mail programs.
      const stopped = await submit(stop, 'List-Unsubscribe=One-Click');
      assert.deepEqual([stopped.status, await state(user), await state(other)], [200, ['stopped'], ['stopped']]);
      assert.match((await submit(confirm, '')).text, /Messages stopped/);
      for (const token of [confirm, stop]) assert.ok(!app.logs.includes(token.slice(-64)), 'a token is in the log');
    });

    const { open, submit, confirmed } = contactsAt(() => app, () => services);

    it('tells contacts of a silent and anonymous emergency, and shows it to them until it is deleted', async () => {
      const owner = await app.owner({ firstName: 'Ada', lastName: '<Lovelace>' });
      const [mum, neighbour, partner, later, socket] = await Promise.all([
        confirmed(owner, 'mum'),
        confirmed(owner, 'neighbour', { on: 'unanswered', afterSeconds: 1 }),
        confirmed(owner, 'partner', { livesWithOwner: true }),
        confirmed(owner, 'later', { afterSeconds: 3600 }),
        owner.connect(),
      ]);
      const place = { ...app.somewhere(), address: 'Lane 1', description: '2nd <floor>' };
      const { id } = await raise(owner, place, { silentMode: true, anonymousMode: true });

      const [mail] = await mum.mails(1);
      const text = decoded(mail.message);
      assert.match(text, /^Ada <Lovelace> called for help at \d{4}-\d\d-\d\d \d\d:\d\d UTC\./);
      assert.match(text, /Place, as it was less than a minute ago:\r?\nLane 1\r?\n2nd <floor>\r?\ngeo:-?\d+\.\d{6},-?\d+\.\d{6}\r?\n/);
      assert.match(mail.message, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click$/m);
      const news = (contact, state) => socket.next('contact:notified', (n) => n.contactId === contact.id && n.state === state);
      for (const contact of [mum, neighbour]) {
        for (const state of ['queued', 'sent']) {
          assertMatches(await news(contact, state), events.contactNotified(id, contact, state));
        }
      }

      const path = link(mail);
      const page = await open(path);
      assert.equal(page.status, 200);
      for (const [name, value] of [['cache-control', 'no-store'], ['referrer-policy', 'no-referrer'], ['x-robots-tag', 'noindex, nofollow'], ['x-frame-options', 'DENY']]) {
        assert.equal(page.headers.get(name), value);
      }
      assert.equal(page.headers.get('content-security-policy'), "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
      assert.match(page.text, /Ada &lt;Lovelace&gt; needs help[^]*not over[^]*Lane 1 · 2nd &lt;floor&gt;[^]*href="geo:[^]*No helper is coming yet/);
      assert.doesNotMatch(page.text, /<script|<style|\son\w+=|https?:/);
      for (const personal of [id, owner.id, owner.email, mum.email]) assert.ok(!page.text.includes(personal), personal);
      const german = await open(path, { headers: { 'accept-language': 'de' } });
      assert.match(german.text, /braucht Hilfe[^]*Ich habe den Notruf gewählt/);

      const [withThem] = page.text.match(/<form method="post">.*I am with them<\/button><\/form>/);
      const [, action] = withThem.match(/name="action" value="(\w+)"/);
      assert.match((await submit(path, 'action=unknown')).text, /I am with them/);
      assert.match((await submit(path, 'action=read')).text, /You said that you have read this/);
      assertMatches(await news(mum, 'seen'), events.contactNotified(id, mum, 'seen'));
      assert.match((await submit(path, `action=${action}`)).text, /You said that you are with them/);
      assertMatches(await news(mum, 'acting'), events.contactNotified(id, mum, 'acting'));
      await submit(path, `action=${action}`);
      assert.match((await open(path)).text, /You said that you are with them[^]*I have called the emergency number<\/button>/);

      await cancel(owner, id);
      for (const contact of [mum, neighbour]) assert.match((await contact.texts(2))[1], /^The emergency of Ada <Lovelace> is over\./);
      const over = await submit(path, 'action=called_number');
      assert.match(over.text, /Ada &lt;Lovelace&gt; needed help[^]*The emergency is over/);
      assert.doesNotMatch(over.text, /<form|coming/);
      for (const contact of [partner, later]) assert.deepEqual(await contact.texts(0), []);
      await settled(socket);
      const heard = socket.seen('contact:notified');
      assert.equal(heard.length, 6, 'a GET changes nothing, nor does a button after the end');
      // A client that was away hears of it when it comes back.
      const auth = { token: owner.tokens.accessToken, lastEventId: heard[0].eventId - 1 };
      const back = await owner.connect({ auth });
      await settled(back);
      assert.deepEqual(back.seen('contact:notified'), heard);

      const timeline = async (caller) => ok(await caller.get(`/emergencies/${id}/timeline`)).events.map(({ event }) => event);
      assert.equal((await timeline(owner)).filter((event) => event === 'contact:notified').length, 6);
      assert.ok(!(await timeline(await app.admin())).includes('contact:notified'));
      ok(await owner.delete(`/emergencies/${id}`));
      const gone = await open(path);
      const [head, tail] = [path.slice(0, -4), path.slice(-4)];
      const hostile = ['/c/unknown', '/c/%00', '/c/%ff', '/c/..%2f..%2fetc', `/c/${'A'.repeat(64)}`, `/c/${'x'.repeat(8000)}`, head, `${path}=`, `${head}${tail.toUpperCase()}${tail}`, path.replace('/c/', '/c/stop/').replace('stop/', 'confirm/')];
      for (const wrong of hostile) {
        for (const answer of [await open(wrong), await submit(wrong, `action=${action}`)]) {
          assert.deepEqual([answer.status, answer.text], [404, gone.text], wrong);
        }
      }
      assert.ok(!app.logs.includes(path.slice(3)), 'a token is in the log');
    });

    it('tells contacts that an emergency goes on after its end by a helper, and helpers nothing of contacts', async () => {
      const { place, owner, helpers: [helper], sockets: [ofHelper] } = await gather(app, 1);
      ok(await owner.put('/auth/me', { locale: 'de' }));
      const mum = await confirmed(owner, 'mum');
      const { id } = await raise(owner, place);
      const [mail] = await mum.mails(1);
      assert.match(decoded(mail.message), /^Olivia Owner hat um .* UTC Hilfe gerufen\./);
      await respond(helper, id);
      assert.match((await open(link(mail))).text, /One helper is coming or there/);
      await resolve(helper, id);
      assert.match((await mum.texts(2))[1], /^Der Notfall von Olivia Owner ist vorbei/);
      ok(await owner.post(`/emergencies/${id}/reopen`, {}));
      const [, , resumed] = await mum.mails(3);
      assert.match(decoded(resumed.message), /doch nicht vorbei/);
      assert.equal(link(resumed), link(mail));
      await cancel(owner, id);
      assert.match((await mum.texts(4))[3], /ist vorbei/);
      await ofHelper.next('emergency:ended', of(id));
      assert.deepEqual(ofHelper.seen('contact:notified'), []);
      assert.ok(!JSON.stringify(ofHelper.items).includes(mum.id));
    });

    it('has room for ten emergency contacts', async () => {
      const user = await app.user();
      const add = (n) => user.post('/auth/emergency-contacts', { name: 'Mum', email: `c${n}-${user.id}@home.example` });
      for (let n = 0; n < 10; n++) ok(await add(n), 201);
      refused(await add(10), 409, 'too_many_contacts');
      for (let n = 0; n < 5; n++) await mailsTo(`c${n}-${user.id}@home.example`, 1);
      assert.equal((await services.mails()).filter(({ to }) => to.includes(user.id)).length, 5, 'five a day');
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

const onTwoNodes = () => describe('emergency contacts on two nodes', () => {
  let services;
  let database;
  let nodes;
  before(async () => {
    [services, database] = await Promise.all([startFakeServices(), createDatabase('postgres')]);
    const start = () => startNode({ database, env: { ...services.env, ALLYNET_PUBLIC_URL: PUBLIC_URL } });
    nodes = await Promise.all([start(), start()]);
  });
  after(async () => {
    try {
      await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    } finally {
      await database?.drop();
      await services?.stop();
    }
  });

  it('are told once, and by the other node if one is killed after the call', async () => {
    const [killed, other] = nodes;
    const { confirmed } = contactsAt(() => other, () => services);
    const [first, second] = await Promise.all([other.owner(), killed.owner()]);
    const names = ['mum', 'dad', 'friend', 'aunt'];
    const [ofFirst, ofSecond] = await Promise.all([
      Promise.all(names.map((name) => confirmed(first, name))),
      Promise.all(names.map((name) => confirmed(second, name, { afterSeconds: 1 }))),
    ]);
    const emergency = await raise(first, other.somewhere());
    for (const contact of ofFirst) assert.equal((await contact.mails(1)).length, 1);
    // What a node was about to note as sent when it was killed would be sent again.
    await eventually(async () => {
      const { events: entries } = ok(await first.get(`/emergencies/${emergency.id}/timeline`));
      return entries.filter(({ event, data }) => event === 'contact:notified' && data.state === 'sent').length === names.length;
    });
    await raise(second, killed.somewhere());
    await killed.kill();
    nodes = [other];
    for (const contact of ofSecond) assert.match((await contact.texts(1))[0], /called for help/);
    await cancel(first, emergency.id);
    for (const contact of ofFirst) assert.match((await contact.texts(2))[1], /is over/);
    for (const contact of [...ofFirst, ...ofSecond]) {
      const mails = await contact.mails(1);
      assert.equal(mails.length, ofFirst.includes(contact) ? 2 : 1, 'each once');
    }
  });
});

const withoutMailServer = () => describe('without a mail server', () => {
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

// At the same time, because all of them wait for emails.
describe('email', { concurrency: true }, () => {
  databases.forEach((database) => onDatabase(database));
  onTwoNodes();
  withoutMailServer();
});
