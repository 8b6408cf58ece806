/** An ended emergency of the owner: how it ended, undoing that, and thanks to the helpers. The SOS button stays beside it. */

import { useState } from 'preact/hooks';
import type { Emergency, ResolutionType } from '@allynet/client';
import { t, timeText, type Key } from '../i18n/index.js';
import { canReopen } from '../logic/emergency.js';
import { ally } from '../state/ally.js';
import { attempt } from '../state/notices.js';
import { closeOwn, reopenOwn } from '../state/owner.js';
import { Card } from './fields.js';
import { nameOf } from './helpers-list.js';
import { useNow } from './now.js';

const ENDS: Record<ResolutionType, Key> = {
  user_resolved: 'own.ended',
  helper_resolved: 'own.endedByHelper',
  admin_resolved: 'own.endedByAdmin',
  auto_expired: 'own.endedExpired',
};
const SCORES = [1, 2, 3, 4, 5];

export function OwnEnded({ emergency }: { emergency: Emergency }) {
  const now = useNow(5_000);
  const { status, resolutionType, resolvedAt } = emergency;
  const text = status === 'cancelled' ? 'own.cancelledAt' : ENDS[resolutionType ?? 'user_resolved'];
  return (
    <section class="status" role="status" data-state="ended">
      <h2>{t(text)}</h2>
      {resolvedAt && <p>{timeText(resolvedAt)}</p>}
      <div class="row">
        {canReopen(emergency, now) && (
          <button class="danger grow" onClick={() => void attempt(reopenOwn)}>
            {t('own.reopen')}
          </button>
        )}
        <button class="grow" onClick={closeOwn}>
          {t('own.done')}
        </button>
      </div>
    </section>
  );
}

/** Thanks to each helper who took part to the end. */
export function Ratings({ emergency }: { emergency: Emergency }) {
  if (emergency.status !== 'resolved') return null;
  const helped = emergency.respondingHelpers.filter(({ status }) => status !== 'cancelled');
  return (
    <>
      {helped.map(({ helper }) => (
        <Rating key={helper.id} emergencyId={emergency.id} helperId={helper.id} name={nameOf(helper.profile)} />
      ))}
    </>
  );
}

function Rating({ emergencyId, helperId, name }: { emergencyId: string; helperId: string; name: string }) {
  const [given, setGiven] = useState(0);
  const rate = async (score: number) => {
    if (await attempt(() => ally.emergencies.rate(emergencyId, helperId, score))) setGiven(score);
  };
  return (
    <Card title={t('own.rate', { name })}>
      {given > 0 ? (
        <p role="status">{t('own.thanks')}</p>
      ) : (
        <div class="stars">
          {SCORES.map((score) => (
            <button key={score} aria-label={t('own.stars', { count: score })} onClick={() => void rate(score)}>
              ★
            </button>
          ))}
        </div>
      )}
    </Card>
  );
}
