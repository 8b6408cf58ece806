/** The account: profile, emergency contacts, appearance, logging out. */

import { LANGUAGES, language, setLanguage, t, type Language } from '../i18n/index.js';
import { ally } from '../state/ally.js';
import { setTheme, theme, THEMES } from '../state/appearance.js';
import { attempt } from '../state/notices.js';
import { setUser, user } from '../state/session.js';
import { EmergencyContacts } from './contacts.js';
import { Card, Field, Select, valuesOf } from './fields.js';

export function Account() {
  return (
    <div class="columns">
      <div>
        <h1>{t('account.title')}</h1>
        <Profile />
        <Appearance />
      </div>
      <div>
        <EmergencyContacts />
        <button onClick={() => void attempt(() => ally.logout())}>{t('auth.logout')}</button>
      </div>
    </div>
  );
}

function Profile() {
  const account = user.value;
  if (!account) return null;
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const { firstName = '', lastName = '', phone = '' } = valuesOf(event.currentTarget as HTMLFormElement);
    const change = { firstName, lastName: lastName.trim() || null, phone: phone.trim() || null };
    void attempt(async () => setUser(await ally.account.update(change)), t('common.saved'));
  };
  const { firstName, lastName, phone } = account.profile;
  return (
    <form class="card" onSubmit={save}>
      <h2>{t('account.profile')}</h2>
      <p class="hint">{account.email}</p>
      <Field label={t('account.firstName')} name="firstName" value={firstName} autoComplete="given-name" required maxLength={80} />
      <Field label={t('account.lastName')} name="lastName" value={lastName ?? ''} autoComplete="family-name" maxLength={80} />
      <Field label={t('auth.phone')} name="phone" type="tel" value={phone ?? ''} autoComplete="tel" />
      <button class="primary">{t('common.save')}</button>
    </form>
  );
}

function Appearance() {
  const choose = (chosen: Language) => {
    setLanguage(chosen);
    // Emails and notifications come in this language too.
    void ally.account.update({ locale: chosen }).then(setUser, () => undefined);
  };
  return (
    <Card title={t('account.appearance')}>
      <Select
        label={t('account.language')}
        value={language.value}
        choices={Object.entries(LANGUAGES) as [Language, string][]}
        onChange={choose}
      />
      <Select
        label={t('account.theme')}
        value={theme.value}
        choices={THEMES.map((each) => [each, t(`account.theme.${each}`)] as const)}
        onChange={setTheme}
      />
    </Card>
  );
}
