/** What lies ready around an emergency, in words and as points of its map. */

import { useEffect } from 'preact/hooks';
import { distanceText, t } from '../i18n/index.js';
import { direction, type Point } from '../logic/geometry.js';
import { resources, showResources } from '../state/resources.js';
import { Card } from './fields.js';
import type { MapPoint } from './map.js';

/** Those that are listed, the nearest. */
const MAX_LISTED = 5;

export function Resources({ at }: { at: Point }) {
  useEffect(() => showResources(at), [at.latitude, at.longitude]);
  if (resources.value.length === 0) return null;
  return (
    <Card title={t('resource.title')}>
      <ul class="list">
        {resources.value.slice(0, MAX_LISTED).map(({ id, kind, distance, location, description }) => (
          <li key={id} class="person">
            <span class="grow">
              <b>{t(`resource.${kind}`)}</b>
              <small class="hint" dir="auto">
                {[distanceText(distance), t(`direction.${direction(at, location)}`), location.address, description].filter(Boolean).join(' · ')}
              </small>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function resourcePoints(): MapPoint[] {
  return resources.value.map(({ id, kind, location: { latitude, longitude } }) => ({ id, kind: 'resource', label: t(`resource.${kind}`), latitude, longitude }));
}
