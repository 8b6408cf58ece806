/** Hours in which the helper is not alerted, and what comes through all the same. */

import { useState } from 'preact/hooks';
import type { HelperRecord, QuietWindow } from '@allynet/client';
import { language, t } from '../i18n/index.js';
import { changeHelper } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { Card, Field, Select } from './fields.js';

const DAYS = [1, 2, 3, 4, 5, 6, 7];
const MAX_WINDOWS = 7;
const BREAKTHROUGHS = ['none', 'critical', 'all'] as const;

export function QuietHours({ record }: { record: HelperRecord }) {
  const windows = record.quiet ?? [];
  const save = (quiet: QuietWindow[]) =>
    attempt(() => changeHelper({ quiet, timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone }), t('common.saved'));
  return (
    <Card title={t('help.quiet')}>
      <ul class="list">
        {windows.length === 0 && <li class="hint">{t('help.quietNone')}</li>}
        {windows.map((window, index) => (
          <li key={index} class="person">
            <span class="grow">
              {window.from}–{window.to}
              <small class="hint">{window.days.length === 7 ? '' : window.days.map(dayName).join(', ')}</small>
            </span>
            <button onClick={() => void save(windows.filter((_, at) => at !== index))}>{t('common.remove')}</button>
          </li>
        ))}
      </ul>
      {windows.length < MAX_WINDOWS && <NewWindow onAdd={(window) => void save([...windows, window])} />}
      <Select
        label={t('help.breakthrough')}
        value={record.breakthrough ?? 'critical'}
        choices={BREAKTHROUGHS.map((each) => [each, t(`help.breakthrough.${each}`)] as const)}
        onChange={(breakthrough) => void attempt(() => changeHelper({ breakthrough }), t('common.saved'))}
      />
    </Card>
  );
}

function NewWindow({ onAdd }: { onAdd: (window: QuietWindow) => void }) {
  const [from, setFrom] = useState('22:00');
  const [to, setTo] = useState('07:00');
  const [days, setDays] = useState<readonly number[]>(DAYS);
  const toggle = (day: number) => setDays(days.includes(day) ? days.filter((each) => each !== day) : [...days, day].sort());
  return (
    <>
      <div class="row">
        <Field label={t('help.quietFrom')} name="from" type="time" value={from} onInput={setFrom} />
        <Field label={t('help.quietTo')} name="to" type="time" value={to} onInput={setTo} />
      </div>
      <div class="chips" role="group" aria-label={t('help.quietDays')}>
        {DAYS.map((day) => (
          <button key={day} class="chip" aria-pressed={days.includes(day)} onClick={() => toggle(day)}>
            {dayName(day)}
          </button>
        ))}
      </div>
      <button disabled={days.length === 0 || from === to} onClick={() => onAdd({ from, to, days: [...days] })}>
        {t('common.add')}
      </button>
    </>
  );
}

/** The short name of a day of the week, from 1 for Monday. The 1st of January 2024 was one. */
function dayName(day: number): string {
  return new Intl.DateTimeFormat(language.value, { weekday: 'short' }).format(new Date(2024, 0, day));
}
