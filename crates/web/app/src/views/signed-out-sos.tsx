/** What a person sees whose session has ended while they wait for help: nothing of that is hidden behind signing in. */

import { t, timeText } from '../i18n/index.js';
import { config } from '../state/config.js';
import { attempt } from '../state/notices.js';
import { hasLive, ownRoom } from '../state/owner.js';
import { cancelSending, dropOld, isPressed, oldCall, sending } from '../state/press.js';
import { freshAt } from '../state/session.js';
import { OwnStatus } from './own-emergency.js';

export function SignedOutSos() {
  const emergency = hasLive.value ? ownRoom.emergency.value : null;
  return (
    <>
      {isPressed() ? <Unsent /> : oldCall.value && <Old pressedAt={oldCall.value.pressedAt} />}
      {emergency && (
        <>
          <OwnStatus emergency={emergency} isSignedOut />
          <p role="alert">
            {t('own.signIn')} {freshAt.value !== null && t('offline.since', { time: timeText(freshAt.value) })}
          </p>
        </>
      )}
    </>
  );
}

function Unsent() {
  const pressedAt = sending.value?.pressedAt ?? null;
  return (
    <section class="status" role="alert" data-state="unsent">
      <h1>{t('sos.waiting')}</h1>
      <p>{t('sos.waitingFor.session', { number: config.value.emergencyNumber })}</p>
      {pressedAt !== null && <p class="hint">{t('sos.pressedAt', { time: timeText(pressedAt) })}</p>}
      <button onClick={() => void attempt(cancelSending)}>{t('sos.oldDrop')}</button>
    </section>
  );
}

/** It is not sent by logging in alone. */
function Old({ pressedAt }: { pressedAt: number }) {
  return (
    <section class="status" role="alert" data-state="unsent">
      <h1>{t('sos.waiting')}</h1>
      <p>{t('sos.old', { time: timeText(pressedAt) })}</p>
      <p>{t('sos.oldSignIn', { number: config.value.emergencyNumber })}</p>
      <button onClick={() => void attempt(dropOld)}>{t('sos.oldDrop')}</button>
    </section>
  );
}
