/** The helper's screen: duty and readiness, or the emergency that is being helped. */

import { useEffect } from 'preact/hooks';
import { distanceText, t, timeText } from '../i18n/index.js';
import { changeHelper, helper, helpingRoom, loadPending, loadReadiness, pending } from '../state/helper.js';
import { go } from '../state/navigation.js';
import { attempt } from '../state/notices.js';
import { config } from '../state/config.js';
import { Duty } from './duty.js';
import { Card } from './fields.js';
import { Helping } from './helping.js';
import { PlaceCard } from './place.js';
import { QuietHours } from './quiet-hours.js';
import { Readiness } from './readiness.js';
import { Skills } from './skills.js';

export function Help() {
  const emergency = helpingRoom.emergency.value;
  if (emergency) return <Helping emergency={emergency} />;
  if (!helper.value) return <Become />;
  return <Overview />;
}

function Become() {
  return (
    <div class="narrow">
      <section class="status">
        <h1>{t('help.title')}</h1>
        <p>{t('help.intro')}</p>
      </section>
      <button class="primary large" onClick={() => void attempt(() => changeHelper({ available: true, skills: [] }))}>
        {t('help.become')}
      </button>
    </div>
  );
}

function Overview() {
  useEffect(() => {
    void loadReadiness();
    void loadPending();
  }, []);
  const record = helper.value;
  if (!record) return null;
  const mayHelp = record.verification === 'verified' || (config.value.helperPolicy === 'open' && record.verification !== 'rejected');
  return (
    <div class="columns">
      <div>
        <h1>{t('help.title')}</h1>
        {!mayHelp && (
          <Card tone="warning">
            <p>{t(record.verification === 'rejected' ? 'help.rejected' : 'help.pending')}</p>
          </Card>
        )}
        <Duty record={record} />
        <Waiting />
        <Readiness />
      </div>
      <div>
        <Skills {...record} />
        <QuietHours record={record} />
        <PlaceCard />
      </div>
    </div>
  );
}

function Waiting() {
  return (
    <Card title={t('help.waiting')}>
      <ul class="list" aria-live="polite">
        {pending.value.length === 0 && <li class="hint">{t('help.noneWaiting')}</li>}
        {pending.value.map(({ id, type, distance, createdAt }) => (
          <li key={id}>
            <button class="entry" onClick={() => go({ screen: 'emergency', emergencyId: id })}>
              <b class="grow">{t(`type.alert.${type}`)}</b>
              <span>
                {distance !== null && `${distanceText(distance)} · `}
                {timeText(createdAt)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
