/** One emergency: who, where, how far the alert got, who comes, and everything that happened. */

import { useState } from 'preact/hooks';
import type { TimelineEntry } from '@allynet/client';
import { t, timeText } from '../../i18n/index.js';
import type { BoardEntry } from '../../logic/board.js';
import { coming, isLive } from '../../logic/emergency.js';
import { end, timeline } from '../../state/chosen.js';
import { attempt } from '../../state/notices.js';
import { Card } from '../fields.js';
import { nameOf, taskText } from '../helpers-list.js';
import { Resources } from '../resources.js';
import { Block } from './block.js';
import { Deliveries } from './deliveries.js';
import { close } from './keys.js';

/** Entries that are drawn, the newest. */
const MAX_ENTRIES = 300;

export function Detail({ emergency }: { emergency: BoardEntry }) {
  const { id, type, status, createdAt, user, description, location, alerts, anonymousMode, repeats = 0 } = emergency;
  return (
    <>
      <section class="status" data-state={status === 'active' ? 'searching' : status === 'responding' ? 'coming' : 'ended'}>
        <p class="eyebrow">
          <span class="grow">
            {t(`emergency.${status}`)} · {timeText(createdAt)}
          </span>
          <button onClick={close}>{t('error.close')}</button>
        </p>
        <h2 tabIndex={-1}>{t(`type.alert.${type}`)}</h2>
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
        {repeats > 0 && <p>{t('dispatch.repeats', { count: repeats })}</p>}
        {alerts && (
          <p class="hint">
            {alerts.alerted} {t('own.alerted', { count: alerts.alerted })} · {alerts.delivered} {t('own.reached', { count: alerts.delivered })} ·{' '}
            {alerts.seen} {t('own.seen', { count: alerts.seen })}
          </p>
        )}
      </section>
      <Helpers emergency={emergency} />
      {isLive(status) && <Resources at={location} />}
      {isLive(status) && <End id={id} />}
      <Deliveries emergency={emergency} entries={timeline.value} />
      <Timeline entries={timeline.value} />
      {user?.id && <Block userId={user.id} name={nameOf(user.profile)} />}
    </>
  );
}

function Helpers({ emergency }: { emergency: BoardEntry }) {
  const helpers = coming(emergency);
  if (helpers.length === 0) return null;
  return (
    <Card title={t('helpers.title')}>
      <ul class="list" aria-live="polite">
        {helpers.map(({ helper, status, notes, role }) => (
          <li key={helper.id} class="person wrap">
            <span class="grow">
              <b dir="auto">{nameOf(helper.profile)}</b>
              {role && <small class="hint">{taskText(role)}</small>}
              {notes && (
                <small class="hint" dir="auto">
                  {notes}
                </small>
              )}
            </span>
            <span class="badge" data-status={status}>
              {t(`status.${status}`)}
            </span>
            <Block userId={helper.id} name={nameOf(helper.profile)} />
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

function Timeline({ entries }: { entries: readonly TimelineEntry[] }) {
  return (
    <Card title={t('dispatch.timeline')}>
      <ol class="timeline" tabIndex={0} aria-label={t('dispatch.timeline')}>
        {entries.slice(-MAX_ENTRIES).map(({ eventId, at, event, data }) => (
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
  const words = ['wave', 'alerted', 'radius', 'status', 'reason', 'resolutionType', 'count', 'channel', 'step', 'notes', 'state', 'role', 'stalled'];
  const parts = words.filter((word) => ['string', 'number', 'boolean'].includes(typeof data[word])).map((word) => `${word} ${String(data[word])}`);
  const { helper } = data as { helper?: { profile?: { firstName: string; lastName: string | null } } };
  if (helper?.profile) parts.unshift(nameOf(helper.profile));
  return parts.join(', ');
}
