/** Where the person is: how well it is known, and setting it on the map. */

import type { ComponentChildren } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { ageText, distanceText, t } from '../i18n/index.js';
import { direction, distance, moved, rowOf, squareIn, type Point } from '../logic/geometry.js';
import { isEnough, zoomFor, type Place } from '../logic/place.js';
import { followDevice, isDoubtful, isManual, ownPlaces, place, placeProblem, setPlace } from '../state/place.js';
import { Card } from './fields.js';
import { MapView, type MapPoint } from './map.js';
import { useNow } from './now.js';

/** Where the map begins when nothing is known. */
const ANYWHERE: Point = { latitude: 51, longitude: 10 };
/** The least zoom at which a place is good enough for helpers: a screen shows some streets. */
const STREET_ZOOM = 14;
/** Where a known place is shown with the streets around it. */
const ZOOM_AT_KNOWN = 16;
/** Metres. A map whose size changes moves by less than this, although nobody has moved it. */
const MIN_MOVE = 10;

export function PlaceCard({ children }: { children?: ComponentChildren }) {
  const [isPicking, setPicking] = useState(false);
  const problem = placeProblem.value;
  return (
    <Card title={t('place.title')}>
      <p>
        <PlaceText />
      </p>
      {problem && !isManual.value && <p class="hint">{t(`place.${problem}`)}</p>}
      {isDoubtful.value && <p role="status">{t('place.doubtful')}</p>}
      {isPicking ? (
        <PlacePicker
          onPick={(point) => {
            setPlace(point);
            setPicking(false);
          }}
          onClose={() => setPicking(false)}
        />
      ) : (
        <div class="row">
          {isDoubtful.value && (
            <button class="primary" onClick={() => place.value && setPlace(place.value)}>
              {t('place.holds')}
            </button>
          )}
          <button onClick={() => setPicking(true)}>{t('place.set')}</button>
          {isManual.value && window.isSecureContext && <button onClick={followDevice}>{t('place.follow')}</button>}
        </div>
      )}
      {children}
    </Card>
  );
}

function PlaceText() {
  const now = useNow(10_000);
  const known = place.value;
  if (!known) return <>{t(placeProblem.value ? 'place.none' : 'place.locating')}</>;
  const age = ageText(now - known.at);
  if (isManual.value) return <>{t('place.manual', { age })}</>;
  const accuracy = t('place.accuracy', { distance: distanceText(Math.max(10, known.accuracy ?? 0)) });
  return (
    <>
      {accuracy}, {t('place.age', { age })}
    </>
  );
}

interface PickerProps {
  onPick: (point: Point) => void;
  onClose: () => void;
}

/**
 * A map with a cross in its middle: dragged, or moved by buttons that say how far. What it shows at first is no place that somebody
 * chose, unless the place is known well.
 */
export function PlacePicker({ onPick, onClose }: PickerProps) {
  const start = useRef(place.value).current;
  const zoomAtStart = start ? zoomFor(start) : 5;
  const [picked, setPicked] = useState<Point | null>(start && isEnough(start, Date.now()) ? start : null);
  const [{ centre, zoom }, setView] = useState({ centre: start ?? ANYWHERE, zoom: zoomAtStart });
  const [goal, setGoal] = useState<(Point & { zoom?: number }) | null>(null);
  const move = (point: Point, zoomedTo: number) => {
    setView({ centre: point, zoom: zoomedTo });
    if (zoomedTo < STREET_ZOOM) return setPicked(null);
    if (picked || zoomedTo !== zoomAtStart || !start || distance(point, start) > MIN_MOVE) setPicked(point);
  };
  const known = ownPlaces.value;
  const points = useMemo(
    () => known.map((each): MapPoint => ({ ...each, id: `${each.at}`, kind: 'me', label: knownText(each) })),
    [known],
  );
  return (
    <div class="picker">
      <p class="hint">{t('place.setHint')}</p>
      {known.length > 0 && (
        <div class="chips" role="group" aria-label={t('place.known')}>
          {known.map((each) => (
            <button key={each.at} type="button" class="chip" onClick={() => setGoal({ ...each, zoom: ZOOM_AT_KNOWN })}>
              {knownText(each)}
            </button>
          ))}
        </div>
      )}
      <MapView centre={start ?? ANYWHERE} zoom={zoomAtStart} points={points} goal={goal} hasCross onMove={move} />
      <Steps metres={squareIn(rowOf(centre.latitude, zoom), zoom).metres} onStep={(north, east) => setGoal(moved(centre, north, east))} />
      <p role="status">
        {zoom < STREET_ZOOM ? t('place.zoomIn') : <Where at={centre} known={known} />}
      </p>
      <div class="row">
        <button class="primary" disabled={!picked} onClick={() => picked && onPick(picked)}>
          {t('place.use')}
        </button>
        <button onClick={onClose}>{t('common.cancel')}</button>
      </div>
    </div>
  );
}

/** Buttons that move the map by one square of its grid. */
function Steps({ metres, onStep }: { metres: number; onStep: (north: number, east: number) => void }) {
  const steps = [
    ['←', 'w', 0, -1],
    ['↑', 'n', 1, 0],
    ['↓', 's', -1, 0],
    ['→', 'e', 0, 1],
  ] as const;
  return (
    <div class="steps" role="group" dir="ltr" aria-label={t('place.move')}>
      {steps.map(([arrow, to, north, east]) => (
        <button key={to} type="button" aria-label={`${distanceText(metres)} ${t(`direction.${to}`)}`} onClick={() => onStep(north * metres, east * metres)}>
          <span aria-hidden="true">{arrow}</span>
          {distanceText(metres)}
        </button>
      ))}
    </div>
  );
}

/** How far the middle of the map is from the nearest place that the person knows. */
function Where({ at, known }: { at: Point; known: readonly Place[] }) {
  const [nearest] = [...known].sort((a, b) => distance(a, at) - distance(b, at));
  if (!nearest) return null;
  const far = distance(nearest, at);
  if (far < MIN_MOVE) return <>{knownText(nearest)}</>;
  const away = { distance: distanceText(far), direction: t(`direction.${direction(nearest, at)}`) };
  return <>{t('place.from', { ...away, age: ageText(Date.now() - nearest.at) })}</>;
}

const knownText = ({ at }: Place) => t('place.wasHere', { age: ageText(Date.now() - at) });
