/** The helpers of an emergency: who comes, what they say, and how far they are. */

import type { Emergency, Response } from '@allynet/client';
import { distanceText, t, timeText } from '../i18n/index.js';
import { coming } from '../logic/emergency.js';
import { direction, type Point } from '../logic/geometry.js';
import type { HelperPlace, Room } from '../state/room.js';
import { Card } from './fields.js';
import type { MapPoint } from './map.js';

export function HelpersList({ room, emergency }: { room: Room; emergency: Emergency }) {
  const helpers = coming(emergency);
  return (
    <Card title={t('helpers.title')}>
      <ul class="list" aria-live="polite">
        {helpers.length === 0 && <li class="hint">{t('helpers.none')}</li>}
        {helpers.map((response) => (
          <Helper key={response.helper.id} response={response} place={room.places.value.get(response.helper.id)} to={emergency.location} />
        ))}
      </ul>
    </Card>
  );
}

function Helper({ response, place, to }: { response: Response; place: HelperPlace | undefined; to: Point }) {
  const { helper, status, notes, role } = response;
  const eta = place?.estimatedArrival ?? response.estimatedArrival;
  const isUnderWay = status === 'responding' || status === 'on_way';
  return (
    <li class="person" data-status={status}>
      <span class="initials" aria-hidden="true">
        {helper.profile.firstName.slice(0, 1)}
      </span>
      <span class="grow">
        <b dir="auto">{nameOf(helper.profile)}</b>
        <small class="hint">
          {[role && taskText(role), ...(place && isUnderWay ? [t('helpers.away', { distance: distanceText(place.distance) }), t(`direction.${direction(to, place.location)}`)] : []), eta && isUnderWay && t('helpers.eta', { time: timeText(eta) }), notes]
            .filter(Boolean)
            .join(' · ')}
        </small>
      </span>
      <span class="badge" data-status={status}>
        {t(`status.${status}`)}
      </span>
    </li>
  );
}

export const taskText = (role: NonNullable<Response['role']>) => t('helpers.task', { task: t(`role.${role}`) });

export function nameOf({ firstName, lastName }: { firstName: string; lastName: string | null }): string {
  return [firstName, lastName].filter(Boolean).join(' ');
}

/** The emergency and its helpers, as points of a map. */
export function pointsOf(emergency: Emergency, places: ReadonlyMap<string, HelperPlace>, label: string): MapPoint[] {
  const { latitude, longitude, precision } = emergency.location;
  const helpers = coming(emergency).flatMap(({ helper, status }): MapPoint[] => {
    const place = places.get(helper.id);
    if (!place || status === 'completed') return [];
    return [{ id: helper.id, kind: 'helper', label: helper.profile.firstName, ...place.location }];
  });
  return [{ id: emergency.id, kind: 'emergency', label, latitude, longitude, precision }, ...helpers];
}
