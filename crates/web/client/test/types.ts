// What an app may write, and what the compiler has to refuse: compiled by `npm test`, and never run.

import { ConflictError, createClient, storageStore, type Alert, type ConnectionState, type Emergency, type Raise } from '@allynet/client';
import { subscribePush } from '@allynet/client/push';

const ally = createClient({ url: 'https://ally.example', store: storageStore(localStorage) });

ally.on('connection', (state: ConnectionState) => {
  if (state.status === 'stopped') console.log(state.reason);
});
ally.on('helper:joined', ({ helper }) => console.log(helper.profile.firstName.length));
ally.on('snapshot', ({ active }) => console.log(active?.location.latitude));
ally.on('raise', (progress) => {
  if (progress.status === 'raised') console.log(progress.raised.emergency.id);
  if (progress.status === 'waiting') console.log(progress.error.reason);
});
ally.onAlert(async (alert: Alert) => {
  const accepted: Emergency = await alert.accept();
  console.log(accepted.id);
});

const call: Raise = { type: 'medical', location: { latitude: 1, longitude: 2 } };
try {
  const { emergency } = await ally.raise(call);
  console.log(emergency.status === 'active');
} catch (error) {
  if (error instanceof ConflictError) console.log(error.emergencyId);
}
const { emergency } = await ally.request('GET', '/emergencies/{id}', { params: { id: 'x' } });
const radius: number = emergency.alertRadius;
const email: string = (await ally.request('GET', '/auth/me')).user.email;
console.log(radius, email);
await ally.helper.update({ available: true, skills: ['cpr'], pausedUntil: null });
await ally.account.addContact({ name: 'Ada', email: 'ada@people.example' });
await subscribePush(ally, await navigator.serviceWorker.ready);

// @ts-expect-error There is no such route.
await ally.request('GET', '/nothing');
// @ts-expect-error Parameters are missing.
await ally.request('GET', '/emergencies/{id}');
// @ts-expect-error The body is missing.
await ally.request('POST', '/auth/login');
// @ts-expect-error There is no such type of emergency.
await ally.raise({ type: 'fire', location: { latitude: 1, longitude: 2 } });
// @ts-expect-error There is no such event.
ally.on('emergency:unknown', () => {});
// @ts-expect-error An emergency has no such field.
console.log(emergency.owner);
