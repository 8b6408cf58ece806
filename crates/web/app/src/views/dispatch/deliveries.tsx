/** Whom the alerts of an emergency were for, why, and how far each got. */

import type { TimelineEntry } from '@allynet/client';
import { useMemo } from 'preact/hooks';
import { distanceText, hasText, t, timeText, type Key } from '../../i18n/index.js';
import type { BoardEntry } from '../../logic/board.js';
import { deliveries, passedOver, type Delivery, type Why } from '../../logic/deliveries.js';
import { Card } from '../fields.js';
import { nameOf } from '../helpers-list.js';

export function Deliveries({ emergency, entries }: { emergency: BoardEntry; entries: readonly TimelineEntry[] }) {
  const found = useMemo(() => deliveries(entries), [entries]);
  const passed = useMemo(() => passedOver(entries), [entries]);
  if (found.length === 0) return null;
  const answers = new Map(emergency.respondingHelpers.map((response) => [response.helper.id, response]));
  const name = (id: string) => {
    const known = answers.get(id);
    return known ? nameOf(known.helper.profile) : t('dispatch.helper', { id: id.slice(-4) });
  };
  return (
    <Card title={t('dispatch.deliveries')}>
      <ul class="list timeline" tabIndex={0} aria-label={t('dispatch.deliveries')}>
        {found.map((delivery) => (
          <li key={delivery.helperId} class="person">
            <span class="grow">
              <b dir="auto">{name(delivery.helperId)}</b>
              <small class="hint">{factsOf(delivery)}</small>
              {delivery.why && <small class="hint">{whyText(delivery.why)}</small>}
            </span>
            <span class="badge">{stateOf(delivery, answers.get(delivery.helperId)?.status)}</span>
          </li>
        ))}
        {passed && (
          <li>
            <small class="hint">
              {t('dispatch.passed', { name: name(passed.id) })} {whyText(passed.why)}
            </small>
          </li>
        )}
      </ul>
    </Card>
  );
}

function factsOf({ at, times, distance, sent, failed }: Delivery): string {
  return [
    timeText(at) + (times > 1 ? ` ×${times}` : ''),
    distance !== null && distanceText(distance),
    ...sent.map(channelText),
    ...failed.map((channel) => t('dispatch.failed', { channel: channelText(channel) })),
  ]
    .filter(Boolean)
    .join(' · ');
}

function whyText({ arrival, probability, gain, reason }: Why): string {
  const minutes = (seconds: number) => Math.round(seconds / 6) / 10;
  const text = t('dispatch.why', { arrival: minutes(arrival), probability: Math.round(probability * 100), gain: minutes(gain) });
  return reason === 'minimum' ? `${text} ${t('dispatch.whyMinimum')}` : text;
}

/** What is known of an alert that says most. */
function stateOf({ delivered, seen, sent, failed }: Delivery, answer: string | undefined): string {
  if (answer) return textOf(`status.${answer}`, answer);
  if (seen) return t('dispatch.seen');
  if (delivered) return t('dispatch.delivered');
  return failed.length > 0 && sent.length === 0 ? t('dispatch.notReached') : t('dispatch.sent');
}

const channelText = (channel: string) => textOf(`dispatch.channel.${channel}`, channel);

function textOf(key: string, otherwise: string): string {
  return hasText(key) ? t(key as Key) : otherwise;
}
