// Authentication: a signed token, and a session and an account that are valid.

import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { statement } from './database.mjs';
import { Failure } from './failure.mjs';
import { newId } from './ids.mjs';

// Created once: from a string, the library would try to create a public key for every token, which takes 1 ms.
const SECRET = createSecretKey(Buffer.from(process.env.ALLYNET_JWT_SECRET));
const ISSUER = 'allynet';
const ACCESS = 'allynet:access';
const REFRESH = 'allynet:refresh';
const CHECKS = { algorithms: ['HS256'], issuer: ISSUER, audience: ACCESS };

const findAccount = statement(
  'find_account',
  `SELECT u.id, u.email, u.first_name, u.last_name, u.role, u.is_active, u.verification, u.available
   FROM sessions s JOIN users u ON u.id = s.user_id
   WHERE s.id = $1 AND u.id = $2 AND s.revoked_at IS NULL`,
);

/** Signs both tokens of a session. */
export function sign(user, sid) {
  const claims = { sid, userId: user.id, email: user.email, role: user.role };
  const common = { algorithm: 'HS256', issuer: ISSUER, subject: user.id };
  return {
    accessToken: jwt.sign(claims, SECRET, { ...common, audience: ACCESS, jwtid: newId(), expiresIn: '24h' }),
    refreshToken: jwt.sign({ sid }, SECRET, { ...common, audience: REFRESH, jwtid: newId(), expiresIn: '7d' }),
  };
}

/** The account behind an access token. */
export async function accountOf(token) {
  if (typeof token !== 'string' || token === '') throw new Failure(401, 'token_missing', 'No token provided');
  let claims;
  try {
    claims = jwt.verify(token, SECRET, CHECKS);
  } catch (error) {
    const expired = error instanceof jwt.TokenExpiredError;
    throw new Failure(401, expired ? 'token_expired' : 'token_invalid', expired ? 'Token expired' : 'Invalid token');
  }
  const [account] = await findAccount(claims.sid, claims.sub);
  if (!account) throw new Failure(401, 'token_invalid', 'Invalid token');
  if (!account.is_active) throw new Failure(403, 'account_blocked', 'Account is inactive or blocked');
  return account;
}

export async function authenticate(request, _response, next) {
  const header = request.get('authorization') ?? '';
  request.account = await accountOf(header.startsWith('Bearer ') ? header.slice(7) : '');
  next();
}

/** Whether an account may help at all. */
export const mayHelp = (account) => account.is_active && account.verification === 'verified';
export const isOnDuty = (account) => mayHelp(account) && account.available;
