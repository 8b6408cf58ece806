// A push service for Firefox: the browser holds a WebSocket to it (the protocol of Mozilla's autopush), and messages are
// posted to an https endpoint (RFC 8030).

import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { WebSocketServer } from 'ws';
import { createCertificate } from './servers.mjs';

/** The code of a message that the browser has given to a service worker. Others are 101, not decrypted, and 102, failed. */
export const DELIVERED = 100;

/**
 * Starts it: `{ url, env, posts, acks, stop() }`. The browser connects to `url`, and `env` makes a node send to the endpoints.
 * `posts` are the messages that were posted, as `{ headers, bytes }`; `acks` say what the browser did with them, as
 * `{ channelID, version, code }`.
 */
export async function startMozillaPush() {
  const certificate = await createCertificate();
  const [posts, acks] = [[], []];
  /** The channel of each endpoint, and the open socket of each browser. */
  const [channels, sockets] = [new Map(), new Map()];
  const endpoints = createServer({ cert: readFileSync(certificate.file), key: readFileSync(certificate.key) });
  endpoints.on('request', async (request, response) => {
    const channel = channels.get(request.url);
    const body = Buffer.concat(await request.toArray());
    posts.push({ headers: request.headers, bytes: body.length });
    const socket = sockets.get(channel?.uaid);
    // A real push service would store the message for a browser that is away.
    if (!socket) return response.writeHead(404).end();
    const notification = {
      messageType: 'notification',
      channelID: channel.channelID,
      version: randomUUID(),
      data: body.toString('base64url'),
      headers: { encoding: request.headers['content-encoding'] },
    };
    socket.send(JSON.stringify(notification));
    response.writeHead(201).end();
  });
  endpoints.listen(0, '127.0.0.1');
  await once(endpoints, 'listening');
  const host = `127.0.0.1:${endpoints.address().port}`;

  const browsers = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(browsers, 'listening');
  browsers.on('connection', (socket) => {
    let uaid;
    const answers = {
      hello(message) {
        uaid = message.uaid || randomBytes(16).toString('hex');
        sockets.set(uaid, socket);
        return { uaid, status: 200, use_webpush: true, broadcasts: {} };
      },
      register({ channelID }) {
        const path = `/push/${randomBytes(16).toString('hex')}`;
        channels.set(path, { uaid, channelID });
        return { channelID, status: 200, pushEndpoint: `https://${host}${path}` };
      },
      unregister({ channelID }) {
        for (const [path, channel] of channels) if (channel.channelID === channelID) channels.delete(path);
        return { channelID, status: 200 };
      },
      ack({ updates }) {
        acks.push(...updates);
      },
    };
    socket.on('message', (text) => {
      const message = JSON.parse(text);
      const answer = answers[message.messageType]?.(message);
      if (answer) socket.send(JSON.stringify({ messageType: message.messageType, ...answer }));
      // A ping is an empty object, as is its answer.
      if (!message.messageType) socket.send('{}');
    });
  });
  return {
    url: `ws://127.0.0.1:${browsers.address().port}/`,
    env: { ALLYNET_PUSH_ALLOW: host, ALLYNET_EXTRA_CA: certificate.file, ALLYNET_VAPID_SUBJECT: 'mailto:alerts@example.org' },
    posts,
    acks,
    async stop() {
      for (const socket of browsers.clients) socket.terminate();
      browsers.close();
      endpoints.close();
      endpoints.closeAllConnections();
      await certificate.drop();
    },
  };
}
