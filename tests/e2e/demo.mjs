// Simulates a town: `make demo`. Starts a service on a private database and many clients that move, raise emergencies,
// respond, decline and arrive, each over REST and a Socket.IO connection like a phone. Prints what happens. Ends by itself
// or by Ctrl-C, with status 0 only if at least one emergency was helped.
//
//   DEMO_SECONDS=60 DEMO_HELPERS=200 DEMO_OWNERS=12

import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ADMIN, startNode } from './harness.mjs';

const SECONDS = Number(process.env.DEMO_SECONDS ?? 60);
const HELPERS = Number(process.env.DEMO_HELPERS ?? 200);
const OWNERS = Number(process.env.DEMO_OWNERS ?? 12);

const TOWN = { latitude: 52.52, longitude: 13.405 };
/** Metres; grows with the number of helpers, for about fifteen helpers per square kilometre. */
const RADIUS = 2_000 * Math.sqrt(HELPERS / 200);
/** Metres per second. Responding helpers move in fast motion, so that a demonstration takes a minute. */
const [STROLL, HURRY] = [1.4, 40];
const STEP = 1_000;
const NAMES = 'Ada Alan Annie Barbara Betty Claude Dennis Dorothy Edith Edsger Emmy Frances Grace Hedy Ida John Karen Ken Lise Margaret Mary Niklaus Radia Sophie Tony'.split(' ');
const CALLS = [
  ['medical', 'chest pain'],
  ['medical', 'fell down the stairs'],
  ['accident', 'bicycle against car'],
  ['safety', 'being followed'],
  ['natural_disaster', 'water in the basement'],
];

// ------------------------------------------------------------------------------------------- output and pace

const begun = performance.now();
const seconds = () => (performance.now() - begun) / 1_000;
const curtain = new AbortController();
const { signal } = curtain;
setMaxListeners(0, signal);
const count = { raised: 0, answered: 0, declined: 0, arrived: 0, resolved: 0, cancelled: 0, steps: 0 };
const waits = [];

const say = (text) => console.log(`${seconds().toFixed(1).padStart(6)} s  ${text}`);
const any = (list) => list[Math.floor(Math.random() * list.length)];
const between = (low, high) => low + Math.random() * (high - low);
const wait = (milliseconds) => pause(milliseconds, undefined, { signal });

/** Runs a task for the duration of the demonstration; errors after its end are ignored. */
async function live(doing) {
  try {
    await doing();
  } catch (fault) {
    if (!signal.aborted) throw fault;
  }
}

const LATITUDE = 111_200;
const scale = ({ latitude }) => LATITUDE * Math.cos((latitude * Math.PI) / 180);
const somewhere = () => {
  const [angle, far] = [between(0, 2 * Math.PI), RADIUS * Math.sqrt(Math.random())];
  const { latitude, longitude } = TOWN;
  return { latitude: latitude + (far * Math.sin(angle)) / LATITUDE, longitude: longitude + (far * Math.cos(angle)) / scale(TOWN) };
};
const distance = (a, b) => Math.hypot((a.latitude - b.latitude) * LATITUDE, (a.longitude - b.longitude) * scale(a));
const towards = (from, to, metres) => {
  const part = Math.min(1, metres / Math.max(1, distance(from, to)));
  return {
    latitude: from.latitude + part * (to.latitude - from.latitude),
    longitude: from.longitude + part * (to.longitude - from.longitude),
  };
};

// ------------------------------------------------------------------------------------------ helpers and owners

/** Registers a helper who walks about and may respond to emergencies nearby; returns the helper's task. */
async function helper(node, index) {
  const name = `${NAMES[index % NAMES.length]} ${index + 1}`;
  const caller = await node.user({ firstName: name, lastName: 'Helper', email: `helper${index}@town.example` });
  const socket = (await caller.connect({ reconnection: true })).raw;
  let [here, goal, call] = [somewhere(), somewhere(), null];

  const answer = async ({ id, location, user }) => {
    await wait(between(500, 2_500));
    if (call) return;
    const mood = Math.random();
    if (mood < 0.4) return;
    const action = mood < 0.65 ? 'decline' : 'accept';
    const { status } = await caller.post(`/emergencies/${id}/respond`, { action });
    if (status !== 200) return;
    if (action === 'decline') {
      count.declined += 1;
      return say(`${name} cannot come to ${user.profile.firstName}`);
    }
    [call, goal] = [id, location];
    say(`${name} is coming to ${user.profile.firstName}, from ${Math.round(distance(here, location))} m away`);
    await caller.put(`/emergencies/${id}/helper-status`, { status: 'on_way' });
  };
  const arrive = async () => {
    const id = call;
    const { status } = await caller.put(`/emergencies/${id}/helper-status`, { status: 'arrived' });
    if (status !== 200) return;
    count.arrived += 1;
    say(`${name} is there`);
  };
  socket.on('emergency:nearby', ({ emergency }) => live(() => answer(emergency)));
  socket.on('emergency:ended', ({ emergencyId }) => {
    if (call === emergencyId) [call, goal] = [null, somewhere()];
  });

  return async () => {
    for (let there = null; ; ) {
      here = towards(here, goal, ((call ? HURRY : STROLL) * STEP) / 1_000);
      socket.emit('location:update', here);
      count.steps += 1;
      if (call && call !== there && distance(here, goal) < 20) {
        there = call;
        await arrive();
      }
      if (!call && distance(here, goal) < 20) goal = somewhere();
      await wait(STEP * between(0.8, 1.2));
    }
  };
}

