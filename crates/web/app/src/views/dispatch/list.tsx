/** The list of emergencies, with its filters. Only the rows that are seen are drawn: it may have thousands. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { EmergencyType } from '@allynet/client';
import { t, timeText } from '../../i18n/index.js';
import { isFull, isUnanswered, type BoardEntry, type Filter } from '../../logic/board.js';
import { coming } from '../../logic/emergency.js';
import { rowsIn, scrolledTo } from '../../logic/rows.js';
import { board, filter, hasOlder, readOlder, shown } from '../../state/dispatcher.js';
import { attempt } from '../../state/notices.js';
import { Field, Select } from '../fields.js';
import { nameOf } from '../helpers-list.js';
import { open, reached } from './keys.js';

const TYPES: readonly EmergencyType[] = ['medical', 'safety', 'accident', 'assault', 'natural_disaster', 'other'];
/** The height of a row, in the size of the reader's text. */
const ROW_REM = 4.5;
const rowHeight = () => ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);

export function EmergencyList({ chosenId }: { chosenId: string | null }) {
  const count = shown.value.length;
  return (
    <>
      <Filters />
      <p class="hint" role="status">
        {t('dispatch.count', { count })}
        {isFull(board.value) && ` · ${t('dispatch.full')}`}
      </p>
      <Rows chosenId={chosenId} />
      {filter.value.status !== 'live' && filter.value.status !== 'unanswered' && hasOlder.value && (
        <button onClick={() => void attempt(readOlder)}>{t('dispatch.older')}</button>
      )}
      <p class="hint dispatch-keys">{t('dispatch.keys')}</p>
    </>
  );
}

function Rows({ chosenId }: { chosenId: string | null }) {
  const entries = shown.value;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 0 });
  const look = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  useLayoutEffect(() => {
    const resizes = new ResizeObserver(look);
    if (box.current) resizes.observe(box.current);
    return () => resizes.disconnect();
  }, []);
  const goal = reached.value;
  useEffect(() => {
    const index = goal ? entries.findIndex(({ id }) => id === goal.id) : -1;
    if (!goal || !box.current || index < 0) return;
    const { scrollTop: top, clientHeight: height } = box.current;
    box.current.scrollTop = scrolledTo(index, { top, height }, rowHeight());
    look();
    requestAnimationFrame(() => document.getElementById(`row-${goal.id}`)?.focus({ preventScroll: true }));
  }, [goal]);
  const [first, end] = rowsIn(view, rowHeight(), entries.length);
  return (
    <div ref={box} class="dispatch-scroll" onScroll={look}>
      {entries.length === 0 && <p class="empty">{t('dispatch.none')}</p>}
      <ul class="dispatch-rows" aria-label={t('dispatch.emergencies')} style={{ blockSize: `${entries.length * ROW_REM}rem` }}>
        {entries.slice(first, end).map((entry, offset) => (
          <Row key={entry.id} entry={entry} index={first + offset} count={entries.length} isChosen={entry.id === chosenId} />
        ))}
      </ul>
    </div>
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

function Row({ entry, index, count, isChosen }: { entry: BoardEntry; index: number; count: number; isChosen: boolean }) {
  const helpers = coming(entry).length;
  const state = isUnanswered(entry) ? t('dispatch.unanswered') : t(`emergency.${entry.status}`);
  return (
    <li aria-setsize={count} aria-posinset={index + 1} style={{ insetBlockStart: `${index * ROW_REM}rem`, blockSize: `${ROW_REM}rem` }}>
      <button
        id={`row-${entry.id}`}
        class="entry dispatch-row"
        data-state={isUnanswered(entry) ? 'unanswered' : entry.status}
        aria-current={isChosen ? 'true' : undefined}
        // A key that presses a button clicks it zero times.
        onClick={(event) => open(entry.id, event.detail === 0)}
      >
        <b>{t(`type.alert.${entry.type}`)}</b>
        <time dateTime={entry.createdAt}>{timeText(entry.createdAt)}</time>
        <span class="hint" dir="auto">
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
