/**
 * The service worker: the app opens without a network, and pushes are shown with the app closed.
 *
 * It keeps the files of its build, and those of earlier ones while a page is open that uses them. Requests to the service itself pass by: what they answer must never be an old answer.
 */

import { CACHE_PREFIX, usedScripts } from './logic/versions.js';
import { installPush, type ServiceWorkerScope } from '@allynet/client/service-worker';

declare const __FILES__: readonly string[];
declare const __VERSION__: string;
/** The first script of the page. */
declare const __SCRIPT__: string;

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
const CACHE = CACHE_PREFIX + __VERSION__;

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
  const answer = await fetch(BASE);
  // While a service is upgraded node by node, the page may be that of another version: then it is tried again later.
  if (!(await answer.clone().text()).includes(__SCRIPT__)) throw new Error('the page is of another version');
  const cache = await caches.open(CACHE);
  await cache.addAll(__FILES__.map((file) => BASE + file));
  await cache.put(BASE, answer);
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE);
  const isUsed = await usage();
  // The version before this one stays: a page of it may have been answered that does not run yet, or whose browser tells nothing.
  for (const name of others.slice(0, -1)) if (!(await isUsed(name))) await caches.delete(name);
  await scope.clients.claim();
}

/** Tells of a cache whether a page that runs uses it. */
async function usage(): Promise<(cache: string) => Promise<boolean>> {
  const locks = await navigator.locks?.query();
  const scripts = usedScripts(locks?.held ?? []);
  return async (name) => {
    const cache = await caches.open(name);
    const found = await Promise.all(scripts.map((script) => cache.match(script)));
    return found.some(Boolean);
  };
}

/** The page from the service where it answers in time, so that a new version is seen; otherwise the kept one. */
async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(3_000) });
    if (answer.ok) return answer;
  } catch {
    // The kept one.
  }
  return (await kept(BASE)) ?? Response.error();
}

async function file(request: Request): Promise<Response> {
  return (await kept(request)) ?? fetch(request);
}

/** A file of this version, or else of an earlier one that a page uses. */
async function kept(request: Request | string): Promise<Response | undefined> {
  return (await (await caches.open(CACHE)).match(request)) ?? caches.match(request);
}
