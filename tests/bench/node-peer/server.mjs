// The peer of the benchmark: a typical Node service with the same routes and events on the measured paths. One process,
// PostgreSQL with PostGIS, prepared statements, and as few round trips as possible per request.

import { createServer } from 'node:http';
import express from 'express';
import { accounts } from './accounts.mjs';
import { authenticate } from './auth.mjs';
import { pool } from './database.mjs';
import { emergencies } from './emergencies.mjs';
import { Failure } from './failure.mjs';
import { realtime } from './realtime.mjs';

const app = express();
app.disable('x-powered-by');
app.disable('etag');
const server = createServer(app);
const sockets = realtime(server);

app.get('/healthz', (_, response) => response.json({ success: true }));
app.get('/readyz', async (_, response) => {
  await pool.query('SELECT 1');
  response.json({ success: true });
});
app.use(express.json({ limit: '64kb' }));
app.use('/api/v1/auth', accounts());
app.use('/api/v1/emergencies', authenticate, emergencies(sockets));
app.use(() => {
  throw new Failure(404, 'route_not_found', 'There is nothing here');
});
// Express recognizes an error handler by its four parameters.
app.use((error, _request, response, _next) => {
  const known = error instanceof Failure;
  const code = known ? error.code : (error.status ?? 500);
  if (code >= 500) console.error(error);
  const reason = known ? error.reason : code < 500 ? 'invalid_input' : 'internal';
  const message = code < 500 ? error.message : 'Something went wrong';
  response.status(code).json({ success: false, error: { code, reason, message, details: error.details ?? null } });
});

const [host, port] = (process.env.ALLYNET_LISTEN ?? '127.0.0.1:5000').split(':');
server.listen({ host, port: Number(port), backlog: 4096 }, () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
