// The documents of the interface by themselves. Whether the service does what they say, the harness checks in every test.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startNode } from './harness.mjs';
import { clientEvents, paths } from './routes.mjs';

describe('the documents of the interface', () => {
  let app;
  before(async () => (app = await startNode()));
  after(() => app.stop());

  it('have an example that fits wherever there is a schema', () => {
    assert.deepEqual(app.documents.judgeExamples(), []);
  });

  it('name the routes and client events that the tests know', () => {
    const documented = Object.entries(app.documents.openapi.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const known = [...paths].flatMap(([path, methods]) => methods.map((method) => `${method} ${path}`));
    assert.deepEqual(documented.sort(), known.sort());
    const received = Object.values(app.documents.asyncapi.operations).filter(({ action }) => action === 'receive');
    const names = received.map(({ messages: [{ $ref }] }) => app.documents.asyncapi.components.messages[$ref.split('/').at(-1)].name);
    assert.deepEqual(names.sort(), [...clientEvents].sort());
  });

  it('are judged by a checker that finds what does not fit', () => {
    const { documents } = app;
    const headers = new Headers({ 'content-type': 'application/json' });
    const refusal = (reason) => ({ status: 404, headers, body: { success: false, error: { code: 404, reason, message: '', details: null } } });
    const path = '/api/v1/emergencies/01890000-0000-7000-8000-000000000000';
    assert.equal(documents.judgeAnswer('GET', path, refusal('emergency_not_found')), undefined);
    assert.match(documents.judgeAnswer('GET', path, refusal('contact_not_found')), /allowedValues/);
    assert.match(documents.judgeAnswer('GET', path, { ...refusal('emergency_ended'), status: 409 }), /409 emergency_ended, which is not documented/);
    const answer = (data) => ({ status: 200, headers, body: { success: true, data } });
    assert.equal(documents.judgeAnswer('GET', '/api/v1/push/key', answer({ publicKey: 'A'.repeat(87) })), undefined);
    assert.match(documents.judgeAnswer('GET', '/api/v1/push/key', answer({ publicKey: 'A'.repeat(87), more: 1 })), /additionalProperties/);
    assert.match(documents.judgeAnswer('GET', '/api/v1/push/key', answer({})), /publicKey/);
    assert.match(documents.judgeEvent('emergency:dance', {}), /not documented/);
    assert.match(documents.judgeEvent('emergency:ended', { emergencyId: 'x', status: 'resolved', timestamp: 'now', eventId: 1 }), /uuid/);
    assert.match(documents.judgeAcknowledgement('alert:seen', { ok: false }), /error/);
  });
});
