/** The address of the page as a signal, and links that change it without loading the page again. */

import { signal } from '@preact/signals';
import { pathOf, routeOf, type Route } from '../logic/route.js';

export const route = signal<Route>(routeOf(location.pathname));

/** Goes to a screen. `replace` leaves no entry in the history. */
export function go(to: Route, { replace = false } = {}): void {
  const path = pathOf(to);
  if (path !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', path);
  route.value = to;
  window.scrollTo(0, 0);
}

export function startNavigation(): void {
  addEventListener('popstate', () => (route.value = routeOf(location.pathname)));
}

/** For links: goes to the screen, unless the person wants it in another tab. */
export function followLink(event: MouseEvent, to: Route): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  go(to);
}
