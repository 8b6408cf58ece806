// A machine of its own for a test: Debian's (or Ubuntu's) base system, booted with systemd in a container without a network.
//
// Needs root, or sudo without a password.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
/** What is slow to make and can be used again. */
export const CACHE = join(REPOSITORY, 'target/deploy');
const BOOT_LIMIT = 30_000;

/** A command as root, for `execFile`. */
export const asRoot = (...command) => (process.getuid() === 0 ? command : ['sudo', '-n', ...command]);

/** Runs a command as root: its standard output. Throws with everything it wrote if it fails. */
export async function root(...command) {
  const [program, ...args] = asRoot(...command);
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64 << 20 });
    return stdout;
  } catch (fault) {
    throw new Error(`${command.join(' ')}: ${fault.message}\n${fault.stdout}${fault.stderr}`);
  }
}

/** The archive of a base system of the same release as this machine, so that a binary that was built here runs there. */
export const baseSystem = () => process.env.TEST_BASE_SYSTEM ?? assert.fail('TEST_BASE_SYSTEM is not set: run the tests by `make deploy-test`');

/** Unpacks the base system into a new folder. */
export async function unpackBaseSystem() {
  const archive = baseSystem();
  const folder = await mkdtemp(join(tmpdir(), 'allynet-deploy-'));
  await root('tar', '--extract', '--file', archive, '--directory', folder);
  await root('chmod', '755', folder);
  return folder;
}

/** A booted container. */
export class Container {
  #folder;
  #nspawn;
  #init;
  #ended;

  /** Boots the system in `folder`, which is removed with the container. */
  static async boot(folder) {
    const container = new Container();
    container.#folder = folder;
    const [program, ...args] = asRoot(
      'env', 'SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1', 'systemd-nspawn', '--quiet', '--register=no', '--private-network', '--boot',
      // Without a systemd on this machine there is nothing to ask for a unit.
      ...(existsSync('/run/systemd/system') ? [] : ['--keep-unit']),
      '--console=pipe', '--directory', folder,
    );
    container.#nspawn = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [container.#nspawn.stdout, container.#nspawn.stderr]) stream.on('data', (text) => (said += text));
    container.#ended = new Promise((resolve) => container.#nspawn.once('close', resolve));
    const deadline = Date.now() + BOOT_LIMIT;
    try {
      for (;;) {
        container.#init ??= await container.#findInit();
        const state = container.#init && (await container.run('systemctl', 'is-system-running').catch(({ message }) => message));
        if (/^(running|degraded)/m.test(state)) return container;
        assert.ok(Date.now() < deadline && container.#nspawn.exitCode === null, `the container does not start: ${state}\n${said}`);
        await pause(100);
      }
    } catch (fault) {
      await container.stop();
      throw fault;
    }
  }

  /** The first process in the container, or undefined while there is none. */
  async #findInit() {
    const processes = await root('ps', '-eo', 'pid=,ppid=,comm=');
    const rows = processes.split('\n').map((line) => line.trim().split(/\s+/));
    const inside = new Set([String(this.#nspawn.pid)]);
    for (const [pid, parent, name] of rows) {
      if (!inside.has(parent)) continue;
      inside.add(pid);
      if (name === 'systemd') return pid;
    }
    return undefined;
  }

  /** Runs a command in the container: its standard output. */
  run(...command) {
    return root('nsenter', '--target', this.#init, '--all', '--', ...command);
  }

  /** The beginning of a command that runs a program of this machine in the network of the container. */
  inNetwork() {
    return ['nsenter', '--target', this.#init, '--net', '--'];
  }

  /** Runs a program of this machine in the network of the container. */
  runInNetwork(...command) {
    return root(...this.inNetwork(), ...command);
  }

  async stop() {
    // 37 is SIGRTMIN+3, at which systemd halts.
    if (this.#init) await root('kill', '-37', this.#init).catch(() => {});
    const late = setTimeout(() => root('kill', '-KILL', this.#init ?? String(this.#nspawn.pid)).catch(() => {}), 10_000);
    if (!this.#init) await root('kill', '-KILL', String(this.#nspawn.pid)).catch(() => {});
    await this.#ended;
    clearTimeout(late);
    await root('rm', '-rf', '--one-file-system', this.#folder);
  }
}
