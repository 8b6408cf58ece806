// The commands of the guide, which the tests run as they are printed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './container.mjs';

/** The lines of the code block ` ```sh NAME ` of docs/deploy.md. */
export function commands(name) {
  const guide = readFileSync(join(REPOSITORY, 'docs/deploy.md'), 'utf8');
  const block = new RegExp(`^\`\`\`sh ${name}\\n([^]*?)^\`\`\`$`, 'm').exec(guide)?.[1];
  if (!block) throw new Error(`docs/deploy.md has no commands named ${name}`);
  const lines = block.trimEnd().split('\n');
  if (lines.length > 10) throw new Error(`${name}: ${lines.length} lines are more than a reader follows`);
  return block;
}
