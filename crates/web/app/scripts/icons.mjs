// Draws the icons of the app: `npm run icons`. The PNG files are the shapes of icon.svg, sampled, without a library.

import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

const SAMPLES = 4;
const BACKGROUND = [11, 79, 94];
const FOREGROUND = [255, 255, 255];
const ACCENT = [255, 107, 94];

/** The shapes in a square from -1 to 1: two arcs around a dot, like a call that is heard. */
function colour(x, y, { corner, scale }) {
  if (corner !== null && outside(x, y, corner)) return null;
  const [u, v] = [x / scale, y / scale];
  const far = Math.hypot(u, v);
  if (far < 0.24) return ACCENT;
  if (far > 0.4 && far < 0.53) return FOREGROUND;
  if (far > 0.69 && far < 0.82) return Math.abs(Math.atan2(v, u)) % Math.PI < Math.PI / 3.2 || Math.abs(Math.atan2(v, u)) > Math.PI * (1 - 1 / 3.2) ? FOREGROUND : BACKGROUND;
  return BACKGROUND;
}

function outside(x, y, corner) {
  const [dx, dy] = [Math.abs(x) - (1 - corner), Math.abs(y) - (1 - corner)];
  return dx > 0 && dy > 0 && Math.hypot(dx, dy) > corner;
}

function png(size, shape) {
  const rows = Buffer.alloc(size * (1 + size * 4));
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const pixel = sample(size, column, row, shape);
      rows.set(pixel, row * (1 + size * 4) + 1 + column * 4);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** The mean colour of a pixel, with its coverage as alpha. */
function sample(size, column, row, shape) {
  const sum = [0, 0, 0];
  let covered = 0;
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    const x = ((column + ((i % SAMPLES) + 0.5) / SAMPLES) / size) * 2 - 1;
    const y = ((row + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / size) * 2 - 1;
    const found = colour(x, y, shape);
    if (!found) continue;
    covered += 1;
    found.forEach((value, index) => (sum[index] += value));
  }
  if (covered === 0) return [0, 0, 0, 0];
  return [...sum.map((value) => Math.round(value / covered)), Math.round((covered / SAMPLES ** 2) * 255)];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), body.length + 4);
  return out;
}

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

const write = (name, data) => writeFileSync(new URL(`../public/${name}`, import.meta.url), data);
write('icon-192.png', png(192, { corner: 0.44, scale: 0.86 }));
write('icon-512.png', png(512, { corner: 0.44, scale: 0.86 }));
// Platforms cut these to shapes of their own.
write('icon-maskable-512.png', png(512, { corner: null, scale: 0.66 }));
write('apple-touch-icon.png', png(180, { corner: null, scale: 0.8 }));
