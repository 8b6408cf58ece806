// An alert that no device confirms, although the push service took it: it goes on by email and to the telephone gateway.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { startFakeServices } from './fake-services.mjs';
import { databases, eventually, startNode } from './harness.mjs';
import { cancel, raise, read } from './scene.mjs';
import { assertMatches, atLeast, ok, text, time } from './shapes.mjs';

const SECRETS = [Buffer.alloc(24, 1), Buffer.alloc(32, 2)];
/** Longer than the last step of an alert, thirty seconds, on a busy machine. */
const LADDER_LIMIT = 60_000;

/** A gateway that fails the first request: `{ url, requests, stop() }`, where a request is `{ headers, body }`. */
async function startGateway() {
  const requests = [];
  const server = createServer(async (request, response) => {
    requests.push({ headers: request.headers, body: await textOf(request) });
    response.writeHead(requests.length === 1 ? 500 : 202).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/alerts`, requests, stop: () => server.close() };
}

/** The signatures that Standard Webhooks says. */
function signatures({ headers, body }) {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return SECRETS.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`).join(' ');
}

describe('an alert that no device confirms', { concurrency: true }, () => {
  for (const database of databases) {
    it(`goes on by email and telephone, once to helpers who want that, on ${database}`, async () => {
      const services = await startFakeServices();
      const gateway = await startGateway();
      let app;
      try {
        const secrets = SECRETS.map((key) => `whsec_${key.toString('base64')}`).join(' ');
        const env = { ...services.env, ALLYNET_ALERT_WEBHOOK_URL: gateway.url, ALLYNET_ALERT_WEBHOOK_SECRET: secrets };
        app = await startNode({ database, env });
        const place = app.somewhere();
        const helper = await app.helperAt(place);
        // This one wants no other channel.
        await app.helperAt(place);
        ok(await helper.put('/auth/me', { phone: '+44 1632 960961', locale: 'de' }));
        ok(await helper.put('/helpers/me', { notify: { email: true, sms: true } }));
        const { token, ...subscription } = await services.subscribe();
        ok(await helper.post('/devices', { kind: 'webpush', ...subscription }), 201);
        const owner = await app.owner();
        const emergency = await raise(owner, place, { type: 'medical' });

        const requests = await eventually(() => gateway.requests.length > 1 && gateway.requests, LADDER_LIMIT);
        const pushes = await services.pushes();
        assert.deepEqual(pushes.map((push) => [push.token, JSON.parse(push.text).kind]), [[token, 'alert'], [token, 'alert']]);
        assert.match(JSON.parse(pushes[0].text).notification.body, /^Jemand etwa \d+ m entfernt braucht Hilfe\.$/);
        const mails = (await services.mails()).filter(({ to }) => to.includes(`<${helper.email}>`));
        assert.equal(mails.length, 1);
        const mail = mails[0].message.replace(/=\r\n/g, '');
        assert.ok(mail.includes(`https://ally.example/app/emergencies/${emergency.id}`), mail);
        // Nobody has checked that the address belongs to the account: whoever reads it can stop alerts to it.
        const [, stop] = /https:\/\/ally\.example(\/c\/stop\/[\w-]{64})\r?\n/.exec(mail);
        assert.ok(mail.replace(/\r\n[ \t]+/g, ' ').includes(`List-Unsubscribe: <https://ally.example${stop}>`), mail);
        const page = await app.anonymous().get(stop, { root: '' });
        assert.match(page.text, /whichever account has it[^]*<form method="post">/);
        const form = { root: '', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
        const stopped = await app.anonymous().post(stop, 'List-Unsubscribe=One-Click', form);
        assert.match(stopped.text, /No alert is sent to this address any more/);

        const [failed, sent] = requests;
        assert.equal(sent.headers['webhook-id'], failed.headers['webhook-id']);
        assert.equal(sent.headers['webhook-signature'], signatures(sent));
        const { data, ...envelope } = JSON.parse(sent.body);
        assertMatches(envelope, { type: 'alert.escalated', timestamp: time });
        assertMatches(data, {
          phone: '+44 1632 960961',
          locale: 'de',
          text,
          emergencyId: emergency.id,
          receipt: text,
          receiptUrl: 'https://ally.example/api/v1/alerts/receipts',
        });
        // Neither name nor place nor text of the owner.
        assert.match(data.text, /^Notfall in Ihrer Nähe: medizinischer Notfall, etwa \d+ m entfernt\. https:\S+$/);

        const counted = (wanted) =>
          eventually(async () => {
            const { alerts } = await read(owner, emergency.id);
            assertMatches(alerts, atLeast(wanted));
            return alerts;
          });
        await counted({ alerted: 2, sent: 1, delivered: 0, failed: 0 });
        ok(await app.anonymous().post('/alerts/receipts', { receipt: data.receipt, state: 'delivered' }));
        await counted({ delivered: 1, acknowledged: 1 });
        const administrator = await app.admin();
        const { events } = ok(await administrator.get(`/emergencies/${emergency.id}/timeline`));
        const steps = events.filter(({ event }) => event === 'alerts:pushed').map(({ data: { channel, step } }) => `${channel} ${step}`);
        assert.deepEqual([...new Set(steps)], ['webpush 0', 'webpush 2', 'email 2', 'webhook 3']);
        await cancel(owner, emergency.id);
        assert.ok(!app.logs.includes('960961'));
      } finally {
        await app?.stop();
        gateway.stop();
        await services.stop();
      }
    });
  }
});
