/** Where the person is: how well it is known, and setting it on the map. */

import { useRef, useState } from 'preact/hooks';
import { ageText, distanceText, t } from '../i18n/index.js';
import { distance, type Point } from '../logic/geometry.js';
import { isEnough, zoomFor } from '../logic/place.js';
import { followDevice, isDoubtful, isManual, place, placeProblem, setPlace } from '../state/place.js';
import { Card } from './fields.js';
import { MapView } from './map.js';
import { useNow } from './now.js';

/** Where the map begins when nothing is known. */
const ANYWHERE: Point = { latitude: 51, longitude: 10 };
/** The least zoom at which a place is good enough for helpers: a screen shows some streets. */
const STREET_ZOOM = 14;
/** Metres. A map whose size changes moves by less than this, although nobody has moved it. */
const MIN_MOVE = 10;

export function PlaceCard() {
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

/** A map with a cross in its middle. What it shows at first is no place that somebody chose, unless the place is known well. */
export function PlacePicker({ onPick, onClose }: PickerProps) {
  const start = useRef(place.value).current;
  const zoomAtStart = start ? zoomFor(start) : 5;
  const [picked, setPicked] = useState<Point | null>(start && isEnough(start, Date.now()) ? start : null);
  const [zoom, setZoom] = useState(zoomAtStart);
  const move = (point: Point, zoomedTo: number) => {
    setZoom(zoomedTo);
    if (zoomedTo < STREET_ZOOM) return setPicked(null);
    if (picked || zoomedTo !== zoomAtStart || !start || distance(point, start) > MIN_MOVE) setPicked(point);
  };
  return (
    <div class="picker">
      <p class="hint">{t('place.setHint')}</p>
      <MapView
        centre={start ?? ANYWHERE}
        zoom={zoomAtStart}
        points={[]}
        hasCross
        onMove={move}
      />
      <p class="hint" role="status">
        {zoom < STREET_ZOOM && t('place.zoomIn')}
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
