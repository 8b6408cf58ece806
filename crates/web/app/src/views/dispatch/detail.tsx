/** One emergency: who, where, how far the alert got, who comes, and everything that happened. */

import { useState } from 'preact/hooks';
import type { Emergency, TimelineEntry } from '@allynet/client';
import { t, timeText } from '../../i18n/index.js';
import { coming, isLive } from '../../logic/emergency.js';
import { ally } from '../../state/ally.js';
import { end, timeline } from '../../state/dispatcher.js';
import { attempt } from '../../state/notices.js';
import { Card } from '../fields.js';
import { nameOf } from '../helpers-list.js';

export function Detail({ emergency }: { emergency: Emergency }) {
  const { type, status, createdAt, user, description, location, alerts, anonymousMode } = emergency;
  return (
    <>
      <section class="status" data-state={status === 'active' ? 'searching' : status === 'responding' ? 'coming' : 'ended'}>
        <p class="eyebrow">
          {t(`emergency.${status}`)} · {timeText(createdAt)}
        </p>
        <h2>{t(`type.alert.${type}`)}</h2>
        {user && (
          <p dir="auto">
            {nameOf(user.profile)}
            {anonymousMode && ` (${t('dispatch.anonymous')})`}
          </p>
        )}
        {[description, location.address, location.description].filter(Boolean).map((line) => (
          <p key={line} dir="auto">
            {line}
          </p>
        ))}
        {alerts && (
          <p class="hint">
            {alerts.alerted} {t('own.alerted', { count: alerts.alerted })} · {alerts.delivered} {t('own.reached', { count: alerts.delivered })} ·{' '}
            {alerts.seen} {t('own.seen', { count: alerts.seen })}
          </p>
        )}
      </section>
      <Helpers emergency={emergency} />
      {isLive(status) && <End id={emergency.id} />}
      <Timeline entries={timeline.value} />
      {user?.id && <Block userId={user.id} name={nameOf(user.profile)} />}
    </>
  );
}

function Helpers({ emergency }: { emergency: Emergency }) {
  const helpers = coming(emergency);
  if (helpers.length === 0) return null;
  return (
    <Card title={t('helpers.title')}>
      <ul class="list" aria-live="polite">
        {helpers.map(({ helper, status }) => (
          <li key={helper.id} class="person">
            <b class="grow" dir="auto">
              {nameOf(helper.profile)}
            </b>
            <span class="badge" data-status={status}>
              {t(`status.${status}`)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function End({ id }: { id: string }) {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) return <button onClick={() => setAsking(true)}>{t('dispatch.resolve')}</button>;
  return (
    <div class="row">
      <button class="danger" onClick={() => void attempt(() => end(id))}>
        {t('dispatch.resolve')}
      </button>
      <button onClick={() => setAsking(false)}>{t('common.cancel')}</button>
    </div>
  );
}

function Block({ userId, name }: { userId: string; name: string }) {
  const [isBlocked, setBlocked] = useState(false);
  const change = async () => {
    if (await attempt(() => ally.admin.setBlocked(userId, !isBlocked))) setBlocked(!isBlocked);
  };
  return (
    <button class="plain" onClick={() => void change()}>
      {t(isBlocked ? 'dispatch.unblock' : 'dispatch.block')}: {name}
    </button>
  );
}

function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  return (
    <Card title={t('dispatch.timeline')}>
      <ol class="timeline">
        {entries.map(({ eventId, at, event, data }) => (
          <li key={`${eventId}-${event}`}>
            <time dateTime={at}>{timeText(at)}</time> <code>{event}</code> <span class="hint">{summary(data as Record<string, unknown>)}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** The plain values of an entry that say something to a person. */
function summary(data: Record<string, unknown>): string {
  const words = ['wave', 'alerted', 'radius', 'status', 'reason', 'resolutionType', 'count', 'channel', 'step', 'notes', 'state'];
  const parts = words.filter((word) => ['string', 'number'].includes(typeof data[word])).map((word) => `${word} ${String(data[word])}`);
  const { helper } = data as { helper?: { profile?: { firstName: string; lastName: string | null } } };
  if (helper?.profile) parts.unshift(nameOf(helper.profile));
  return parts.join(', ');
}
