// Random runs of several users against a model of who may know what: whatever they do, in whatever order, nothing fails, and
// none of them receives a byte of a place, name, address, phone number or text that they are not entitled to.
//
// MODEL_SEED repeats a run, MODEL_STEPS sets its length: `make model` for a long one.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Model, random } from './entitlement-model.mjs';
import { databases, settled, startNode } from './harness.mjs';

const SEED = Number(process.env.MODEL_SEED ?? 20_260_115);
const STEPS = Number(process.env.MODEL_STEPS ?? 60);
/** So many of the last emergencies are acted on and read, so that something happens in them. */
const RECENT = 4;
const STATUSES = ['responding', 'on_way', 'arrived', 'completed', 'cancelled'];

/** The users, and everything that one of them can do. */
class Run {
  constructor(app, rng, isExact) {
    Object.assign(this, { app, rng, model: new Model(rng, isExact), history: [], eventIds: [] });
  }

  async begin() {
    const { app, model } = this;
    this.base = { latitude: 12.5, longitude: 34.5 };
    const kinds = { owner: 'user', rival: 'helperAt', helper: 'helperAt', second: 'helperAt', third: 'helperAt', unverified: 'unverifiedHelper', stranger: 'user' };
    this.users = [];
    for (const [name, kind] of Object.entries(kinds)) {
      const person = model.person(name);
      const caller = kind === 'helperAt' ? await app.helperAt(undefined, person) : await app[kind](person);
      this.users.push(model.addUser(name, person, caller, { mayHelp: kind === 'helperAt' }));
    }
    const admin = await app.admin();
    this.admin = model.addUser('admin', {}, admin, { mayHelp: false, isAdmin: true });
    for (const user of [...this.users, this.admin]) {
      user.window = [];
      user.caller.record = (text) => user.window.push(text);
    }
    for (const user of this.users) await this.move(user);
    for (const user of [...this.users, this.admin]) user.socket = await user.caller.connect();
  }

  // Users.

  async move(user) {
    const position = this.model.near(this.base);
    this.model.stand(user, position);
    return user.caller.put('/helpers/me/location', position);
  }

  duty(user) {
    return user.caller.put('/helpers/me', { available: this.rng.chance(0.8) });
  }

  async block(user) {
    const other = this.#other(user);
    const [remove, key] = [this.rng.chance(0.5), `${user.id} ${other.id}`];
    user.ids.add(other.id);
    const answer = await user.caller.request(remove ? 'DELETE' : 'PUT', `/auth/me/blocks/${other.id}`);
    if (answer.status === 200) this.model.blocks[remove ? 'delete' : 'add'](key);
    return answer;
  }

  async verify() {
    const user = this.rng.pick(this.users);
    const status = this.rng.chance(0.7) ? 'verified' : 'rejected';
    const answer = await this.admin.caller.put(`/helpers/${user.id}/verification`, { status });
    if (answer.status === 200) user.mayHelp = status === 'verified';
    return answer;
  }

  async reconnect(user) {
    user.socket?.close();
    const lastEventId = this.rng.chance(0.8) ? this.rng.pick([0, 1, ...this.eventIds]) : undefined;
    user.socket = await user.caller.connect({ auth: { token: user.caller.tokens.accessToken, lastEventId } });
    return { status: 200 };
  }

  // Emergencies.

  async raise(user) {
    const { call, body } = this.model.call(user, this.base);
    const answer = await user.caller.post('/emergencies', body);
    if (answer.status === 201) this.model.addEmergency(answer.body.data.emergency.id, call);
    return answer;
  }

  async respond(user, call) {
    const declines = this.rng.chance(0.15);
    const answer = await user.caller.post(`/emergencies/${call.id}/respond`, { action: declines ? 'decline' : 'accept' });
    if (answer.status === 200) call.declined[declines ? 'add' : 'delete'](user.id);
    return answer;
  }

