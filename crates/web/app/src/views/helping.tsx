/** The emergency that the person helps: the next step in one large button, the way there, and messages. */

import { useMemo, useState } from 'preact/hooks';
import type { Emergency, ResponseStatus } from '@allynet/client';
import { distanceText, t } from '../i18n/index.js';
import { isLive } from '../logic/emergency.js';
import { direction, distance, navigationLink } from '../logic/geometry.js';
import { asked, closeHelped, helpingRoom, ownStatus, reopenHelped, resolveHelped, setStatus } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { place } from '../state/place.js';
import { isOnIos } from '../state/platform.js';
import { resources } from '../state/resources.js';
import { CallReminder } from './call-reminder.js';
import { Chat } from './chat.js';
import { Card } from './fields.js';
import { HelpersList, nameOf, pointsOf } from './helpers-list.js';
import { Icon } from './icons.js';
import { MapView, type MapPoint } from './map.js';
import { resourcePoints, Resources } from './resources.js';
import { Task } from './task.js';

const NEXT: Partial<Record<ResponseStatus, 'on_way' | 'arrived' | 'completed'>> = {
  responding: 'on_way',
  on_way: 'arrived',
  arrived: 'completed',
};

export function Helping({ emergency }: { emergency: Emergency }) {
  const name = emergency.user ? nameOf(emergency.user.profile) : t('helping.somebody');
  if (!isLive(emergency.status)) return <Over emergency={emergency} />;
  return (
    <div class="columns">
      <div>
        <section class="status" data-state="coming">
          <p class="eyebrow">{t(`type.alert.${emergency.type}`)}</p>
          <h1>{t('helping.title', { name })}</h1>
          <Way emergency={emergency} />
        </section>
        <Task emergency={emergency} />
        <Steps emergency={emergency} />
        <Said emergency={emergency} />
        <HelpersList room={helpingRoom} emergency={emergency} />
        <Resources at={emergency.location} />
      </div>
      <div>
        <HelpingMap emergency={emergency} name={name} />
        <Chat room={helpingRoom} />
        <End />
        <CallReminder />
      </div>
    </div>
  );
}

function Way({ emergency }: { emergency: Emergency }) {
  const { location } = emergency;
  const me = place.value;
  return (
    <>
      {me && (
        <p class="alert-distance">
          {t('alert.distance', { distance: distanceText(distance(me, location)) })} · {t(`direction.${direction(me, location)}`)}
        </p>
      )}
      <a class="button large" href={navigationLink(location, isOnIos)}>
        <Icon name="navigate" /> {t('helping.navigate')}
      </a>
    </>
  );
}

function Steps({ emergency }: { emergency: Emergency }) {
  const own = ownStatus(emergency);
  const next = own && NEXT[own];
  return (
    <section class="stack" aria-label={t('helping.next')}>
      {own && (
        <p role="status" class="center">
          {t(`status.${own}`)}
        </p>
      )}
      {own && asked.value === emergency.id && (
        <button class="primary huge" onClick={() => void attempt(() => setStatus(own))}>
          {t('helping.still')}
        </button>
      )}
      {next && (
        <button class="primary huge" onClick={() => void attempt(() => setStatus(next))}>
          {t(`helping.${next}`)}
        </button>
      )}
      {own && own !== 'completed' && (
        <button class="plain" onClick={() => void attempt(() => setStatus('cancelled'))}>
          {t('helping.cancel')}
        </button>
      )}
    </section>
  );
}

function Said({ emergency }: { emergency: Emergency }) {
  const { description, location } = emergency;
  const lines = [description, location.address, location.description].filter(Boolean);
  if (lines.length === 0) return null;
  return (
    <Card title={t('helping.description')}>
      {lines.map((line) => (
        <p key={line} dir="auto">
          {line}
        </p>
      ))}
    </Card>
  );
}

function HelpingMap({ emergency, name }: { emergency: Emergency; name: string }) {
  const places = helpingRoom.places.value;
  const me = place.value;
  const points = useMemo(() => {
    const all = pointsOf(emergency, places, name);
    const own: MapPoint[] = me ? [{ id: 'me', kind: 'me', label: t('map.you'), latitude: me.latitude, longitude: me.longitude }] : [];
    return [...all, ...own, ...resourcePoints()];
  }, [emergency, places, me, resources.value]);
  return <MapView points={points} />;
}

function End() {
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) return <button onClick={() => setAsking(true)}>{t('helping.resolve')}</button>;
  return (
    <Card title={t('helping.resolve')}>
      <p>{t('helping.resolveHint')}</p>
      <div class="row">
        <button class="primary" onClick={() => void attempt(resolveHelped)}>
          {t('helping.resolve')}
        </button>
        <button onClick={() => setAsking(false)}>{t('common.back')}</button>
      </div>
    </Card>
  );
}

function Over({ emergency }: { emergency: Emergency }) {
  return (
    <div class="narrow">
      <section class="status" role="status" data-state="ended">
        <h1>{t('helping.ended')}</h1>
      </section>
      {emergency.resolutionType === 'helper_resolved' && (
        <button onClick={() => void attempt(reopenHelped)}>{t('helping.reopen')}</button>
      )}
      <button class="primary" onClick={closeHelped}>
        {t('own.done')}
      </button>
    </div>
  );
}
