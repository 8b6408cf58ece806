// Builds the app into `crates/web/pages/app`, which the next build of the service embeds: the page with its hashed files, then
// the service worker, which knows their names, and compressed copies of everything that gets smaller: Brotli, which browsers accept
// over TLS and from localhost, and gzip.

import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outDir = process.argv[2] ?? join(root, '../pages/app');
const PLAIN = new Set(['.png', '.gz', '.br']);
/** Both at their best, which for Brotli is the default. */
const CODINGS = { br: brotliCompressSync, gz: (content) => gzipSync(content, { level: 9 }) };
const jsx = { runtime: 'automatic', importSource: 'preact' };
/** Modules of packages that the app never runs, by how their paths end, and what stands in for each. */
const UNUSED = {
  // The service has no WebTransport.
  'engine.io-client/build/esm/transports/webtransport.js': 'export class WT {}',
  // The service sends and takes JSON alone.
  'socket.io-parser/build/esm/is-binary.js': 'export const isBinary = () => false; export const hasBinary = isBinary;',
  'socket.io-parser/build/esm/binary.js': 'export const deconstructPacket = null; export const reconstructPacket = null;',
  'engine.io-parser/build/esm/contrib/base64-arraybuffer.js': 'export const encode = null; export const decode = null;',
  // Buttons of the map, and two fingers, do what a double tap does.
  'leaflet/src/dom/DomEvent.DoubleTap.js': 'export function addDoubleTapListener() {} export function removeDoubleTapListener() {}',
  // Every marker has an icon of its own, and none is dragged.
  'leaflet/src/layer/marker/Icon.Default.js': 'export function IconDefault() {}',
  'leaflet/src/layer/marker/Marker.Drag.js': 'export const MarkerDrag = null;',
};
const withoutUnused = {
  name: 'without-unused',
  load: (id) => Object.entries(UNUSED).find(([path]) => id.endsWith(path))?.[1],
};
const shared = {
  root,
  base: '/app/',
  configFile: false,
  logLevel: 'warn',
  oxc: { jsx },
  plugins: [withoutUnused],
  resolve: {
    dedupe: ['socket.io-client'],
    alias: [{ find: /^leaflet$/, replacement: join(root, 'src/map/leaflet-parts.js') }],
  },
};

await rm(outDir, { recursive: true, force: true });
await build({
  ...shared,
  // No inline script and no inline image: the policy of the page allows neither.
  build: { outDir, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
});

const files = await list(outDir);
const contents = await Promise.all(files.map((file) => readFile(join(outDir, file))));
const script = /assets\/index-[^"]+\.js/.exec(contents[files.indexOf('index.html')])[0];
const version = contents.reduce((hash, content) => hash.update(content), createHash('sha256')).digest('hex').slice(0, 16);
await build({
  ...shared,
  publicDir: false,
  define: { __FILES__: JSON.stringify(files.filter((file) => file !== 'index.html')), __VERSION__: JSON.stringify(version), __SCRIPT__: JSON.stringify(script) },
  build: {
    outDir,
    emptyOutDir: false,
    target: 'es2022',
    reportCompressedSize: false,
    // A classic script: not every browser runs a service worker that is a module.
    rollupOptions: { input: join(root, 'src/worker.ts'), output: { format: 'iife', entryFileNames: 'worker.js' } },
  },
});

const scripts = { br: 0, gz: 0 };
for (const file of await list(outDir)) {
  if (PLAIN.has(extname(file))) continue;
  const content = await readFile(join(outDir, file));
  for (const [ending, compress] of Object.entries(CODINGS)) {
    const compressed = compress(content);
    if (extname(file) === '.js') scripts[ending] += compressed.length;
    if (compressed.length < content.length) await writeFile(join(outDir, `${file}.${ending}`), compressed);
  }
}
console.log(`app: ${(scripts.br / 1000).toFixed(1)} kB of JavaScript by Brotli, ${(scripts.gz / 1000).toFixed(1)} kB by gzip`);

/** The files below a folder, as paths relative to it. */
async function list(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
  return files.sort();
}
