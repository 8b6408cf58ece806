/** What this helper is asked to do: the task, the box to bring and what became of it, and whether they are needed. */

import { useEffect } from 'preact/hooks';
import type { Emergency, ResourceState } from '@allynet/client';
import { distanceText, t } from '../i18n/index.js';
import { direction, distance, navigationLink } from '../logic/geometry.js';
import { assigned, boxState, findBox, ownResponse, reportBox, unneeded } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { place } from '../state/place.js';
import { isOnIos } from '../state/platform.js';
import { resources } from '../state/resources.js';
import { isOnline } from '../state/session.js';
import { Card } from './fields.js';
import { Icon } from './icons.js';

/** What can be said of the box, after what was said before. */
const NEXT: Record<ResourceState | 'none', readonly ResourceState[]> = {
  none: ['collected', 'missing'],
  collected: ['delivered'],
  delivered: [],
  missing: [],
};

export function Task({ emergency }: { emergency: Emergency }) {
  const response = ownResponse(emergency);
  const role = response?.role;
  const isUnneeded = unneeded.value === emergency.id;
  if (!role && !isUnneeded) return null;
  return (
    <Card title={t('helping.task')}>
      <div class="stack">
        <div role="status">
          {isUnneeded && <p>{t('helping.unneeded')}</p>}
          {role && (
            <p>
              <b>{t(`role.${role}`)}</b>
            </p>
          )}
        </div>
        {response?.resourceId && <Box id={response.resourceId} emergency={emergency} />}
      </div>
    </Card>
  );
}

/** The box to bring. Nobody can say that it is missing who does not know where it should be. */
function Box({ id, emergency }: { id: string; emergency: Emergency }) {
  const box = [assigned.value, ...resources.value].find((each) => each?.id === id);
  const state = boxState(emergency) ?? 'none';
  const me = place.value;
  const isUnknown = !box && state === 'none';
  useEffect(() => {
    if (isUnknown && isOnline.value) void findBox(id, emergency.location);
  }, [id, isUnknown, isOnline.value]);
  return (
    <>
      {box && state === 'none' && (
        <>
          <p dir="auto">{[t(`resource.${box.kind}`), box.location.address, box.description].filter(Boolean).join(' · ')}</p>
          <a class="button" href={navigationLink(box.location, isOnIos)}>
            <Icon name="navigate" />
            {me ? `${distanceText(distance(me, box.location))} · ${t(`direction.${direction(me, box.location)}`)}` : t('helping.navigate')}
          </a>
        </>
      )}
      {state !== 'none' && <p>✓ {t(`box.${state}`)}</p>}
      {NEXT[state]
        .filter((next) => box || next !== 'missing')
        .map((next) => (
          <button key={next} class={next === 'missing' ? undefined : 'large'} onClick={() => void attempt(() => reportBox(emergency, next))}>
            {t(`box.${next}`)}
          </button>
        ))}
    </>
  );
}