  tell(user, call) {
    const status = this.rng.pick(STATUSES);
    return user.caller.put(`/emergencies/${call.id}/helper-status`, { status, notes: this.model.note(user, call) });
  }

  say(user, call) {
    const to = this.rng.below(5);
    const recipient = to === 0 ? this.#other(user) : to === 1 ? call.owner : null;
    if (to === 0) user.ids.add(recipient.id);
    const recipientId = [recipient?.id, 'creator'][to] ?? null;
    return user.caller.post(`/emergencies/${call.id}/messages`, { message: this.model.message(user, call, recipient), recipientId });
  }

  end(user, call) {
    const note = this.model.note(user, call);
    if (this.rng.chance(0.5)) return user.caller.post(`/emergencies/${call.id}/cancel`, { reason: note });
    return user.caller.post(`/emergencies/${call.id}/resolve`, { notes: note });
  }

  reopen(user, call) {
    return user.caller.post(`/emergencies/${call.id}/reopen`, {});
  }

  renew(user, call) {
    return user.caller.post(`/emergencies/${call.id}/renew`, {});
  }

  remove(user, call) {
    return user.caller.delete(`/emergencies/${call.id}`);
  }

  rate(user, call) {
    const helper = this.#other(user);
    user.ids.add(helper.id);
    return user.caller.post(`/emergencies/${call.id}/ratings`, { helperId: helper.id, score: 4, comment: this.model.complaint(user) });
  }

  report(user, call) {
    return user.caller.post(`/emergencies/${call.id}/report`, { reason: this.model.complaint(user) });
  }

  async join(user, call) {
    const lastEventId = this.rng.chance(0.5) ? this.rng.pick([0, ...this.eventIds]) : undefined;
    const event = this.rng.chance(0.8) ? 'emergency:join' : 'emergency:leave';
    await user.socket.ack(event, { emergencyId: call.id, lastEventId });
    return { status: 200 };
  }

  /** One of everything that can be read. */
  read(user, call) {
    const { latitude, longitude } = this.base;
    const lists = ['active', 'helper-active', 'pending-for-helper', 'history', `nearby?latitude=${latitude}&longitude=${longitude}&radius=50000`];
    const others = ['/auth/me', '/auth/me/blocks', '/auth/stats', '/auth/emergency-contacts', '/helpers', '/helpers/me', '/helpers/presence', '/admin/emergencies', '/admin/emergencies?status=deleted'];
    const paths = [...lists.map((list) => `/emergencies/${list}`), ...others];
    if (call) paths.push(...['', '', '/helpers', '/helpers', '/timeline', '/timeline', '/messages', '/messages'].map((rest) => `/emergencies/${call.id}${rest}`));
    return user.caller.get(this.rng.pick(paths));
  }

