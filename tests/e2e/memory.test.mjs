// Memory returns after a burst: what a crowd took is not kept for the rest of the process.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startNode } from './harness.mjs';
import { times } from './scene.mjs';

const SOCKETS = 5_000;
const EVENTS = 10_000;
/** Just below the largest packet that is accepted. */
const LARGEST = 65_000;
/** How much more than before the burst may be resident after a minute. */
const FACTOR = 1.3;

describe('memory', () => {
  let app;
  let user;
  before(async () => {
    app = await startNode();
    user = await app.user();
    // Once through everything, so that pools and caches have their size.
    const sockets = await connectMany(200);
    await flood(sockets.slice(0, 10), 500);
    sockets.forEach((socket) => socket.close());
    await pause(2_000);
  });
  after(() => app?.stop());

  /** Resident memory of the server in bytes. */
  const resident = () => 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${app.pid}/status`, 'utf8'))[1]);

  const connectMany = async (count) => {
    const sockets = [];
    while (sockets.length < count) {
      sockets.push(...(await times(Math.min(100, count - sockets.length), () => user.connect({ acknowledge: false }))));
    }
    return sockets;
  };

  /** Sends events of the largest size, a few at a time on each socket, and awaits their answers. */
  const flood = (sockets, count) =>
    Promise.all(
      sockets.map(async (socket) => {
        const padding = 'x'.repeat(LARGEST);
        for (let sent = 0; sent < count / sockets.length; sent += 5) {
          await times(5, () => socket.raw.timeout(60_000).emitWithAck('emergency:leave', { emergencyId: 'none', padding }));
        }
      }),
    );

  const returnsAfter = async (burst) => {
    const before = resident();
    const peak = await burst();
    let now = resident();
    for (let second = 0; second < 60 && now > FACTOR * before; second += 1) {
      await pause(1_000);
      now = resident();
    }
    const shown = [before, peak, now].map((bytes) => `${Math.round(bytes / 1e6)} MB`).join(', ');
    assert.ok(now <= FACTOR * before, `before, at the peak and a minute later: ${shown}`);
  };

  it(`of ${SOCKETS} sockets`, () =>
    returnsAfter(async () => {
      const sockets = await connectMany(SOCKETS);
      const peak = resident();
      sockets.forEach((socket) => socket.close());
      return peak;
    }));

  it(`of ${EVENTS} events of the largest size`, () =>
    returnsAfter(async () => {
      const sockets = await connectMany(50);
      await flood(sockets, EVENTS);
      const peak = resident();
      sockets.forEach((socket) => socket.close());
      return peak;
    }));
});
