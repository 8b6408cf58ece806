/** The list of emergencies, with its filters. */

import type { EmergencyType } from '@allynet/client';
import { t, timeText } from '../../i18n/index.js';
import { isUnanswered, type BoardEntry, type Filter } from '../../logic/board.js';
import { coming } from '../../logic/emergency.js';
import { filter, shown } from '../../state/dispatcher.js';
import { go } from '../../state/navigation.js';
import { Field, Select } from '../fields.js';
import { nameOf } from '../helpers-list.js';

const TYPES: readonly EmergencyType[] = ['medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other'];
/** Rows that are drawn at once; a filter finds the others. */
const MAX_ROWS = 200;

export function EmergencyList({ chosenId }: { chosenId: string | null }) {
  const entries = shown.value;
  return (
    <>
      <Filters />
      <p class="hint" role="status">
        {t('dispatch.count', { count: entries.length })}
      </p>
      <ul class="list dispatch-rows" aria-label={t('dispatch.emergencies')}>
        {entries.length === 0 && <li class="empty">{t('dispatch.none')}</li>}
        {entries.slice(0, MAX_ROWS).map((entry) => (
          <Row key={entry.id} entry={entry} isChosen={entry.id === chosenId} />
        ))}
      </ul>
    </>
  );
}

function Filters() {
  const { status, type, text } = filter.value;
  const change = (part: Partial<Filter>) => (filter.value = { ...filter.value, ...part });
  return (
    <div class="row" role="group" aria-label={t('dispatch.filter')}>
      <Select
        label={t('dispatch.status')}
        value={status}
        choices={[
          ['live', t('dispatch.live')],
          ['unanswered', t('dispatch.unanswered')],
          ['ended', t('dispatch.endedOnes')],
          ['all', t('dispatch.all')],
        ]}
        onChange={(value: Filter['status']) => change({ status: value })}
      />
      <Select
        label={t('dispatch.type')}
        value={type}
        choices={[['all', t('dispatch.all')], ...TYPES.map((each) => [each, t(`type.alert.${each}`)] as const)]}
        onChange={(value: Filter['type']) => change({ type: value })}
      />
      <Field label={t('dispatch.search')} name="search" type="search" value={text} onInput={(value) => change({ text: value })} />
    </div>
  );
}

function Row({ entry, isChosen }: { entry: BoardEntry; isChosen: boolean }) {
  const helpers = coming(entry).length;
  const state = isUnanswered(entry) ? t('dispatch.unanswered') : t(`emergency.${entry.status}`);
  return (
    <li>
      <button
        class="entry dispatch-row"
        data-state={isUnanswered(entry) ? 'unanswered' : entry.status}
        aria-current={isChosen ? 'true' : undefined}
        onClick={() => go({ screen: 'dispatch', emergencyId: entry.id }, { replace: true })}
      >
        <b class="grow">{t(`type.alert.${entry.type}`)}</b>
        <time dateTime={entry.createdAt}>{timeText(entry.createdAt)}</time>
        <span class="grow hint" dir="auto">
          {entry.user ? nameOf(entry.user.profile) : t('dispatch.anonymous')}
        </span>
        <span class="badge">
          {state}
          {helpers > 0 && ` · ${helpers}`}
        </span>
      </button>
    </li>
  );
}
