// A name server that answers every question for an IPv4 address of a name without a dot with 127.0.0.1, and says that there is
// nothing else: as the names of containers in a network of their own. `node dns.mjs ADDRESS`.

import dgram from 'node:dgram';
import { writeSync } from 'node:fs';

const [HEADER, TYPE_A] = [12, 1];

const server = dgram.createSocket('udp4', (question, client) => {
  let end = HEADER;
  let labels = 0;
  for (; question[end] !== 0; end += question[end] + 1) labels++;
  const type = question.readUInt16BE(end + 1);
  const isKnown = type === TYPE_A && labels === 1;
  const answer = Buffer.from([0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1]);
  const header = Buffer.from([question[0], question[1], 0x81, 0x80, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0]);
  server.send(Buffer.concat([header, question.subarray(HEADER, end + 5), ...(isKnown ? [answer] : [])]), client.port, client.address);
});
server.bind(53, process.argv[2], () => writeSync(1, 'ready\n'));
