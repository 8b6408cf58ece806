/** The keys of the dispatcher's screen, and where the focus goes. */

import { signal } from '@preact/signals';
import { hasSound, shown, switchSound } from '../../state/dispatcher.js';
import { go, route } from '../../state/navigation.js';

/** The row that keys have moved to: the list scrolls there and gives it the focus. A new object each time. */
export const reached = signal<{ id: string } | null>(null);

const isOnly = '(max-width: 1099px)';

/**
 * J and K or the arrows go through the list, Enter goes on to the emergency, Escape closes it, M switches the sound. Not while
 * somebody types, and arrows not where they scroll or move the map.
 */
export function press(event: KeyboardEvent): void {
  const chosenId = chosen();
  const target = event.target as Element;
  if (target.closest('input, select, textarea, .alert') || event.ctrlKey || event.metaKey || event.altKey) return;
  const isFree = target === document.body || target.closest('.dispatch-list') !== null;
  switch (event.key.toLowerCase()) {
    case 'arrowdown':
    case 'arrowup':
      if (!isFree) return;
      event.preventDefault();
      return step(event.key === 'ArrowDown' ? 1 : -1, chosenId);
    case 'j':
      return step(1, chosenId);
    case 'k':
      return step(-1, chosenId);
    case 'enter':
      if (target === document.body && chosenId) showDetail(true);
      return;
    case 'escape':
      return close();
    case 'm':
      switchSound(!hasSound.peek());
  }
}

/** Opens the emergency of a row. Keys, and whoever has the detail below the list, go on there. */
export function open(id: string, isByKey: boolean): void {
  go({ screen: 'dispatch', emergencyId: id }, { replace: true });
  if (isByKey || matchMedia(isOnly).matches) showDetail(isByKey);
}

/** Goes back to the list. */
export function close(): void {
  const chosenId = chosen();
  if (!chosenId) return;
  go({ screen: 'dispatch', emergencyId: null }, { replace: true });
  reached.value = { id: chosenId };
}

/** As the address has it: keys come faster than the screen is drawn. */
function chosen(): string | null {
  const shown = route.peek();
  return shown.screen === 'dispatch' ? shown.emergencyId : null;
}

function step(by: number, chosenId: string | null): void {
  const entries = shown.peek();
  const index = entries.findIndex(({ id }) => id === chosenId);
  const next = entries[Math.max(0, Math.min(entries.length - 1, index + by))];
  if (!next) return;
  go({ screen: 'dispatch', emergencyId: next.id }, { replace: true });
  reached.value = { id: next.id };
}

function showDetail(hasFocus: boolean): void {
  // It is drawn first.
  requestAnimationFrame(() => {
    const heading = document.querySelector<HTMLElement>('.dispatch-detail h2');
    if (hasFocus) heading?.focus();
    heading?.scrollIntoView({ block: 'nearest' });
  });
}
