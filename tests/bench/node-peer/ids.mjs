// UUIDs of version 7 (RFC 9562): ordered by time, so that indices grow at their end.

import { randomUUID } from 'node:crypto';

export function newId() {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isId = (text) => typeof text === 'string' && UUID.test(text);
