/** Whether an alert would arrive, what is in the way, and a test that goes the real way. */

import { hasText, t } from '../i18n/index.js';
import { readiness } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { device, obstacle, sendTest, switchOnPush } from '../state/push.js';
import { Card } from './fields.js';
import { Icon } from './icons.js';

export function Readiness() {
  const state = readiness.value;
  return (
    <Card title={state?.ready ? t('help.ready') : t('help.notReady')} tone={state?.ready ? 'good' : 'warning'}>
      <ul class="list" aria-live="polite">
        {(state?.problems ?? []).map((problem) => {
          const key = `help.problem.${problem}`;
          return (
            <li key={problem} class="person">
              <Icon name="warning" />
              <span class="grow">{hasText(key) ? t(key) : problem}</span>
            </li>
          );
        })}
      </ul>
      <Notifications />
    </Card>
  );
}

function Notifications() {
  if (obstacle.value !== 'none') return <p class="hint">{t(`help.push.${obstacle.value}`)}</p>;
  return (
    <div class="row">
      {device.value ? (
        <>
          <span class="grow">
            {t('help.push')}: {t('help.pushIsOn')}
          </span>
          <button onClick={() => void attempt(sendTest, t('help.testSent'))}>{t('help.test')}</button>
        </>
      ) : (
        <button class="primary" onClick={() => void attempt(switchOnPush)}>
          {t('help.pushOn')}
        </button>
      )}
    </div>
  );
}
