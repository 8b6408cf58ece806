// Fills a database by a node of an earlier version, for the dumps of this folder: `node populate.mjs URL`. Uses nothing but
// routes and fields that every version has. README.md tells how the dumps are made.

const [url] = process.argv.slice(2);
const PASSWORD = 'a password of the upgrade test';

async function send(method, path, token, body) {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });
  const got = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(got)}`);
  return got.data;
}

const register = async (name) => {
  const { user, tokens } = await send('POST', '/auth/register', undefined, {
    email: `${name}@people.example`, password: PASSWORD, firstName: name, lastName: 'Upgrade', phone: '+15550100',
  });
  return { id: user.id, token: tokens.accessToken };
};
const logIn = async (email, password) => (await send('POST', '/auth/login', undefined, { email, password })).tokens.accessToken;

const admin = await logIn('admin@allynet.example', PASSWORD);
const helper = async (name, longitude) => {
  const { id, token } = await register(name);
  await send('PUT', '/helpers/me', token, { available: true, skills: ['first_aid'] });
  await send('PUT', '/helpers/me/location', token, { latitude: 10, longitude });
  await send('PUT', `/helpers/${id}/verification`, admin, { status: 'verified' });
  return token;
};
const helpers = [await helper('hanna', 20.001), await helper('henry', 20.002)];
const location = { latitude: 10, longitude: 20, address: 'Harbour 1' };
const raise = async (owner, fields) => (await send('POST', '/emergencies', owner, { location, ...fields })).emergency.id;
const emergency = (id, what, body, token, method = 'POST') => send(method, `/emergencies/${id}/${what}`, token, body);

// One owner for each state, so that a test can go on with each.
const owners = {};
for (const name of ['resolved', 'cancelled', 'responding', 'active']) owners[name] = (await register(name)).token;

const resolved = await raise(owners.resolved, { type: 'medical', description: 'The first' });
await emergency(resolved, 'respond', {}, helpers[0]);
await emergency(resolved, 'helper-status', { status: 'arrived' }, helpers[0], 'PUT');
await emergency(resolved, 'messages', { message: 'I am at the door' }, helpers[0]);
await emergency(resolved, 'resolve', { notes: 'Thank you' }, owners.resolved);
await emergency(resolved, 'ratings', { helperId: (await send('GET', '/auth/me', helpers[0])).user.id, score: 5 }, owners.resolved);

const cancelled = await raise(owners.cancelled, { anonymous: true });
await emergency(cancelled, 'cancel', { reason: 'false_alarm' }, owners.cancelled);

const responding = await raise(owners.responding, { type: 'accident', severity: 9 });
await emergency(responding, 'respond', {}, helpers[0]);
await emergency(responding, 'respond', { action: 'decline' }, helpers[1]);
await emergency(responding, 'messages', { message: 'Please hurry' }, owners.responding);

await raise(owners.active, { description: 'Nobody has answered yet' });
await send('POST', '/auth/emergency-contacts', owners.active, { name: 'Mum', email: 'mum@home.example', phone: '+15550101' });
