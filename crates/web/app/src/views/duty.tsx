/** The duty switch, and pauses. */

import type { HelperRecord } from '@allynet/client';
import { t, timeText } from '../i18n/index.js';
import { changeHelper } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { Switch } from './fields.js';

const PAUSES = [1, 8, 24];
const HOUR = 3_600_000;

export function Duty({ record }: { record: HelperRecord }) {
  const { available, availability, availableAt, pausedUntil } = record;
  const isPaused = pausedUntil != null && Date.parse(pausedUntil) > Date.now();
  return (
    <section class="card duty" data-on={available ? '' : undefined}>
      <Switch
        isLarge
        label={t('help.duty')}
        hint={t(available ? 'help.dutyOn' : 'help.dutyOff')}
        checked={available}
        onChange={(on) => void attempt(() => changeHelper({ available: on }))}
      />
      {available && availability === 'quiet' && availableAt && <p>{t('help.quietNow', { time: timeText(availableAt) })}</p>}
      {available && isPaused && (
        <p class="row">
          <span class="grow">{t('help.pausedNow', { time: timeText(pausedUntil) })}</span>
          <button onClick={() => void attempt(() => changeHelper({ pausedUntil: null }))}>{t('help.resume')}</button>
        </p>
      )}
      {available && !isPaused && (
        <div class="row" role="group" aria-label={t('help.pause')}>
          <span class="hint">{t('help.pause')}</span>
          {PAUSES.map((count) => (
            <button key={count} class="chip" onClick={() => void attempt(() => pauseFor(count))}>
              {t('help.pauseHours', { count })}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}

function pauseFor(hours: number): Promise<void> {
  return changeHelper({ pausedUntil: new Date(Date.now() + hours * HOUR).toISOString() });
}
