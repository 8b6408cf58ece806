/** Helpers that wait to be verified. */

import { t } from '../../i18n/index.js';
import { toVerify, verify } from '../../state/dispatcher.js';
import { attempt } from '../../state/notices.js';
import { Card } from '../fields.js';
import { nameOf } from '../helpers-list.js';
import { Block } from './block.js';

export function Verification() {
  if (toVerify.value.length === 0) return null;
  return (
    <Card title={t('dispatch.toVerify')}>
      <ul class="list">
        {toVerify.value.map(({ id, profile, email, helper, reports }) => (
          <li key={id} class="person wrap">
            <span class="grow">
              <b dir="auto">{nameOf(profile)}</b>
              <small class="hint">
                {[email, ...(helper?.skills ?? []), reports > 0 && t('dispatch.reports', { count: reports })].filter(Boolean).join(' · ')}
              </small>
            </span>
            <button class="primary" aria-label={`${t('dispatch.verify')}: ${nameOf(profile)}`} onClick={() => void attempt(() => verify(id, 'verified'))}>
              {t('dispatch.verify')}
            </button>
            <button aria-label={`${t('dispatch.reject')}: ${nameOf(profile)}`} onClick={() => void attempt(() => verify(id, 'rejected'))}>
              {t('dispatch.reject')}
            </button>
            {reports > 0 && <Block userId={id} name={nameOf(profile)} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}
