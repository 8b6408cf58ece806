/** The people who are written to when the owner sends an SOS. */

import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { Contact } from '@allynet/client';
import { t } from '../i18n/index.js';
import { ally } from '../state/ally.js';
import { attempt } from '../state/notices.js';
import { Card, Field, valuesOf } from './fields.js';

const MAX_CONTACTS = 10;

export function EmergencyContacts() {
  const contacts = useSignal<readonly Contact[]>([]);
  useEffect(() => {
    ally.account.contacts().then(
      (found) => (contacts.value = found),
      () => undefined,
    );
  }, []);
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const { name = '', email = '', livesWithOwner } = valuesOf(form);
    const body = { name, email, livesWithOwner: livesWithOwner !== undefined, order: contacts.value.length };
    void attempt(async () => {
      contacts.value = [...contacts.value, await ally.account.addContact(body)];
      form.reset();
    });
  };
  const remove = (id: string) =>
    attempt(async () => {
      await ally.account.removeContact(id);
      contacts.value = contacts.value.filter((each) => each.id !== id);
    });
  return (
    <Card title={t('account.contacts')}>
      <p class="hint">{t('account.contactsHint')}</p>
      <ul class="list" aria-live="polite">
        {contacts.value.length === 0 && <li class="hint">{t('account.noContacts')}</li>}
        {contacts.value.map(({ id, name, email, state }) => (
          <li key={id} class="person">
            <span class="grow">
              <b dir="auto">{name}</b>
              <small class="hint">
                {email} · {t(`account.contact.${state}`)}
              </small>
            </span>
            <button aria-label={`${t('common.remove')}: ${name}`} onClick={() => void remove(id)}>
              {t('common.remove')}
            </button>
          </li>
        ))}
      </ul>
      {contacts.value.length < MAX_CONTACTS && (
        <form class="stack" onSubmit={add}>
          <Field label={t('account.contactName')} name="name" required maxLength={80} />
          <Field label={t('account.contactEmail')} name="email" type="email" required />
          <label class="check">
            <input type="checkbox" name="livesWithOwner" /> {t('account.contactHome')}
          </label>
          <button>{t('common.add')}</button>
        </form>
      )}
    </Card>
  );
}
