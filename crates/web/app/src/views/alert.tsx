/** An alert over everything else: what, how far, and the two answers; and the button, since a helper may be the next who needs help. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { distanceText, t, timeText } from '../i18n/index.js';
import { accept, decline, type Ringing } from '../state/helper.js';
import { go } from '../state/navigation.js';
import { attempt } from '../state/notices.js';
import { pressSos } from '../state/press.js';
import { stopRinging } from '../state/sound.js';
import { CallLink } from './frame.js';
import { Icon } from './icons.js';
import { SosButton } from './sos-button.js';

export function AlertScreen({ alert }: { alert: Ringing }) {
  const title = useRef<HTMLHeadingElement>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => title.current?.focus(), []);
  const { emergency, distance, isRepeat } = alert;
  const isCritical = emergency.priority === 'critical' || emergency.severity >= 8;
  // The sound goes on until the answer is stored, and while another alert waits.
  const answer = async (work: () => Promise<void>) => {
    setBusy(true);
    await attempt(work);
    setBusy(false);
  };
  return (
    <div class="alert" role="alertdialog" aria-modal="true" aria-labelledby="alert-title" aria-describedby="alert-text">
      <header>
        <CallLink />
        <SosButton
          onFire={() => {
            pressSos();
            go({ screen: 'sos' });
          }}
        />
        <button class="on-dark" onClick={stopRinging}>
          <Icon name="mute" /> {t('alert.mute')}
        </button>
      </header>
      <div id="alert-text" class="alert-text">
        <p class="eyebrow">
          {t('alert.title')}
          {isCritical && <b class="critical"> · {t('alert.critical')}</b>}
        </p>
        <h1 id="alert-title" ref={title} tabIndex={-1}>
          {t(`type.alert.${emergency.type}`)}
        </h1>
        {distance !== null && <p class="alert-distance">{t('alert.distance', { distance: distanceText(distance) })}</p>}
        <p>{t('alert.at', { time: timeText(emergency.createdAt) })}</p>
        {emergency.description && <p dir="auto">{emergency.description}</p>}
        {isRepeat && <p>{t('alert.repeat')}</p>}
        {emergency.location.precision > 0 && <p class="soft">{t('alert.approximate')}</p>}
      </div>
      <footer>
        <button class="accept" disabled={isBusy} onClick={() => void answer(() => accept(emergency.id))}>
          {t('alert.accept')}
        </button>
        <button class="decline" disabled={isBusy} onClick={() => void answer(() => decline(emergency.id))}>
          {t('alert.decline')}
        </button>
      </footer>
    </div>
  );
}
