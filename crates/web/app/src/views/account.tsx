/** The account: profile, emergency contacts, appearance, logging out. */

import { LANGUAGES, language, setLanguage, t, type Language } from '../i18n/index.js';
import { ally } from '../state/ally.js';
import { setTheme, theme, THEMES } from '../state/appearance.js';
import { attempt } from '../state/notices.js';
import { setUser, user } from '../state/session.js';
import { EmergencyContacts } from './contacts.js';
import { Form } from './account/form.js';
import { Card, Field, Select } from './fields.js';
import { lazy } from './lazy.js';

const AccountAccess = lazy(() => import('./account/index.js').then((module) => module.AccountAccess));
const AccountData = lazy(() => import('./account/index.js').then((module) => module.AccountData));

export function Account() {
  return (
    <div class="columns">
      <div>
        <h1>{t('account.title')}</h1>
        <Profile />
        <Appearance />
        <AccountAccess />
      </div>
      <div>
        <EmergencyContacts />
        <AccountData />
        <button onClick={() => void attempt(() => ally.logout())}>{t('auth.logout')}</button>
      </div>
    </div>
  );
}

function Profile() {
  const account = user.value;
  if (!account) return null;
  const { firstName, lastName, phone } = account.profile;
  return (
    <Form
      title={t('account.profile')}
      button={t('common.save')}
      done={t('common.saved')}
      send={async ({ firstName: first = '', lastName: last = '', phone: number = '' }) =>
        setUser(await ally.account.update({ firstName: first, lastName: last.trim() || null, phone: number.trim() || null }))
      }
    >
      {(problems) => (
        <>
          <p class="hint">{account.email}</p>
          <Field label={t('account.firstName')} name="firstName" value={firstName} autoComplete="given-name" required maxLength={80} problem={problems['firstName']} />
          <Field label={t('account.lastName')} name="lastName" value={lastName ?? ''} autoComplete="family-name" maxLength={80} problem={problems['lastName']} />
          <Field label={t('auth.phone')} name="phone" type="tel" value={phone ?? ''} autoComplete="tel" problem={problems['phone']} />
        </>
      )}
    </Form>
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
