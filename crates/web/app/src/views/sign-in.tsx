/** Log in, create an account, or ask for a new password. The emergency number is there before anybody signs in. */

import { useState } from 'preact/hooks';
import { AuthenticationError, ConflictError } from '@allynet/client';
import { t, type Key } from '../i18n/index.js';
import { ally } from '../state/ally.js';
import { config } from '../state/config.js';
import { failureText } from '../state/notices.js';
import { hasLive, isSilent } from '../state/owner.js';
import { isPressed, oldCall } from '../state/press.js';
import { setUser, signedOutReason } from '../state/session.js';
import { Field, valuesOf } from './fields.js';
import { CallLink } from './frame.js';
import { SignedOutSos } from './signed-out-sos.js';

type Mode = 'login' | 'register' | 'forgot';

const TITLES: Record<Mode, Key> = { login: 'auth.login', register: 'auth.register', forgot: 'auth.forgot' };

export function SignIn() {
  const [mode, setMode] = useState<Mode>('login');
  const isWaiting = isPressed() || oldCall.value !== null || hasLive.value;
  return (
    <div class="sign-in" data-quiet={isSilent.value ? '' : undefined}>
      <header class="top">
        <span class="brand">
          <img src="/app/icon.svg" alt="" width="28" height="28" />
          {isSilent.value ? t('own.neutralTitle') : 'AllyNet'}
        </span>
        <CallLink />
      </header>
      <main id="main">
        {isWaiting ? <SignedOutSos /> : <Welcome />}
        {!isWaiting && signedOutReason.value === 'session_ended' && <p role="status">{t('auth.ended')}</p>}
        <Form key={mode} mode={mode} />
        <div class="row">
          {mode !== 'login' && <ModeButton mode="login" onChoose={setMode} />}
          {mode !== 'register' && <ModeButton mode="register" onChoose={setMode} />}
          {mode === 'login' && <ModeButton mode="forgot" onChoose={setMode} />}
        </div>
        <p class="hint center">{t('call.reminder', { number: config.value.emergencyNumber })}</p>
      </main>
    </div>
  );
}

function Welcome() {
  return (
    <div class="welcome">
      <img src="/app/icon.svg" alt="" width="72" height="72" />
      <h1>{t('auth.welcome')}</h1>
      <p>{t('auth.intro')}</p>
    </div>
  );
}

function ModeButton({ mode, onChoose }: { mode: Mode; onChoose: (mode: Mode) => void }) {
  return (
    <button class="plain" onClick={() => onChoose(mode)}>
      {t(TITLES[mode])}
    </button>
  );
}

function Form({ mode }: { mode: Mode }) {
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [isSent, setSent] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const values = valuesOf(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem('');
    try {
      if (await send(mode, values)) setSent(true);
    } catch (error) {
      setProblem(problemText(error));
    }
    setBusy(false);
  };
  if (mode === 'forgot' && !config.value.mail) return <p class="card">{t('auth.noMail')}</p>;
  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <h2>{t(TITLES[mode])}</h2>
      {mode === 'register' && <Field label={t('auth.name')} name="name" autoComplete="name" required maxLength={80} />}
      {mode === 'forgot' && <p>{t('auth.forgotIntro')}</p>}
      <Field label={t('auth.email')} name="email" type="email" autoComplete="username" required />
      {mode === 'register' && <Field label={t('auth.phone')} name="phone" type="tel" autoComplete="tel" />}
      {mode !== 'forgot' && <PasswordField isNew={mode === 'register'} />}
      <p class="problem" role="alert">
        {problem}
      </p>
      {isSent && <p role="status">{t('auth.forgotSent')}</p>}
      <button class="primary" disabled={isBusy}>
        {t(mode === 'forgot' ? 'auth.forgotSend' : TITLES[mode])}
      </button>
    </form>
  );
}

function PasswordField({ isNew }: { isNew: boolean }) {
  const more = isNew ? { minLength: 8, hint: t('auth.passwordHint') } : {};
  return (
    <Field
      label={t('auth.password')}
      name="password"
      type="password"
      autoComplete={isNew ? 'new-password' : 'current-password'}
      required
      {...more}
    />
  );
}

/** Whether there is something to wait for: a link by email. */
async function send(mode: Mode, { email = '', password = '', name = '', phone = '' }: Record<string, string>): Promise<boolean> {
  if (mode === 'forgot') {
    await ally.account.forgotPassword(email);
    return true;
  }
  const account = mode === 'login' ? ally.login(email, password) : ally.register({ email, password, name, phone: phone.trim() || null });
  setUser(await account);
  return false;
}

function problemText(error: unknown): string {
  if (error instanceof AuthenticationError) return t('auth.wrong');
  if (error instanceof ConflictError && error.reason === 'email_taken') return t('auth.taken');
  return failureText(error);
}
