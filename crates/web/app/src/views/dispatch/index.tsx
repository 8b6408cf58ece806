/** The dispatcher's screen: the list, the map, and the chosen emergency. */

import { useEffect, useMemo } from 'preact/hooks';
import { t } from '../../i18n/index.js';
import { isUnanswered } from '../../logic/board.js';
import { coming, isLive } from '../../logic/emergency.js';
import { choose } from '../../state/chosen.js';
import { announcement, board, coverage, follows, hasSound, places, presence, shown, switchSound, watch } from '../../state/dispatcher.js';
import { go } from '../../state/navigation.js';
import { resources } from '../../state/resources.js';
import { canSound } from '../../state/sound.js';
import { MapView, type Area, type MapPoint } from '../map.js';
import { resourcePoints } from '../resources.js';
import { Detail } from './detail.js';
import { press } from './keys.js';
import { EmergencyList } from './list.js';
import { Verification } from './verification.js';

export function Dispatch({ emergencyId }: { emergencyId: string | null }) {
  useEffect(watch, []);
  useEffect(() => (emergencyId ? choose(emergencyId) : undefined), [emergencyId]);
  useEffect(() => {
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  const chosen = emergencyId ? board.value.get(emergencyId) : undefined;
  return (
    <div class="dispatch">
      <p class="visually-hidden" role="alert">
        {announcement.value}
      </p>
      <section class="dispatch-list">
        <Summary />
        <EmergencyList chosenId={emergencyId} />
      </section>
      <BoardMap />
      <section class="dispatch-detail" aria-label={t('dispatch.chosen')}>
        {chosen ? <Detail key={chosen.id} emergency={chosen} /> : <p class="empty">{t('dispatch.select')}</p>}
        <Verification />
      </section>
    </div>
  );
}

function Summary() {
  const [counts, cells] = [presence.value, coverage.value?.cells.length];
  return (
    <>
      <div class="dispatch-summary">
        <h1>{t('dispatch.title')}</h1>
        {counts && (
          <p class="hint">
            {t('dispatch.onDuty', { count: counts.onDuty })} · {t('dispatch.connected', { count: counts.connected })}
            {cells !== undefined && ` · ${t('dispatch.covered', { count: cells })}`}
          </p>
        )}
        <button class="chip" aria-pressed={hasSound.value} onClick={() => switchSound(!hasSound.value)}>
          {t('dispatch.sound')}
        </button>
      </div>
      <p class="hint dispatch-state" data-state={follows.value} role="status">
        {[follows.value === 'polling' && t('dispatch.polling'), hasSound.value && !canSound.value && t('dispatch.soundLocked')].filter(Boolean).join(' ')}
      </p>
    </>
  );
}

function BoardMap() {
  const [entries, helpers, covered] = [shown.value, places.value, coverage.value];
  const points = useMemo((): MapPoint[] => {
    const found: MapPoint[] = [];
    for (const entry of entries) {
      const kind = !isLive(entry.status) ? 'ended' : isUnanswered(entry) ? 'unanswered' : 'emergency';
      const { latitude, longitude } = entry.location;
      found.push({ id: entry.id, kind, label: t(`type.alert.${entry.type}`), latitude, longitude });
      if (entry.status !== 'responding') continue;
      for (const { helper, status } of coming(entry)) {
        const place = helpers.get(helper.id);
        if (place?.emergencyId !== entry.id || status === 'completed') continue;
        found.push({ id: helper.id, kind: 'helper', label: helper.profile.firstName, ...place.location });
      }
    }
    return [...found, ...resourcePoints()];
  }, [entries, helpers, resources.value]);
  const cells = useMemo((): Area[] => {
    if (!covered) return [];
    const most = [...covered.cells].sort((a, b) => (b.onDuty ?? 0) - (a.onDuty ?? 0));
    // One or two are not told apart, so that nobody is found by them.
    return most.map(({ latitude, longitude, onDuty }) => ({ kind: 'covered', side: covered.cell, latitude, longitude, text: onDuty === null ? '1–2' : `${onDuty}` }));
  }, [covered]);
  return <MapView points={points} cells={cells} isTall onChoose={(id) => board.peek().has(id) && go({ screen: 'dispatch', emergencyId: id })} />;
}
