/**
 * What a service worker does with pushes: shows each, tells the service that it arrived, and opens the app.
 *
 * It imports nothing: a service worker that is a module can import this file by its address, without a bundler.
 */

/** A push, decrypted: the page `/docs/reach` of the service explains it. */
export interface PushPayload {
  v: number;
  kind: 'alert' | 'check' | 'stand_down' | 'ended' | 'joined' | 'arrived' | 'unanswered' | 'message' | 'test' | (string & {});
  emergencyId: string | null;
  eventId: number | null;
  type: string | null;
  distance: number | null;
  expiresAt: string;
  receipt: string;
  notification: { title: string; body: string; navigate: string; tag: string; silent: boolean };
}

/** What `installPush` keeps in the `data` of a notification. */
export interface NotificationData {
  kind: string;
  emergencyId: string | null;
  eventId: number | null;
  receipt: string;
  navigate: string;
}

// The types of service workers clash with those of pages: here is what is used of them.
interface WindowClient {
  url: string;
  focus(): Promise<unknown>;
  navigate?(url: string): Promise<unknown>;
}

/** The global scope of a service worker, as far as it is used. */
export interface ServiceWorkerScope {
  registration: Pick<ServiceWorkerRegistration, 'scope' | 'showNotification' | 'getNotifications'>;
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WindowClient[]>;
    openWindow(url: string): Promise<unknown>;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  addEventListener(name: string, listener: (event: any) => void): void;
}

interface PushEvent {
  data: { json(): unknown } | null;
  waitUntil(work: Promise<unknown>): void;
}

interface ClickEvent {
  notification: Notification;
  waitUntil(work: Promise<unknown>): void;
}

/** Handles pushes and clicks on their notifications. `service` is the address of AllyNet; by default that of the app. */
export function installPush(scope: ServiceWorkerScope, service?: string): void {
  const base = service ?? new URL(scope.registration.scope).origin;
  scope.addEventListener('push', (event: PushEvent) => event.waitUntil(handlePush(scope, event.data, base)));
  scope.addEventListener('notificationclick', (event: ClickEvent) => event.waitUntil(handleClick(scope, event.notification, base)));
}

/** Shows a push and confirms that it arrived. */
export async function handlePush(scope: ServiceWorkerScope, data: { json(): unknown } | null, service: string): Promise<void> {
  const payload = parse(data);
  if (!payload) {
    // Browsers end a subscription whose pushes show nothing.
    await scope.registration.showNotification('AllyNet', { body: '' });
    return;
  }
  await show(scope, payload);
  await sendReceipt(service, payload.receipt, 'delivered');
}

/** Opens the app where the notification leads to, and tells that a person has seen it. */
export async function handleClick(scope: ServiceWorkerScope, notification: Notification, service: string): Promise<void> {
  notification.close();
  const { receipt, navigate } = (notification.data ?? {}) as Partial<NotificationData>;
  await open(scope, navigate);
  if (receipt) await sendReceipt(service, receipt, 'seen');
}

/** Tells the service how far a push got. Tries twice: a phone that wakes up may not have a network yet. */
export async function sendReceipt(service: string, receipt: string, state: 'delivered' | 'seen'): Promise<void> {
  const send = () =>
    fetch(`${service.replace(/\/+$/, '')}/api/v1/alerts/receipts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ receipt, state }),
    });
  try {
    await send();
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await send().catch(() => undefined);
  }
}

/**
 * Shows the notification in place of the one about the same emergency, unless that is of a later event: pushes may overtake each
 * other, and an alert must not hide that the emergency has ended.
 */
async function show({ registration }: ServiceWorkerScope, payload: PushPayload): Promise<void> {
  const { kind, emergencyId, eventId, receipt, notification } = payload;
  const { title, body, tag, navigate } = notification;
  const shown = await registration.getNotifications({ tag });
  if (shown.some(({ data }) => isLater((data as Partial<NotificationData> | null)?.eventId, eventId))) return;
  const data: NotificationData = { kind, emergencyId, eventId, receipt, navigate };
  const isUrgent = kind === 'alert' || kind === 'check' || kind === 'unanswered';
  // `renotify` is not in the types: it sounds again although the tag is the same.
  const options = { body, tag, data, renotify: true, requireInteraction: isUrgent };
  await registration.showNotification(title, options);
}

function isLater(shown: number | null | undefined, arrived: number | null): boolean {
  return typeof shown === 'number' && arrived !== null && shown > arrived;
}

/** Brings a window of the app to the front, or opens one. Only pages of the app itself. */
async function open({ registration, clients }: ServiceWorkerScope, navigate: string | undefined): Promise<void> {
  const scope = new URL(registration.scope);
  let target = scope;
  try {
    const url = new URL(navigate ?? '', scope);
    if (url.origin === scope.origin) target = url;
  } catch {
    // The start page.
  }
  const windows = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  const same = windows.find(({ url }) => url === target.href);
  if (same) return void (await same.focus());
  const [any] = windows;
  if (!any?.navigate) return void (await clients.openWindow(target.href));
  await any.focus();
  // A window that the worker does not control cannot be led elsewhere.
  await any.navigate(target.href).catch(() => clients.openWindow(target.href));
}

function parse(data: { json(): unknown } | null): PushPayload | null {
  try {
    const payload = data?.json() as PushPayload | undefined;
    return typeof payload?.notification?.title === 'string' ? payload : null;
  } catch {
    return null;
  }
}
