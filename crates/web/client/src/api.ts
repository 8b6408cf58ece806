/** What people do over REST, by who does it. Each is one request; `request` reaches every other route. */

import type { Requests } from './requests.js';
import { uniqueId } from './timing.js';
import type { ContactChange, EmergencyChange, HelperChange, NewContact, NewDevice, NewResource, NewResourceReport, Position, ProfileChange, ResourceChange, ResourceState, ResponseStatus, Routes, VerificationChange } from './types.js';

type Query<Key extends keyof Routes> = Routes[Key] extends { query?: infer Q } ? NonNullable<Q> : never;

/** One's own account. */
export function accountApi({ request }: Requester) {
  return {
    me: async () => (await request('GET', '/auth/me')).user,
    update: async (body: ProfileChange) => (await request('PUT', '/auth/me', { body })).user,
    /** Ends every other session. */
    changePassword: (currentPassword: string, newPassword: string) =>
      request('PUT', '/auth/update-password', { body: { currentPassword, newPassword } }),
    /** Deletes the account. Its sessions end, and its email is free at once. */
    deleteAccount: (password: string) => request('POST', '/auth/me/delete', { body: { password } }),
    sessions: async () => (await request('GET', '/auth/sessions')).sessions,
    /** Ends a session at once, wherever it is. */
    endSession: (sessionId: string) => request('DELETE', '/auth/sessions/{sessionId}', { params: { sessionId } }),
    /** When administrators read exact places of the caller. */
    accessLog: async () => (await request('GET', '/auth/me/access-log')).entries,
    /** All that is stored of the caller. */
    exportAccount: () => request('GET', '/auth/me/export'),
    forgotPassword: (email: string) => request('POST', '/auth/forgot-password', { body: { email } }),
    resetPassword: (token: string, password: string) => request('POST', '/auth/reset-password', { body: { token, password } }),
    stats: () => request('GET', '/auth/stats'),
    contacts: async () => (await request('GET', '/auth/emergency-contacts')).contacts,
    addContact: async (body: NewContact) => (await request('POST', '/auth/emergency-contacts', { body })).contact,
    changeContact: async (contactId: string, body: ContactChange) =>
      (await request('PUT', '/auth/emergency-contacts/{contactId}', { params: { contactId }, body })).contact,
    removeContact: (contactId: string) => request('DELETE', '/auth/emergency-contacts/{contactId}', { params: { contactId } }),
    blocks: async () => (await request('GET', '/auth/me/blocks')).blocks,
    block: (userId: string) => request('PUT', '/auth/me/blocks/{userId}', { params: { userId } }),
    blockEmail: (email: string) => request('POST', '/auth/me/blocks', { body: { email } }),
    /** Takes a user's id, or the id of a block by e-mail. */
    unblock: (userId: string) => request('DELETE', '/auth/me/blocks/{userId}', { params: { userId } }),
    devices: async () => (await request('GET', '/devices')).devices,
    addDevice: async (body: NewDevice) => (await request('POST', '/devices', { body })).device,
    removeDevice: (deviceId: string) => request('DELETE', '/devices/{deviceId}', { params: { deviceId } }),
    testDevice: async (deviceId: string) => (await request('POST', '/devices/{deviceId}/test', { params: { deviceId } })).device,
  };
}

/** Emergencies, one's own and others'. To raise one, use `raise()` of the client. */
export function emergencyApi({ request }: Requester) {
  const one = (id: string) => ({ params: { id } });
  return {
    get: async (id: string) => (await request('GET', '/emergencies/{id}', one(id))).emergency,
    /** The live one of which the user is the owner. */
    active: async () => (await request('GET', '/emergencies/active'))?.emergency ?? null,
    history: async (query: Query<'GET /emergencies/history'> = {}) =>
      (await request('GET', '/emergencies/history', { query })).emergencies,
    /** Who responds, and how many more are available: those are counted, not named. */
    helpers: (id: string) => request('GET', '/emergencies/{id}/helpers', one(id)),
    /** What happened, whom it reached, and the messages to all: for participants and administrators. */
    timeline: async (id: string, query: Query<'GET /emergencies/{id}/timeline'> = {}) =>
      (await request('GET', '/emergencies/{id}/timeline', { ...one(id), query })).events,
    /** Changes what it is, while it is live. `null` clears `category` and `description`. */
    update: async (id: string, body: EmergencyChange) =>
      (await request('PATCH', '/emergencies/{id}', { ...one(id), body })).emergency,
    resolve: async (id: string, notes?: string) =>
      (await request('POST', '/emergencies/{id}/resolve', { ...one(id), body: { notes: notes ?? null } })).emergency,
    cancel: async (id: string, reason?: string) =>
      (await request('POST', '/emergencies/{id}/cancel', { ...one(id), body: { reason: reason ?? null } })).emergency,
    /** Asks for more help. */
    renew: async (id: string) => (await request('POST', '/emergencies/{id}/renew', one(id))).emergency,
    /** Undoes an end by a helper. */
    reopen: async (id: string) => (await request('POST', '/emergencies/{id}/reopen', one(id))).emergency,
    delete: (id: string) => request('DELETE', '/emergencies/{id}', one(id)),
    rate: (id: string, helperId: string, score: number, comment?: string) =>
      request('POST', '/emergencies/{id}/ratings', { ...one(id), body: { helperId, score, comment: comment ?? null } }),
    /** Without `userId` a helper reports the owner. */
    report: (id: string, reason: string, userId?: string) =>
      request('POST', '/emergencies/{id}/report', { ...one(id), body: { reason, userId: userId ?? null } }),
    messages: async (id: string, query: Query<'GET /emergencies/{id}/messages'> = {}) =>
      (await request('GET', '/emergencies/{id}/messages', { ...one(id), query })).messages,
    /** Posts a message, once, however often it has to be sent. `recipientId` is a user, `creator`, or missing: all participants. */
    say: async (id: string, message: string, recipientId?: string) =>
      (
        await request('POST', '/emergencies/{id}/messages', {
          ...one(id),
          body: { message, recipientId: recipientId ?? null, requestId: uniqueId() },
        })
      ).message,
    deleteMessage: (id: string, messageId: string) =>
      request('DELETE', '/emergencies/{id}/messages/{messageId}', { params: { id, messageId } }),
  };
}

