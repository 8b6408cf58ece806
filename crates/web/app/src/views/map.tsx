/** A map. What it shows is always said in words beside it, so that it can be missed. Leaflet is loaded when one is shown. */

import { useEffect, useRef } from 'preact/hooks';
import { distanceText, t } from '../i18n/index.js';
import type { Point } from '../logic/geometry.js';
import type { Area } from '../map/areas.js';
import type { LeafletMap, MapPoint } from '../map/leaflet-map.js';
import { config } from '../state/config.js';
import { partIsMissing } from '../state/updates.js';

export type { Area } from '../map/areas.js';
export type { MapPoint } from '../map/leaflet-map.js';

interface MapProps {
  points: readonly MapPoint[];
  /** Squares below the points. */
  cells?: readonly Area[];
  /** Where the map begins; otherwise it shows all points. */
  centre?: Point;
  zoom?: number;
  /** Where the map is to go, with its least zoom. */
  goal?: (Point & { zoom?: number }) | null;
  hasCross?: boolean;
  isTall?: boolean;
  onMove?: (centre: Point, zoom: number) => void;
  onChoose?: (id: string) => void;
}

export function MapView({ points, cells, centre, zoom = 15, goal, hasCross, isTall, onMove, onChoose }: MapProps) {
  const element = useRef<HTMLDivElement>(null);
  const map = useRef<LeafletMap | null>(null);
  const present = useRef({ points, cells, onMove, onChoose });
  present.current = { points, cells, onMove, onChoose };

  useEffect(() => {
    let isGone = false;
    void import('../map/leaflet-map.js').then(
      ({ LeafletMap }) => {
        if (isGone || !element.current) return;
        const texts = { zoomIn: t('map.zoomIn'), zoomOut: t('map.zoomOut'), fit: t('map.fit'), distance: distanceText };
        map.current = new LeafletMap(element.current, {
          tiles: config.value.mapTiles,
          texts,
          start: centre ? { ...centre, zoom } : null,
          onMove: (point, zoom) => present.current.onMove?.(point, zoom),
          onChoose: (id) => present.current.onChoose?.(id),
        });
        map.current.show(present.current.points, present.current.cells);
      },
      // Without a network the map may be missing.
      partIsMissing,
    );
    return () => {
      isGone = true;
      map.current?.remove();
      map.current = null;
    };
  }, []);
  useEffect(() => map.current?.show(points, cells), [points, cells]);
  useEffect(() => void (goal && map.current?.goTo(goal, goal.zoom)), [goal]);

  return (
    <div class="map-box" data-cross={hasCross ? '' : undefined} data-tall={isTall ? '' : undefined}>
      <div ref={element} class="map" role="region" aria-label={t('map.label')} />
    </div>
  );
}