/** Registers an owner who raises an emergency now and then; returns the owner's task. */
async function owner(node, index) {
  const name = NAMES[(index * 7 + 3) % NAMES.length].toUpperCase();
  const caller = await node.user({ firstName: name, lastName: 'Owner', email: `owner${index}@town.example` });
  const socket = await caller.connect({ reconnection: true });
  return async () => {
    for (;;) {
      await wait(between(500, (SECONDS * 1_000) / 4));
      const [type, description] = any(CALLS);
      const pressed = performance.now();
      const { body } = await caller.post('/emergencies', { type, description, location: somewhere() });
      const { id, alerts } = body.data.emergency;
      count.raised += 1;
      say(`${name} PRESSES THE BUTTON: ${description}; ${alerts.alerted} helpers are alerted`);
      if (Math.random() < 0.1) {
        await wait(700);
        await caller.post(`/emergencies/${id}/cancel`, { reason: 'false_alarm' });
        count.cancelled += 1;
        say(`${name} cancels: a false alarm`);
        continue;
      }
      const of = (payload) => payload.emergencyId === id;
      const { helper: first } = await socket.next('helper:joined', of, SECONDS * 1_000);
      count.answered += 1;
      waits.push((performance.now() - pressed) / 1_000);
      say(`${name} sees that ${first.profile.firstName} is coming, ${waits.at(-1).toFixed(1)} s after the button`);
      await socket.next('helper:status_update', (payload) => of(payload) && payload.status === 'arrived', SECONDS * 1_000);
      await wait(between(500, 1_500));
      await caller.post(`/emergencies/${id}/resolve`, { notes: 'Thank you' });
      count.resolved += 1;
      say(`${name} is well again`);
    }
  };
}

/** Creates `count` users, a few at a time because hashing their passwords takes processor time. */
async function people(many, comes) {
  let next = 0;
  const door = async () => {
    while (next < many && !signal.aborted) live(await comes(node, next++));
  };
  await Promise.all([door(), door()]);
}

// ------------------------------------------------------------------------------------------- main

const env = {
  ALLYNET_HELPER_POLICY: 'open',
  ALLYNET_RATE_LIMITS: 'on',
  // The demonstration is a trusted proxy, so that every client has an address of its own.
  ALLYNET_TRUSTED_PROXIES: '127.0.0.0/8',
  ALLYNET_ALERT_RADII: '400,1000,4000',
  ALLYNET_ALERT_WAVE_SIZE: '6',
  ALLYNET_ALERT_INTERVAL: '5s',
};
const node = await startNode({ database: 'sqlite', env });
let phones = 0;
node.nextHeaders = () => ({ 'x-forwarded-for': `10.${(phones += 1) >> 16}.${(phones >> 8) & 255}.${phones & 255}` });

process.on('SIGINT', () => curtain.abort());
process.on('SIGTERM', () => curtain.abort());
setTimeout(() => curtain.abort(), SECONDS * 1_000 - (performance.now() - begun));
say(`watch it at ${node.url}/app/dispatch, as ${ADMIN.email} with the password "${ADMIN.password}"`);
say(`a town on ${node.url}, for ${SECONDS} s; ${HELPERS} helpers and ${OWNERS} people in need are coming to it`);
live(async () => {
  await Promise.all([people(HELPERS, helper), people(OWNERS, owner)]);
  say('everybody is there');
});
if (!signal.aborted) await new Promise((ended) => signal.addEventListener('abort', ended));

const faults = node.logs.split('\n').filter((line) => /\bERROR\b/.test(line));
say('the end');
// Requests that were under way at the end are not faults.
node.expectsFaults = true;
await node.stop();
const { raised, answered, declined, arrived, resolved, cancelled, steps } = count;
const typical = waits.sort((a, b) => a - b)[waits.length >> 1];
console.log(`
  ${raised} emergencies: ${answered} answered, ${cancelled} false alarms, ${resolved} resolved while we watched
  ${declined} declined, ${arrived} arrived; ${steps} positions sent
  from the button to "I am coming": ${typical === undefined ? 'never' : `${typical.toFixed(1)} s, half of them sooner`}`);
if (faults.length > 0) console.error(faults.join('\n'));
process.exit(answered > 0 && faults.length === 0 ? 0 : 1);