/** What helpers do. */
export function helperApi({ request }: Requester) {
  return {
    /** The user's helper record. Rejects with `not_a_helper` for one who never called `update`, under an open policy too. */
    me: async () => (await request('GET', '/helpers/me')).helper,
    /** Becomes a helper, goes on or off duty, changes skills and quiet hours. */
    update: async (body: HelperChange) => (await request('PUT', '/helpers/me', { body })).helper,
    /** Whether an alert would arrive, and what is in the way. */
    readiness: () => request('GET', '/helpers/me/readiness'),
    /**
     * The emergency that the user responds to. After `completed` it stays until that emergency ends: look at the user's `status` in
     * `respondingHelpers` to know whether they are still needed.
     */
    active: async () => (await request('GET', '/emergencies/helper-active'))?.emergency ?? null,
    /** Live emergencies that wait for the user's answer, nearest first. */
    pending: () => request('GET', '/emergencies/pending-for-helper'),
    /** Live emergencies around a place, nearest first. For helpers. */
    nearby: async (query: Position & { radius?: number; limit?: number }) =>
      (await request('GET', '/emergencies/nearby', { query })).emergencies,
    /** Comes. The user is a participant then, and is shown everything. */
    accept: async (id: string, estimatedArrival?: string) =>
      (
        await request('POST', '/emergencies/{id}/respond', {
          params: { id },
          body: { action: 'accept', estimatedArrival: estimatedArrival ?? null },
        })
      ).emergency,
    /** Does not come, and is not alerted to this emergency again. Nobody is told who declined. */
    decline: async (id: string) =>
      (await request('POST', '/emergencies/{id}/respond', { params: { id }, body: { action: 'decline' } })).emergency,
    /** How far the user is: `on_way`, `arrived`, `completed`, or `cancelled` to give it up; and what became of the box to bring. */
    status: async (
      id: string,
      status: ResponseStatus,
      more: { notes?: string; estimatedArrival?: string; resourceState?: ResourceState } = {},
    ) =>
      (await request('PUT', '/emergencies/{id}/helper-status', { params: { id }, body: { status, ...more } })).emergency,
  };
}

/** Defibrillators and other things that help. */
export function resourceApi({ request }: Requester) {
  return {
    /** Nearest first. */
    near: async (query: Query<'GET /resources'>) => (await request('GET', '/resources', { query })).resources,
    /** For administrators. */
    add: async (body: NewResource) => (await request('POST', '/resources', { body })).resource,
    /** For administrators. What is missing stays, `null` clears. */
    change: async (resourceId: string, body: ResourceChange) =>
      (await request('PUT', '/resources/{resourceId}', { params: { resourceId }, body })).resource,
    /** For administrators. */
    remove: (resourceId: string) => request('DELETE', '/resources/{resourceId}', { params: { resourceId } }),
    /** What became of it. */
    report: async (resourceId: string, body: NewResourceReport) =>
      (await request('POST', '/resources/{resourceId}/reports', { params: { resourceId }, body })).resource,
  };
}

/** What administrators do. */
export function adminApi({ request }: Requester) {
  return {
    /** A page of the accounts with a helper record. Under an open policy others are alerted, too, and are not in it. */
    helpers: (query: Query<'GET /helpers'> = {}) => request('GET', '/helpers', { query }),
    /** A page of all emergencies. The live ones are those with the status `active` and those with `responding`: two lists. */
    emergencies: (query: Query<'GET /admin/emergencies'> = {}) => request('GET', '/admin/emergencies', { query }),
    /** How many helpers are on duty, and of these connected, and with a recent position. */
    presence: () => request('GET', '/helpers/presence'),
    /** Available helpers by cells of a kilometre. */
    coverage: () => request('GET', '/admin/coverage'),
    /** With `checked`, also the tier and the skills that were checked; what is missing stays. */
    verify: async (userId: string, status: 'verified' | 'rejected', checked: Omit<VerificationChange, 'status'> = {}) =>
      (await request('PUT', '/helpers/{userId}/verification', { params: { userId }, body: { ...checked, status } })).user,
    setBlocked: async (userId: string, blocked: boolean, reason?: string) =>
      (await request('PUT', '/helpers/{userId}/block', { params: { userId }, body: { blocked, reason: reason ?? null } })).user,
    blocksOf: async (userId: string) => (await request('GET', '/helpers/{userId}/blocks', { params: { userId } })).blocks,
  };
}

/** Functions of `ally.account`. */
export type AccountApi = ReturnType<typeof accountApi>;
/** Functions of `ally.emergencies`. */
export type EmergencyApi = ReturnType<typeof emergencyApi>;
/** Functions of `ally.helper`. */
export type HelperApi = ReturnType<typeof helperApi>;
/** Functions of `ally.resources`. */
export type ResourceApi = ReturnType<typeof resourceApi>;
/** Functions of `ally.admin`. */
export type AdminApi = ReturnType<typeof adminApi>;

/** What can send typed requests: an `AllyClient`. */
export type Requester = Pick<Requests, 'request'>;
