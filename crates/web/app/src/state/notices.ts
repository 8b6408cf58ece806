/** Short messages at the edge of the screen: that something failed, or was saved. */

import { signal } from '@preact/signals';
import { AllyError, InputError, NetworkError } from '@allynet/client';
import { t } from '../i18n/index.js';

export interface Notice {
  id: number;
  kind: 'error' | 'done';
  text: string;
}

/** How long a notice that something was done is shown. Errors stay until they are closed. */
const DONE_TIME = 4_000;
const MAX_NOTICES = 3;

export const notices = signal<readonly Notice[]>([]);
let lastId = 0;

export function notify(kind: Notice['kind'], text: string): void {
  const id = (lastId += 1);
  const others = notices.value.filter((each) => each.text !== text);
  notices.value = [...others, { id, kind, text }].slice(-MAX_NOTICES);
  if (kind === 'done') setTimeout(() => dismiss(id), DONE_TIME);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((each) => each.id !== id);
}

/** What to tell a person about a failure. */
export function failureText(error: unknown): string {
  if (error instanceof NetworkError) return t('error.network');
  if (error instanceof InputError && error.details.length > 0) return error.details.map(({ message }) => message).join(' ');
  if (error instanceof AllyError) return error.message;
  return t('error.title');
}

/** Runs what a person asked for, and tells them if it fails. Whether it succeeded. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) notify('done', done);
    return true;
  } catch (error) {
    notify('error', failureText(error));
    return false;
  }
}
