// The binary that is shipped: the one that was built here, without its debugging symbols, as packages have it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, REPOSITORY } from './container.mjs';

const BUILT = process.env.ALLYNET_BIN ?? join(REPOSITORY, 'target/debug/allynet');

/** Path of the stripped binary. */
export function strippedBinary() {
  const stripped = join(CACHE, 'allynet');
  if (!existsSync(stripped) || statSync(stripped).mtimeMs < statSync(BUILT).mtimeMs) {
    mkdirSync(CACHE, { recursive: true });
    execFileSync('strip', ['--strip-debug', '-o', stripped, BUILT]);
  }
  return stripped;
}
