// A collector of OpenTelemetry traces: takes OTLP over HTTP, as protobuf, and keeps the spans.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

/** The fields of a message: their values by number. Numbers are `BigInt`, everything else is a `Buffer`. */
function fields(message) {
  const found = new Map();
  let at = 0;
  const varint = () => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length) => message.subarray(at, (at += length));
  while (at < message.length) {
    const tag = Number(varint());
    const read = { [VARINT]: varint, [FIXED64]: () => take(8).readBigUInt64LE(), [FIXED32]: () => BigInt(take(4).readUInt32LE()), [BYTES]: () => take(Number(varint())) };
    const value = (read[tag & 7] ?? assert.fail(`wire type ${tag & 7}`))();
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  return { all: (number) => found.get(number) ?? [], one: (number) => found.get(number)?.[0] };
}

// The numbers are those of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
function attributes(encoded) {
  const value = (any) => {
    const [text, number] = [any.one(1), any.one(3)];
    return text === undefined ? number : String(text);
  };
  return Object.fromEntries(encoded.map(fields).map((pair) => [String(pair.one(1)), value(fields(pair.one(2)))]));
}

function spansOf(request) {
  return fields(request).all(1).map(fields).flatMap((ofResource) => {
    const resource = attributes(fields(ofResource.one(1)).all(1));
    const encoded = ofResource.all(2).flatMap((scope) => fields(scope).all(2));
    return encoded.map(fields).map((span) => ({
      resource,
      trace: span.one(1).toString('hex'),
      id: span.one(2).toString('hex'),
      parent: span.one(4)?.toString('hex') ?? '',
      name: String(span.one(5)),
      kind: Number(span.one(6)),
      began: span.one(7),
      ended: span.one(8),
      attributes: attributes(span.all(9)),
      events: span.all(11),
    }));
  });
}

/** Starts a collector: `url`, the `spans` that it was sent, and the bytes of all requests, `received`. */
export async function startCollector() {
  const collector = { spans: [], received: '' };
  const server = http.createServer(async (request, response) => {
    const body = await buffer(request);
    const { method, url, headers } = request;
    const isRight = method === 'POST' && url === '/v1/traces' && headers['content-type'] === 'application/x-protobuf';
    if (isRight) {
      collector.spans.push(...spansOf(body));
      collector.received += body.toString('latin1');
    }
    response.writeHead(isRight ? 200 : 400, { 'content-type': 'application/x-protobuf' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  collector.url = `http://127.0.0.1:${server.address().port}`;
  collector.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return collector;
}
