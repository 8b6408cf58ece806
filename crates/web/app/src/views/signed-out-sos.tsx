/** What a person sees whose session has ended while they wait for help: nothing of that is hidden behind signing in. */

import { t, timeText } from '../i18n/index.js';
import { config } from '../state/config.js';
import { hasLive, ownRoom } from '../state/owner.js';
import { oldCall, sending } from '../state/press.js';
import { freshAt } from '../state/session.js';
import { OwnStatus } from './own-emergency.js';

export function SignedOutSos() {
  const unsent = sending.value ?? oldCall.value;
  const emergency = ownRoom.emergency.value;
  if (unsent || !hasLive.value || !emergency) return <Unsent pressedAt={unsent?.pressedAt ?? null} />;
  return (
    <>
      <OwnStatus emergency={emergency} isSignedOut />
      <p role="alert">
        {t('own.signIn')} {freshAt.value !== null && t('offline.since', { time: timeText(freshAt.value) })}
      </p>
    </>
  );
}

function Unsent({ pressedAt }: { pressedAt: number | null }) {
  return (
    <section class="status" role="alert" data-state="unsent">
      <h1>{t('sos.waiting')}</h1>
      <p>{t('sos.waitingFor.session', { number: config.value.emergencyNumber })}</p>
      {pressedAt !== null && <p class="hint">{t('sos.pressedAt', { time: timeText(pressedAt) })}</p>}
    </section>
  );
}
