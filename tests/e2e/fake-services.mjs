// A push service and a mail server that record what they receive: the process of tests/src/bin/fake-services.rs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { running } from './servers.mjs';

/** Longer than the lease of a push, ten seconds, on a busy machine. */
const PUSH_LIMIT = 60_000;
export const BINARY = process.env.FAKE_SERVICES_BIN ?? fileURLToPath(new URL('../../target/debug/fake-services', import.meta.url));

/**
 * Starts both: `{ env, subscribe(), answer(token, answer), pushes(), waitForPushes(count), forgetPushes(), mails(), stop() }`.
 *
 * `env` makes a node use them. `subscribe()` returns `{ token, endpoint, keys }` as a browser would. An answer is
 * `{ status, headers?, delay? }`, with the delay in milliseconds; 201 unless it is set. A push is
 * `{ token, method, headers, bodyBytes, text, vapid }`; `text` is null if it could not be decrypted, `vapid` if it is not valid.
 */
export async function startFakeServices() {
  const folder = await mkdtemp(join(tmpdir(), 'allynet-e2e-push-'));
  const authority = join(folder, 'authority.pem');
  const child = spawn(BINARY, [authority], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { control, host, smtp } = JSON.parse(line);
  const call = async (method, path, body) => {
    const answer = await fetch(`${control}/${path}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    return answer.json();
  };
  const pushes = () => call('GET', 'pushes');
  return {
    env: {
      ALLYNET_PUSH_ALLOW: host,
      ALLYNET_EXTRA_CA: authority,
      ALLYNET_VAPID_SUBJECT: 'mailto:alerts@example.org',
      ALLYNET_SMTP_URL: smtp,
      ALLYNET_MAIL_FROM: 'AllyNet <alerts@example.org>',
      ALLYNET_PUBLIC_URL: 'https://ally.example',
    },
    subscribe: () => call('POST', 'subscriptions'),
    answer: (token, answer) => call('PUT', `subscriptions/${token}/answer`, answer),
    pushes,
    async waitForPushes(count) {
      for (const deadline = Date.now() + PUSH_LIMIT; ; await delay(20)) {
        const received = await pushes();
        if (received.length >= count) return received;
        if (Date.now() > deadline) throw new Error(`${received.length} pushes, not ${count}, within ${PUSH_LIMIT} ms`);
      }
    },
    forgetPushes: () => call('DELETE', 'pushes'),
    mails: () => call('GET', 'mails'),
    async stop() {
      child.kill('SIGKILL');
      running.delete(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
