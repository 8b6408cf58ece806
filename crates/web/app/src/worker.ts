/**
 * The service worker: the app opens without a network, and pushes are shown with the app closed.
 *
 * It keeps the files of one build. Requests to the service itself pass by: what they answer must never be an old answer.
 */

import { installPush, type ServiceWorkerScope } from '@allynet/client/service-worker';

declare const __FILES__: readonly string[];
declare const __VERSION__: string;

interface WorkerScope extends ServiceWorkerScope {
  skipWaiting(): Promise<void>;
  clients: ServiceWorkerScope['clients'] & { claim(): Promise<void> };
}

interface InstallEvent {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}

const scope = self as unknown as WorkerScope;
const BASE = '/app/';
const PREFIX = 'allynet-app-';
const CACHE = PREFIX + __VERSION__;

scope.addEventListener('install', (event: InstallEvent) => event.waitUntil(install()));
scope.addEventListener('activate', (event: InstallEvent) => event.waitUntil(activate()));
scope.addEventListener('fetch', (event: FetchEvent) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || !url.pathname.startsWith(BASE)) return;
  event.respondWith(request.mode === 'navigate' ? page(request) : file(request));
});
installPush(scope);

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll([BASE, ...__FILES__.map((file) => BASE + file)]);
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await scope.clients.claim();
}

/** The page from the service where it answers in time, so that a new version is seen; otherwise the kept one. */
async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(3_000) });
    if (answer.ok) return answer;
  } catch {
    // The kept one.
  }
  return (await caches.match(BASE)) ?? Response.error();
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
