// Builds the last stage of the Containerfile and runs the image, without a container engine: buildah, umoci and runc.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strippedBinary } from './binary.mjs';
import { asRoot, baseSystem, REPOSITORY, root } from './container.mjs';

const BUILT = '/src/target/release/allynet';

/** The Containerfile without the stages that compile, which need bases from a registry of images. */
function lastStage() {
  const file = readFileSync(join(REPOSITORY, 'docs/deploy/Containerfile'), 'utf8');
  const [, base] = /^(ARG BASE=.*\n)/m.exec(file);
  const stage = file.slice(file.indexOf('FROM ${BASE}'));
  assert.ok(stage.includes(`COPY --from=build --chmod=755 ${BUILT}`), 'the binary comes from the stage `build`');
  return base + stage.replace('--from=build ', '').replace(BUILT, `.${BUILT}`);
}

/** Builds and unpacks the image: `{ config, run(options), drop() }`; `config` is what the image says of itself. */
export async function buildImage() {
  const folder = await mkdtemp(join(tmpdir(), 'allynet-image-'));
  const buildah = (...args) => root('buildah', '--storage-driver', 'vfs', '--root', `${folder}/storage`, '--runroot', `${folder}/run`, ...args);
  await mkdir(join(folder, 'context/src/target/release'), { recursive: true });
  await copyFile(strippedBinary(), join(folder, 'context', BUILT));
  await writeFile(join(folder, 'Containerfile'), lastStage());
  const scratch = (await buildah('from', 'scratch')).trim();
  await buildah('add', '--quiet', scratch, baseSystem(), '/');
  await buildah('commit', '--quiet', '--rm', scratch, 'localhost/base');
  await buildah('bud', '--isolation', 'chroot', '--format', 'docker', '--pull-never', '--build-arg', 'BASE=localhost/base',
    '--tag', 'localhost/allynet', '--file', join(folder, 'Containerfile'), join(folder, 'context'));
  const { Docker } = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/allynet'));
  await buildah('push', '--quiet', '--disable-compression', 'localhost/allynet', `oci:${folder}/oci:allynet`);
  await root('umoci', 'unpack', '--image', `${folder}/oci:allynet`, `${folder}/bundle`);
  const specification = JSON.parse(await root('cat', `${folder}/bundle/config.json`));
  let count = 0;
  return {
    config: Docker.config,
    run: (options) => RunningContainer.start(join(folder, `container-${count++}`), `${folder}/bundle/rootfs`, specification, options),
    drop: () => root('rm', '-rf', folder),
  };
}

/** A container of the image, with a read-only root and without capabilities. */
class RunningContainer {
  #child;
  #ended;
  #id;
  #folder;
  output = '';

  /**
   * `env` are variables, `mounts` files and folders of this machine by their places in the container. `network: 'host'` shares
   * the network of this machine; otherwise there is none but the loopback.
   */
  static async start(folder, rootfs, specification, { env = {}, mounts = {}, network } = {}) {
    const container = new RunningContainer();
    container.#folder = folder;
    container.#id = `allynet-${process.pid}-${folder.split('-').at(-1)}`;
    const { process: program, linux, ...rest } = structuredClone(specification);
    const own = Object.entries(mounts).map(([destination, source]) => ({ destination, source, type: 'bind', options: ['bind', 'rw'] }));
    const config = {
      ...rest,
      root: { path: rootfs, readonly: true },
      mounts: [...rest.mounts.filter(({ destination }) => !(destination in mounts)), ...own],
      process: { ...program, terminal: false, capabilities: {}, env: [...program.env, ...Object.entries(env).map((pair) => pair.join('='))] },
      linux: { ...linux, namespaces: linux.namespaces.filter(({ type }) => network !== 'host' || type !== 'network') },
    };
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    const [command, ...args] = asRoot('runc', '--root', join(folder, 'state'), 'run', '--bundle', folder, container.#id);
    container.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [container.#child.stdout, container.#child.stderr]) stream.on('data', (text) => (container.output += text));
    container.#ended = once(container.#child, 'close');
    return container;
  }

  #runc(...args) {
    return root('runc', '--root', join(this.#folder, 'state'), ...args);
  }

  /** Runs a command in the container: its standard output. */
  exec(...command) {
    return this.#runc('exec', this.#id, ...command);
  }

  /** Sends SIGTERM: the status of the container, and the time it took in milliseconds. */
  async stop() {
    const started = Date.now();
    await this.#runc('kill', this.#id, 'TERM').catch(() => {});
    const [status] = await this.#ended;
    return { status, took: Date.now() - started };
  }
}
