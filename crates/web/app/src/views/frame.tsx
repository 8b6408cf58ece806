/** What is around every screen: the menu, the emergency number, and whether there is a connection. */

import type { ComponentChildren } from 'preact';
import { t, timeText, type Key } from '../i18n/index.js';
import { pathOf, type Route } from '../logic/route.js';
import { ally } from '../state/ally.js';
import { config } from '../state/config.js';
import { followLink, route } from '../state/navigation.js';
import { hasLive, isSilent } from '../state/owner.js';
import { isPressed, oldCall } from '../state/press.js';
import { connection, freshAt, isAdmin } from '../state/session.js';
import { hasUpdate } from '../state/updates.js';
import { Icon, type IconName } from './icons.js';

const ENTRIES: readonly { to: Route; icon: IconName; text: Key }[] = [
  { to: { screen: 'sos' }, icon: 'sos', text: 'nav.sos' },
  { to: { screen: 'help' }, icon: 'help', text: 'nav.help' },
  { to: { screen: 'dispatch', emergencyId: null }, icon: 'dispatch', text: 'nav.dispatch' },
  { to: { screen: 'account' }, icon: 'account', text: 'nav.account' },
];

export function Frame({ children }: { children: ComponentChildren }) {
  const isWide = route.value.screen === 'dispatch';
  return (
    <div class="frame" data-quiet={isSilent.value ? '' : undefined}>
      <a class="skip" href="#main">
        {t('nav.skip')}
      </a>
      <header class="top">
        <span class="brand">
          <img src="/app/icon.svg" alt="" width="28" height="28" />
          {isSilent.value ? t('own.neutralTitle') : 'AllyNet'}
        </span>
        <Menu />
        <CallLink />
      </header>
      <ConnectionBar />
      <main id="main" class={isWide ? 'wide' : ''} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Menu() {
  const screen = route.value.screen === 'emergency' ? 'help' : route.value.screen;
  const isSosOpen = hasLive.value || isPressed() || oldCall.value !== null;
  const entries = ENTRIES.filter(({ to }) => to.screen !== 'dispatch' || isAdmin.value);
  return (
    <nav class="menu" aria-label={t('nav.label')}>
      {entries.map(({ to, icon, text }) => (
        <a
          key={text}
          href={pathOf(to)}
          aria-current={to.screen === screen ? 'page' : undefined}
          onClick={(event) => followLink(event, to)}
          data-live={to.screen === 'sos' && isSosOpen ? '' : undefined}
        >
          <Icon name={icon} />
          {t(text)}
        </a>
      ))}
    </nav>
  );
}

/** The number of the emergency services, always in reach. */
export function CallLink() {
  const { emergencyNumber: number } = config.value;
  return (
    <a class="call" href={`tel:${number}`}>
      <Icon name="phone" />
      <span>{t('call.number', { number })}</span>
    </a>
  );
}

function ConnectionBar() {
  const state = connection.value;
  return (
    <div class="connection" role="status">
      {state.status === 'connecting' && (state.reason !== null || state.attempt > 1) && (
        <p>
          <Icon name="warning" />
          {t(state.reason === 'service' ? 'offline.service' : 'offline.network')}{' '}
          {freshAt.value !== null && t('offline.since', { time: timeText(freshAt.value) })}
        </p>
      )}
      {state.status === 'stopped' && <Stopped reason={state.reason} />}
      {hasUpdate.value && (
        <p>
          {t('update.there')}{' '}
          <button class="plain" onClick={() => location.reload()}>
            {t('update.reload')}
          </button>
        </p>
      )}
    </div>
  );
}

function Stopped({ reason }: { reason: string }) {
  if (reason === 'account_blocked' || reason === 'origin_not_allowed') return <p>{t(`stopped.${reason}`)}</p>;
  if (reason !== 'too_many_connections') return null;
  return (
    <p>
      {t('stopped.too_many_connections')}{' '}
      <button class="plain" onClick={() => void ally.connect().catch(() => undefined)}>
        {t('stopped.reconnect')}
      </button>
    </p>
  );
}
