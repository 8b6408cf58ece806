/** The owner's emergency: how far the alert got, who comes, and what can be done. */

import { useMemo, useState } from 'preact/hooks';
import type { Emergency, EmergencyType, ResponseStatus } from '@allynet/client';
import { t, timeText } from '../i18n/index.js';
import { coming, searchState } from '../logic/emergency.js';
import { config } from '../state/config.js';
import { attempt } from '../state/notices.js';
import { cancelOwn, describeOwn, followed, holdPlace, ownRoom, renewOwn, resolveOwn, unanswered } from '../state/owner.js';
import { CallReminder } from './call-reminder.js';
import { Chat } from './chat.js';
import { Contacts } from './contact-notices.js';
import { Card, Switch } from './fields.js';
import { HelpersList, pointsOf } from './helpers-list.js';
import { Icon } from './icons.js';
import { MapView } from './map.js';

const TYPES: readonly EmergencyType[] = ['medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other'];

export function OwnEmergency({ emergency }: { emergency: Emergency }) {
  return (
    <div class="columns">
      <div>
        <OwnStatus emergency={emergency} />
        <Numbers emergency={emergency} />
        <TypeChoice emergency={emergency} />
        <HelpersList room={ownRoom} emergency={emergency} />
      </div>
      <div>
        <HelpersMap emergency={emergency} />
        <PlaceChoice emergency={emergency} />
        <Chat room={ownRoom} />
        <Contacts states={ownRoom.contacts.value} />
        <Actions />
        <CallReminder />
      </div>
    </div>
  );
}

/** What the person has to know first. Without a session nothing can be done from here. */
export function OwnStatus({ emergency, isSignedOut }: { emergency: Emergency; isSignedOut?: boolean }) {
  const state = searchState(emergency, unanswered.value);
  const { silentMode, anonymousMode } = emergency;
  const modes = [silentMode && t('sos.silent'), anonymousMode && t('own.anonymous')].filter(Boolean);
  const isAlone = state === 'helped' || state === 'unanswered';
  return (
    <section class="status" role="status" data-state={state}>
      <p class="eyebrow">
        <Icon name="check" /> {t('own.storedAt', { time: timeText(emergency.createdAt) })}
      </p>
      <h1>{titleOf(state, emergency)}</h1>
      <p>{hintOf(state)}</p>
      {modes.length > 0 && <p class="hint">{modes.join(' · ')}</p>}
      {isAlone && !isSignedOut && <button onClick={() => void attempt(renewOwn, t('own.renewed'))}>{t('own.renew')}</button>}
    </section>
  );
}

type State = ReturnType<typeof searchState>;

function titleOf(state: State, emergency: Emergency): string {
  const count = (...statuses: ResponseStatus[]) => coming(emergency).filter(({ status }) => statuses.includes(status)).length;
  switch (state) {
    case 'there':
      return t('own.there', { count: count('arrived') });
    case 'coming':
      return t('own.coming', { count: count('responding', 'on_way') });
    case 'helped':
      return t('own.helped', { count: count('completed') });
    case 'unanswered':
      return t(unanswered.value?.alertedHelpers === 0 ? 'own.none' : 'own.nobody');
    case 'searching':
      return t('own.searching');
  }
}

function hintOf(state: State): string | null {
  const number = config.value.emergencyNumber;
  if (state === 'helped') return t('own.helpedHint', { number });
  if (state === 'searching') return t('own.searchingHint', { number });
  if (state !== 'unanswered') return null;
  const count = unanswered.value?.alertedHelpers ?? 0;
  return count === 0 ? t('own.noneHint', { number }) : t('own.nobodyHint', { count, number });
}

function Numbers({ emergency }: { emergency: Emergency }) {
  const { alerted = 0, delivered = 0, seen = 0 } = emergency.alerts ?? {};
  const numbers = [
    [alerted, t('own.alerted', { count: alerted })],
    [delivered, t('own.reached', { count: delivered })],
    [seen, t('own.seen', { count: seen })],
  ] as const;
  return (
    <dl class="numbers" aria-label={t('own.numbers')} aria-live="polite">
      {numbers.map(([number, text]) => (
        <div key={text}>
          <dt>{text}</dt>
          <dd>{number}</dd>
        </div>
      ))}
    </dl>
  );
}

function TypeChoice({ emergency }: { emergency: Emergency }) {
  return (
    <Card title={t('own.what')}>
      <p class="hint">{t('own.whatHint')}</p>
      <div class="chips" role="group" aria-label={t('own.what')}>
        {TYPES.map((type) => (
          <button
            key={type}
            class="chip"
            aria-pressed={emergency.type === type}
            onClick={() => void attempt(() => describeOwn({ type }))}
          >
            {t(`type.${type}`)}
          </button>
        ))}
      </div>
      <Description emergency={emergency} />
    </Card>
  );
}

function Description({ emergency }: { emergency: Emergency }) {
  const [text, setText] = useState(emergency.description ?? '');
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    void attempt(() => describeOwn({ description: text.trim() || null }), t('common.saved'));
  };
  return (
    <form class="say" onSubmit={save}>
      <input
        aria-label={t('own.describe')}
        placeholder={t('own.describe')}
        value={text}
        maxLength={1_000}
        autoComplete="off"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button>{t('common.save')}</button>
    </form>
  );
}

function HelpersMap({ emergency }: { emergency: Emergency }) {
  const places = ownRoom.places.value;
  const points = useMemo(() => pointsOf(emergency, places, t('map.you')), [emergency, places]);
  return <MapView points={points} />;
}

/** What becomes of the place when the person moves on. */
function PlaceChoice({ emergency: { id, fixedPlace } }: { emergency: Emergency }) {
  if (fixedPlace) return <p class="hint">{t('own.fixed')}</p>;
  const own = followed.value;
  if (own?.id !== id) return null;
  return (
    <Card>
      <Switch label={t('place.fixed')} hint={t('place.fixedHint')} checked={own.isHeld} onChange={holdPlace} />
    </Card>
  );
}

function Actions() {
  const [isEnding, setEnding] = useState(false);
  if (isEnding) {
    return (
      <Card title={t('own.endTitle')}>
        <p>{t('own.safeConfirm')}</p>
        <div class="stack">
          <button class="primary" onClick={() => void attempt(resolveOwn)}>
            {t('own.safe')}
          </button>
          <button onClick={() => void attempt(cancelOwn)}>{t('own.falseAlarm')}</button>
          <button class="plain" onClick={() => setEnding(false)}>
            {t('common.back')}
          </button>
        </div>
      </Card>
    );
  }
  return (
    <div class="stack">
      <button class="primary large" onClick={() => setEnding(true)}>
        {t('own.safe')}
      </button>
      <button onClick={() => void attempt(renewOwn, t('own.renewed'))}>{t('own.renew')}</button>
    </div>
  );
}
