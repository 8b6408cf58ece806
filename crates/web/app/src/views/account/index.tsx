/** What a person may do with their account: end sessions, lift blocks, see who read what, take everything along, delete it. */

import { ConflictError, NotFoundError, PermissionError, type AccessEntry, type Block, type SessionOverview } from '@allynet/client';
import { hasText, t, timeText } from '../../i18n/index.js';
import { programName } from '../../logic/program.js';
import { ally } from '../../state/ally.js';
import { attempt } from '../../state/notices.js';
import { forgetUser, signedOutReason } from '../../state/session.js';
import { Card, Field } from '../fields.js';
import { Form, type Problems } from './form.js';
import { LoadedList } from './loaded.js';

/** Who can use the account. */
export function AccountAccess() {
  return (
    <>
      <Password />
      <Sessions />
    </>
  );
}

/** What is stored, and who saw it. */
export function AccountData() {
  return (
    <>
      <Blocks />
      <AccessLog />
      <Export />
      <Deletion />
    </>
  );
}

function Password() {
  return (
    <Form
      title={t('account.password')}
      button={t('account.passwordChange')}
      done={t('account.passwordChanged')}
      send={({ currentPassword = '', newPassword = '' }) => ally.account.changePassword(currentPassword, newPassword)}
      explain={(error) => wrongPassword(error, 'currentPassword')}
    >
      {(problems) => (
        <>
          <p class="hint">{t('account.passwordHint')}</p>
          <Field
            label={t('account.passwordNow')}
            name="currentPassword"
            type="password"
            autoComplete="current-password"
            required
            problem={problems['currentPassword']}
          />
          <Field
            label={t('account.passwordNew')}
            name="newPassword"
            type="password"
            autoComplete="new-password"
            required
            hint={t('auth.passwordHint')}
            problem={problems['newPassword']}
          />
        </>
      )}
    </Form>
  );
}

function Sessions() {
  const end = async (sessions: readonly SessionOverview[], change: (next: (before: readonly SessionOverview[]) => readonly SessionOverview[]) => void) => {
    for (const { id } of sessions) {
      if (!(await attempt(() => ally.account.endSession(id).catch(passIfGone)))) return;
      change((before) => before.filter((each) => each.id !== id));
    }
  };
  return (
    <LoadedList<SessionOverview>
      title={t('account.sessions')}
      hint={t('account.sessionsHint')}
      none={t('account.noSessions')}
      load={ally.account.sessions}
      item={(session, change) => {
        const name = programName(session.userAgent) ?? t('account.unknownProgram');
        return (
          <li key={session.id} class="person">
            <span class="grow">
              <b dir="auto">{name}</b>
              <small class="hint">
                {t('account.sessionSince', { since: timeText(session.createdAt), used: timeText(session.lastUsedAt) })}
              </small>
            </span>
            {session.current ? (
              <span class="badge">{t('account.thisSession')}</span>
            ) : (
              <button aria-label={`${t('account.sessionEnd')}: ${name}, ${timeText(session.createdAt)}`} onClick={() => void end([session], change)}>
                {t('account.sessionEnd')}
              </button>
            )}
          </li>
        );
      }}
      after={(sessions, change) => {
        const others = sessions.filter(({ current }) => !current);
        return others.length > 1 && <button onClick={() => void end(others, change)}>{t('account.sessionsEnd')}</button>;
      }}
    />
  );
}

/** What has ended meanwhile needs no end. */
function passIfGone(error: unknown): void {
  if (!(error instanceof NotFoundError)) throw error;
}

function Blocks() {
  return (
    <LoadedList<Block>
      title={t('account.blocks')}
      hint={t('account.blocksHint')}
      none={t('account.noBlocks')}
      load={ally.account.blocks}
      item={({ id, email, userId, createdAt }, change) => {
        const name = email ?? t('account.blockedUser', { id: (userId ?? id).slice(-4) });
        const lift = async () => {
          if (await attempt(() => ally.account.unblock(userId ?? id), t('account.unblocked'))) change((before) => before.filter((each) => each.id !== id));
        };
        return (
          <li key={id} class="person">
            <span class="grow">
              <b dir="auto">{name}</b>
              <small class="hint">{timeText(createdAt)}</small>
            </span>
            <button aria-label={`${t('account.unblock')}: ${name}`} onClick={() => void lift()}>
              {t('account.unblock')}
            </button>
          </li>
        );
      }}
    />
  );
}

function AccessLog() {
  return (
    <LoadedList<AccessEntry>
      title={t('account.access')}
      hint={t('account.accessHint')}
      none={t('account.noAccess')}
      load={ally.account.accessLog}
      item={({ at, emergencyId, what }) => {
        const key = `account.access.${what}`;
        return (
          <li key={`${at} ${emergencyId} ${what}`} class="person">
            <span class="grow">
              {hasText(key) ? t(key) : what}
              <small class="hint">
                <time dateTime={at}>{timeText(at)}</time>
              </small>
            </span>
          </li>
        );
      }}
    />
  );
}

function Export() {
  const save = async () => {
    const stored = await ally.account.exportAccount();
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(stored, null, 2)], { type: 'application/json' }));
    link.download = `allynet-${new Date().toISOString().slice(0, 10)}.json`;
    link.click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return (
    <Card title={t('account.export')}>
      <p class="hint">{t('account.exportHint')}</p>
      <button onClick={() => void attempt(save, t('account.exported'))}>{t('account.exportSave')}</button>
    </Card>
  );
}

function Deletion() {
  const remove = async (password: string) => {
    await ally.account.deleteAccount(password);
    await ally.logout();
    forgetUser();
    // It was asked for: it did not end by itself.
    signedOutReason.value = 'logged_out';
  };
  return (
    <Form
      title={t('account.delete')}
      button={t('account.deleteNow')}
      isDangerous
      done={t('account.deleted')}
      send={({ password = '' }) => remove(password)}
      explain={(error) => wrongPassword(error, 'password') ?? deletionRefused(error)}
    >
      {(problems) => (
        <>
          <p>{t('account.deleteHint')}</p>
          <ul class="points">
            <li>{t('account.deleteGoes')}</li>
            <li>{t('account.deleteStays')}</li>
            <li>{t('account.deleteFirst')}</li>
          </ul>
          <Field label={t('account.passwordConfirm')} name="password" type="password" autoComplete="current-password" required problem={problems['password']} />
        </>
      )}
    </Form>
  );
}

function wrongPassword(error: unknown, field: string): Problems | null {
  return error instanceof PermissionError && error.reason === 'invalid_credentials' ? { [field]: t('account.passwordWrong') } : null;
}

function deletionRefused(error: unknown): Problems | null {
  if (!(error instanceof ConflictError)) return null;
  const key = `account.deleteRefused.${error.reason}`;
  return hasText(key) ? { '': t(key) } : null;
}
