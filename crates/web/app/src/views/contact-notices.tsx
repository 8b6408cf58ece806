/** How far the owner's emergency contacts were told. */

import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { Contact } from '@allynet/client';
import { t } from '../i18n/index.js';
import { ally } from '../state/ally.js';
import type { NoticeState } from '../state/room.js';
import { Card } from './fields.js';

export function Contacts({ states }: { states: ReadonlyMap<string, NoticeState> }) {
  const contacts = useSignal<readonly Contact[]>([]);
  useEffect(() => {
    ally.account.contacts().then(
      (found) => (contacts.value = found),
      () => undefined,
    );
  }, []);
  const told = contacts.value.filter(({ id }) => states.has(id));
  if (told.length === 0) return null;
  return (
    <Card title={t('own.contacts')}>
      <ul class="list" aria-live="polite">
        {told.map(({ id, name }) => (
          <li key={id} class="person">
            <b class="grow" dir="auto">
              {name}
            </b>
            <span>{t(`contact.${states.get(id) ?? 'queued'}`)}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
