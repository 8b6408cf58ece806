// The connection pool, with statements that each connection prepares once.

import pg from 'pg';

// Event ids stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20, idleTimeoutMillis: 0 });
pool.on('error', (error) => console.error(error));

/** A prepared statement: called with its parameters, it gives the rows. */
export function statement(name, text) {
  return async (...values) => (await pool.query({ name, text, values })).rows;
}

/** Violations of constraints have this code. */
export const UNIQUE_VIOLATION = '23505';
