// A TCP proxy between a client and a node, which can take the network away, lose answers, and change to another node.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Starts one: `{ url, target, losesAnswers, connections, down(), up(node), stop() }`. */
export async function startProxy(node) {
  const pairs = new Set();
  let isUp = true;
  const server = createServer((client) => {
    proxy.connections += 1;
    client.on('error', () => {});
    if (!isUp) return void client.resetAndDestroy();
    const { hostname, port } = new URL(proxy.target.url);
    const remote = connect(Number(port), hostname);
    const pair = { client, remote };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      remote.destroy();
    };
    client.pipe(remote);
    remote.on('data', (bytes) => (proxy.losesAnswers ? end() : client.write(bytes)));
    for (const socket of [client, remote]) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const { client, remote } of pairs) {
      client.resetAndDestroy();
      remote.destroy();
    }
  };
  const proxy = {
    url: `http://127.0.0.1:${server.address().port}`,
    /** The node that new connections reach. */
    target: node,
    /** Whether requests arrive, and their answers do not. */
    losesAnswers: false,
    /** How many connections clients have tried. */
    connections: 0,
    /** Cuts all connections. */
    cut,
    /** Cuts all connections and refuses new ones. */
    down() {
      isUp = false;
      cut();
    },
    /** Lets connections through again. */
    up(another = proxy.target) {
      proxy.target = another;
      isUp = true;
    },
    stop() {
      cut();
      server.close();
    },
  };
  return proxy;
}
