/** The dispatcher's screen: the list, the map, and the chosen emergency. */

import { useEffect, useMemo } from 'preact/hooks';
import { t } from '../../i18n/index.js';
import { isLive } from '../../logic/emergency.js';
import { isUnanswered } from '../../logic/board.js';
import { announcement, board, choose, hasSound, places, presence, shown, switchSound, watch } from '../../state/dispatcher.js';
import { go } from '../../state/navigation.js';
import { MapView, type MapPoint } from '../map.js';
import { Detail } from './detail.js';
import { EmergencyList } from './list.js';
import { Verification } from './verification.js';

export function Dispatch({ emergencyId }: { emergencyId: string | null }) {
  useEffect(watch, []);
  useEffect(() => void choose(emergencyId), [emergencyId]);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => press(event, emergencyId);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, [emergencyId]);
  const chosen = emergencyId ? board.value.get(emergencyId) : undefined;
  return (
    <div class="dispatch">
      <p class="visually-hidden" role="alert">
        {announcement.value}
      </p>
      <section class="dispatch-list">
        <Summary />
        <EmergencyList chosenId={emergencyId} />
        <p class="hint">{t('dispatch.keys')}</p>
      </section>
      <BoardMap />
      <section class="dispatch-detail">
        {chosen ? <Detail key={chosen.id} emergency={chosen} /> : <p class="empty">{t('dispatch.select')}</p>}
        <Verification />
      </section>
    </div>
  );
}

function Summary() {
  const counts = presence.value;
  return (
    <div class="dispatch-summary">
      <h1>{t('dispatch.title')}</h1>
      {counts && (
        <p class="hint">
          {t('dispatch.onDuty', { count: counts.onDuty })} · {t('dispatch.connected', { count: counts.connected })}
        </p>
      )}
      <button class="chip" aria-pressed={hasSound.value} onClick={() => switchSound(!hasSound.value)}>
        {t('dispatch.sound')}
      </button>
    </div>
  );
}

function BoardMap() {
  const entries = shown.value;
  const helpers = places.value;
  const points = useMemo((): MapPoint[] => {
    const emergencies = entries.map((entry): MapPoint => {
      const kind = !isLive(entry.status) ? 'ended' : isUnanswered(entry) ? 'unanswered' : 'emergency';
      const { latitude, longitude } = entry.location;
      return { id: entry.id, kind, label: t(`type.alert.${entry.type}`), latitude, longitude };
    });
    const onWay = [...helpers].filter(([, { emergencyId }]) => board.peek().get(emergencyId)?.status === 'responding');
    return [...emergencies, ...onWay.map(([id, { location }]): MapPoint => ({ id, kind: 'helper', label: '', ...location }))];
  }, [entries, helpers]);
  return <MapView points={points} isTall onChoose={(id) => board.peek().has(id) && go({ screen: 'dispatch', emergencyId: id })} />;
}

/** J and K go through the list, Escape closes, M switches the sound. Not while somebody types. */
function press(event: KeyboardEvent, chosenId: string | null): void {
  if ((event.target as Element).closest('input, select, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
  const entries = shown.peek();
  const index = entries.findIndex(({ id }) => id === chosenId);
  switch (event.key.toLowerCase()) {
    case 'j':
    case 'k': {
      const next = entries[event.key.toLowerCase() === 'j' ? Math.min(entries.length - 1, index + 1) : Math.max(0, index - 1)];
      if (next) go({ screen: 'dispatch', emergencyId: next.id }, { replace: true });
      break;
    }
    case 'escape':
      go({ screen: 'dispatch', emergencyId: null }, { replace: true });
      break;
    case 'm':
      switchSound(!hasSound.peek());
  }
}