  #other(user) {
    return this.rng.pick(this.users.filter((other) => other !== user));
  }

  // Steps.

  /** Chooses what is done next, mostly by a user who may do it, in one of the last emergencies. */
  #choose() {
    const { rng } = this;
    const recent = [...this.model.emergencies.values()].slice(-RECENT);
    const live = recent.filter((call) => this.model.isLive(call));
    const anybody = rng.pick(this.users);
    if (live.length === 0 || rng.chance(0.35)) {
      const free = this.users.filter((user) => !user.mayHelp && !live.some((call) => call.owner === user));
      if (live.length < 2) return { action: 'raise', user: rng.chance(0.8) ? rng.pick(free) : anybody };
      return { action: rng.pick(['raise', 'move', 'move', 'duty', 'block', 'verify', 'reconnect', 'reconnect', 'reconnect']), user: anybody };
    }
    const action = rng.pick(['respond', 'respond', 'respond', 'respond', 'tell', 'tell', 'tell', 'say', 'say', 'join', 'join', 'end', 'reopen', 'reopen', 'renew', 'remove', 'rate', 'report']);
    const call = rng.pick(['reopen', 'remove', 'rate', 'report'].includes(action) ? recent : live);
    const helpers = this.users.filter((user) => user.mayHelp && !call.responses.has(user.id));
    const responding = this.users.filter(({ id }) => call.responses.has(id));
    const likely = { respond: helpers, tell: responding, remove: [call.owner], rate: [call.owner], renew: [call.owner] }[action];
    const able = likely ?? [call.owner, ...responding];
    return { action, user: able.length > 0 && rng.chance(0.75) ? rng.pick(able) : anybody, call };
  }

  async step(number) {
    const { model, rng } = this;
    model.beginStep();
    const { action, user, call } = this.#choose();
    const answer = await this[action](user, call);
    this.history.push(`${number} ${user.name} ${action} ${call?.id ?? ''}: ${answer.status} ${answer.body?.error?.reason ?? ''}`);
    assert.ok(answer.status < 500, this.#report(answer.text));
    await this.#update(call);
    const reads = [...this.users, this.admin].map((reader) => this.read(reader, rng.pick([...model.emergencies.values()].slice(-RECENT))));
    for (const read of await Promise.all(reads)) assert.ok(read.status < 500, this.#report(read.text));
    await settled(...[...this.users, this.admin].map(({ socket }) => socket));
    this.#check();
  }

  /** Copies the state of the emergencies that the step may have changed. */
  async #update(changed) {
    const calls = [...this.model.emergencies.values()].filter((call) => call === changed || this.model.isLive(call));
    await Promise.all(
      calls.map(async (call) => {
        const { status, body } = await this.admin.caller.get(`/emergencies/${call.id}`);
        assert.ok([200, 404].includes(status), this.#report(JSON.stringify(body)));
        this.model.update(call, body.data?.emergency);
      }),
    );
  }

  /** Searches what each user received in this step for what they were entitled to neither before nor after it. */
  #check() {
    const texts = new Map([...this.users, this.admin].map((user) => [user, user.window.splice(0).join('\n')]));
    for (const [user, text] of texts) {
      for (const [, id] of text.matchAll(/"emergency:nearby",\{"emergency":\{"id":"([^"]+)"/g)) this.model.emergencies.get(id)?.alerted.add(user.id);
      for (const [, id] of text.matchAll(/"eventId":(\d+)/g)) if (this.eventIds.length < 500) this.eventIds.push(Number(id));
    }
    for (const [user, text] of texts) {
      for (const secret of this.model.secrets) {
        if (!text.includes(secret.text) || this.model.mayHaveReceived(user, secret)) continue;
        const at = text.indexOf(secret.text);
        assert.fail(this.#report(`${user.name} received the ${secret.what}, ${secret.text}: …${text.slice(Math.max(0, at - 600), at + 200)}…\n${this.model.describe(secret)}`));
      }
    }
  }

  #report(what) {
    return `${what}\nMODEL_SEED=${SEED} repeats the run. The last steps:\n${this.history.slice(-25).join('\n')}`;
  }
}

for (const database of databases) {
  for (const places of ['approximate', 'exact']) {
    describe(`users with ${places} places on ${database}`, () => {
      let app;
      before(async () => {
        app = await startNode({ database, env: { ALLYNET_PLACE_BEFORE_ACCEPT: places, ALLYNET_REACCEPT_PAUSE: '1s' } });
      });
      after(() => app?.stop());

      it(`receive nothing that they are not entitled to, in ${STEPS} random steps from the seed ${SEED}`, async (t) => {
        const run = new Run(app, random(SEED), places === 'exact');
        await run.begin();
        for (let number = 1; number <= STEPS; number += 1) await run.step(number);
        const done = run.history.filter((line) => /: 20[01] /.test(line)).length;
        t.diagnostic(`${done} of ${STEPS} steps succeeded, with ${run.model.emergencies.size} emergencies and ${run.model.secrets.length} secrets`);
        assert.ok(done >= STEPS / 3, run.history.join('\n'));
      });
    });
  }
}
