/** What is read from the service when it is first shown, and said plainly where that fails. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n/index.js';
import { failureText } from '../../state/notices.js';
import { isOnline } from '../../state/session.js';
import { Card } from '../fields.js';

interface LoadedProps<Item> {
  title: string;
  hint?: string;
  /** What to say where there is nothing. */
  none: string;
  load: () => Promise<readonly Item[]>;
  /** One item. `change` replaces the list that is shown. */
  item: (item: Item, change: (next: (items: readonly Item[]) => readonly Item[]) => void) => ComponentChildren;
  /** What follows the list. */
  after?: (items: readonly Item[], change: (next: (items: readonly Item[]) => readonly Item[]) => void) => ComponentChildren;
}

export function LoadedList<Item>({ title, hint, none, load, item, after }: LoadedProps<Item>) {
  const [items, setItems] = useState<readonly Item[] | null>(null);
  const [problem, setProblem] = useState('');
  const read = () => {
    setProblem('');
    load().then(setItems, (error: unknown) => setProblem(failureText(error)));
  };
  const isConnected = isOnline.value;
  // Without a network it is read when there is one again.
  useEffect(() => {
    if (items === null) read();
  }, [isConnected]);
  const change = (next: (before: readonly Item[]) => readonly Item[]) => setItems((before) => before && next(before));
  return (
    <Card title={title}>
      {hint && <p class="hint">{hint}</p>}
      {problem && (
        <div class="row" role="alert">
          <p class="problem grow">{problem}</p>
          <button onClick={read}>{t('account.again')}</button>
        </div>
      )}
      <ul class="list" aria-live="polite">
        {items === null && !problem && <li class="hint">{t('common.loading')}</li>}
        {items?.length === 0 && <li class="hint">{none}</li>}
        {items?.map((each) => item(each, change))}
      </ul>
      {items && after?.(items, change)}
    </Card>
  );
}
