// Registration and login.

import argon2 from 'argon2';
import { Router } from 'express';
import { sign } from './auth.mjs';
import { statement, UNIQUE_VIOLATION } from './database.mjs';
import { Failure } from './failure.mjs';
import { newId } from './ids.mjs';
import { Fields } from './fields.mjs';

const HASHING = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Checked when there is no account, so that it takes as long. */
const NOBODY = await argon2.hash('nobody has this password', HASHING);

const register = statement(
  'register',
  `WITH account AS (
     INSERT INTO users (id, email, password_hash, first_name, last_name, phone) VALUES ($1, $2, $3, $4, $5, $6) RETURNING *
   ), session AS (INSERT INTO sessions (id, user_id) VALUES ($7, $1))
   SELECT * FROM account`,
);
const findByEmail = statement('find_by_email', 'SELECT * FROM users WHERE email = $1');
const openSession = statement('open_session', 'INSERT INTO sessions (id, user_id) VALUES ($1, $2)');

function userView(row) {
  const rating = { average: row.rating_count ? row.rating_sum / row.rating_count : 0, count: row.rating_count };
  const { verification, available } = row;
  return {
    id: row.id,
    _id: row.id,
    email: row.email,
    profile: { firstName: row.first_name, lastName: row.last_name, phone: row.phone, avatar: null, bio: null },
    role: row.role,
    isActive: row.is_active,
    helper: verification && { verification, available, skills: [], trustScore: row.trust_score, helperRating: rating },
    createdAt: row.created_at,
  };
}

export function accounts() {
  const router = new Router();
  router.post('/register', async (request, response) => {
    const fields = new Fields(request.body);
    const email = fields.email('email');
    const password = fields.text('password', { least: 8, most: 128, required: true });
    const name = fields.text('name', { most: 100 });
    const firstName = fields.text('firstName', { most: 100 }) ?? name?.split(' ')[0];
    const lastName = fields.text('lastName', { most: 100 }) ?? name?.split(' ').slice(1).join(' ');
    const phone = fields.text('phone', { most: 40 });
    if (!firstName) fields.wrong('name', 'is required');
    fields.finish();
    const [id, sid, hash] = [newId(), newId(), await argon2.hash(password, HASHING)];
    try {
      const [user] = await register(id, email, hash, firstName, lastName || null, phone, sid);
      response.status(201).json({ success: true, data: { user: userView(user), tokens: sign(user, sid) } });
    } catch (error) {
      if (error.code === UNIQUE_VIOLATION) throw new Failure(409, 'email_taken', 'This email is taken');
      throw error;
    }
  });
  router.post('/login', async (request, response) => {
    const fields = new Fields(request.body);
    const email = fields.email('email');
    const password = fields.text('password', { most: 128, required: true });
    fields.finish();
    const [user] = await findByEmail(email);
    const matches = await argon2.verify(user?.password_hash ?? NOBODY, password);
    if (!user || !matches) throw new Failure(401, 'invalid_credentials', 'Wrong email or password');
    if (!user.is_active) throw new Failure(403, 'account_blocked', 'Account is inactive or blocked');
    const sid = newId();
    await openSession(sid, user.id);
    response.json({ success: true, data: { user: userView(user), tokens: sign(user, sid) } });
  });
  return router;
}
