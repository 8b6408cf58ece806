/** The client of AllyNet. Push and the service worker have entries of their own: `./push`, `./service-worker`. */

export { AllyClient, createClient } from './client.js';
export type { AllyEvents, ClientOptions, LocalEvents, Snapshot } from './client.js';
export type { Alert, AlertHandler } from './alerts.js';
export type { AccountApi, AdminApi, EmergencyApi, HelperApi, ResourceApi } from './api.js';
export type { ConnectionState, StopReason, WaitReason } from './connection.js';
export * from './errors.js';
export type { Unsubscribe } from './events.js';
export type { Fix } from './positions.js';
export type { PendingRaise, RaiseOptions, RaiseResult, RaiseProgress } from './raise.js';
export type { CallOptions, DataOf, Method, PathOf, RequestOptions } from './requests.js';
export { defaultStore, memoryStore, storageStore } from './store.js';
export type { KeyValueStorage, Store } from './store.js';
export { uniqueId } from './timing.js';
export type { SignedOutReason } from './tokens.js';
export type * from './types.js';
