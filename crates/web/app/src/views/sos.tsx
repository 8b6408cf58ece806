/** The owner's screen: the button, and what follows when it was pressed. */

import { useEffect, useRef } from 'preact/hooks';
import { ageText, t, timeText } from '../i18n/index.js';
import { config } from '../state/config.js';
import { attempt } from '../state/notices.js';
import { hasLive, ownRoom } from '../state/owner.js';
import { chosenFixed, isFixed } from '../state/place.js';
import {
  cancelSending,
  choosePlace,
  countdownEnd,
  dropOld,
  failure,
  oldCall,
  options,
  placeRequest,
  pressSos,
  sendFrom,
  sending,
  sendNow,
  sendOld,
  setOptions,
  stopCountdown,
} from '../state/press.js';
import { CallReminder } from './call-reminder.js';
import { Card, Switch } from './fields.js';
import { Icon } from './icons.js';
import { useNow } from './now.js';
import { OwnEmergency } from './own-emergency.js';
import { OwnEnded, Ratings } from './own-ended.js';
import { PlaceCard, PlacePicker } from './place.js';
import { ignoreRepeat, SosButton } from './sos-button.js';

export function Sos() {
  if (countdownEnd.value !== null) return <Countdown end={countdownEnd.value} />;
  if (sending.value) return <Sending />;
  if (placeRequest.value) return <MissingPlace />;
  if (hasLive.value && ownRoom.emergency.value) return <OwnEmergency emergency={ownRoom.emergency.value} />;
  return <Idle />;
}

function Idle() {
  const { silentMode, anonymousMode } = options.value;
  const ended = ownRoom.emergency.value;
  return (
    <>
      <h1 class="visually-hidden">{t('sos.title')}</h1>
      {oldCall.value && <OldCall pressedAt={oldCall.value.pressedAt} />}
      {failure.value && (
        <Card title={t('sos.failed')} tone="warning">
          <p role="alert">{failure.value}</p>
        </Card>
      )}
      {ended && <OwnEnded emergency={ended} />}
      <SosButton onFire={pressSos} />
      <p class="center lead">{t('sos.explain')}</p>
      {ended && <Ratings emergency={ended} />}
      <section class="card" aria-label={t('sos.options')}>
        <Switch label={t('sos.silent')} hint={t('sos.silentHint')} checked={silentMode} onChange={(on) => setOptions({ silentMode: on })} />
        <Switch
          label={t('sos.anonymous')}
          hint={t('sos.anonymousHint')}
          checked={anonymousMode}
          onChange={(on) => setOptions({ anonymousMode: on })}
        />
      </section>
      <PlaceCard>
        <Switch label={t('place.fixed')} hint={t('place.fixedHint')} checked={isFixed.value} onChange={(on) => (chosenFixed.value = on)} />
      </PlaceCard>
      <CallReminder />
    </>
  );
}

function Countdown({ end }: { end: number }) {
  const now = useNow(100);
  const count = Math.max(0, Math.ceil((end - now) / 1_000));
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => cancel.current?.focus(), []);
  return (
    <section class="stage" aria-labelledby="countdown">
      <h1 id="countdown" role="timer" aria-live="assertive">
        {t('sos.countdown', { count })}
      </h1>
      <p class="count" aria-hidden="true">
        {count}
      </p>
      <button ref={cancel} class="large" onKeyDown={ignoreRepeat} onClick={stopCountdown}>
        {t('common.cancel')}
      </button>
      <button class="danger" onClick={sendNow}>
        {t('sos.sendNow')}
      </button>
      <p class="hint center">{t('sos.countdownHint')}</p>
    </section>
  );
}

function Sending() {
  const state = sending.value;
  if (!state) return null;
  const { pressedAt, waitsFor } = state;
  return (
    <section class="stage" data-state={waitsFor ? 'waiting' : 'sending'}>
      <div role="status" class="stage-status">
        <h1>{t(waitsFor ? 'sos.waiting' : 'sos.sending')}</h1>
        <p>{waitsFor ? t(`sos.waitingFor.${waitsFor}`, { number: config.value.emergencyNumber }) : t('sos.sendingHint')}</p>
      </div>
      <p class="hint">{t('sos.pressedAt', { time: timeText(pressedAt) })}</p>
      <LargeCallLink />
      <button onClick={() => void attempt(cancelSending)}>{t('common.cancel')}</button>
    </section>
  );
}

function LargeCallLink() {
  const number = config.value.emergencyNumber;
  return (
    <a class="button primary large" href={`tel:${number}`}>
      <Icon name="phone" />
      {t('call.number', { number })}
    </a>
  );
}

function OldCall({ pressedAt }: { pressedAt: number }) {
  return (
    <Card tone="warning">
      <p>{t('sos.old', { time: timeText(pressedAt) })}</p>
      <div class="row">
        <button class="danger" onClick={() => void sendOld()}>
          {t('sos.oldSend')}
        </button>
        <button onClick={() => void dropOld()}>{t('sos.oldDrop')}</button>
      </div>
    </Card>
  );
}

function MissingPlace() {
  const now = useNow(500);
  const fallback = placeRequest.value?.fallback;
  return (
    <section class="stage" data-state="waiting">
      <div role="alert" class="stage-status">
        <h1>{t('sos.noPlace')}</h1>
        <p>{t('sos.noPlaceHint')}</p>
      </div>
      {fallback && (
        <p role="timer">
          {t('sos.oldPlace', { age: ageText(now - fallback.at), count: Math.max(0, Math.ceil((fallback.sendAt - now) / 1_000)) })}
        </p>
      )}
      <div onPointerDown={choosePlace} onKeyDown={choosePlace}>
        <PlacePicker onPick={sendFrom} onClose={() => void attempt(cancelSending)} />
      </div>
      {fallback && (
        <>
          <button class="danger" onClick={() => sendFrom(fallback)}>
            {t('sos.sendNow')}
          </button>
          <p class="hint center">{t('sos.countdownHint')}</p>
        </>
      )}
      <LargeCallLink />
    </section>
  );
}
