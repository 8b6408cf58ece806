// Writes pages as the service embeds them.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

/** Replaces `folder` by these files, each with its gzip form beside it if that is smaller. `files` maps names to contents. */
export async function writePages(folder, files) {
  await rm(folder, { recursive: true, force: true });
  for (const [name, content] of files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    const compressed = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
    if (compressed.length < Buffer.byteLength(content)) await writeFile(`${path}.gz`, compressed);
  }
}
