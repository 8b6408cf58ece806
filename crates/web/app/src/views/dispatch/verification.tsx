/** Helpers: who waits to be verified, what was checked of the others, and who is blocked. */

import { useEffect, useState } from 'preact/hooks';
import type { CheckedSkill, ListedHelper, Tier, Verification as Decision } from '@allynet/client';
import { hasText, t } from '../../i18n/index.js';
import { dayOf, endOf } from '../../logic/days.js';
import { ally } from '../../state/ally.js';
import { decided, hasMoreToVerify, toVerify } from '../../state/dispatcher.js';
import { attempt } from '../../state/notices.js';
import { Card, Select } from '../fields.js';
import { nameOf } from '../helpers-list.js';
import { Block } from './block.js';

const DECISIONS = ['pending', 'verified', 'rejected'] as const satisfies readonly Decision[];
const TIERS = ['public', 'registered', 'professional'] as const satisfies readonly Tier[];
const PAGE = 50;
/** Helpers that are shown at most. */
const MAX_SHOWN = 1_000;

export function Verification() {
  const [decision, setDecision] = useState<(typeof DECISIONS)[number]>('pending');
  return (
    <Card title={t('dispatch.helpers')}>
      <Select label={t('dispatch.status')} value={decision} choices={DECISIONS.map((each) => [each, t(`dispatch.decision.${each}`)] as const)} onChange={setDecision} />
      {decision === 'pending' ? <Waiting /> : <Decided key={decision} decision={decision} />}
    </Card>
  );
}

function Waiting() {
  return (
    <>
      <List helpers={toVerify.value} />
      {hasMoreToVerify.value && <p class="hint">{t('dispatch.onlyFirstHelpers')}</p>}
    </>
  );
}

/** Those of whom it was decided, read page by page. */
function Decided({ decision }: { decision: 'verified' | 'rejected' }) {
  const [helpers, setHelpers] = useState<readonly ListedHelper[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const read = (cursor?: string) =>
    attempt(async () => {
      const page = await ally.admin.helpers({ verification: decision, limit: PAGE, ...(cursor && { cursor }) });
      setHelpers((before) => [...(cursor ? before : []), ...page.helpers]);
      setNext(page.nextCursor);
    });
  useEffect(() => void read(), []);
  return (
    <>
      <List helpers={helpers} onChange={() => void read()} />
      {next && helpers.length < MAX_SHOWN && <button onClick={() => void read(next)}>{t('dispatch.moreHelpers')}</button>}
    </>
  );
}

function List({ helpers, onChange }: { helpers: readonly ListedHelper[]; onChange?: () => void }) {
  return (
    <ul class="list">
      {helpers.length === 0 && <li class="hint">{t('dispatch.noHelpers')}</li>}
      {helpers.map((helper) => (
        <li key={helper.id}>
          <Helper helper={helper} onChange={onChange} />
        </li>
      ))}
    </ul>
  );
}

function Helper({ helper: { id, profile, email, helper, reports, isActive }, onChange }: { helper: ListedHelper; onChange: (() => void) | undefined }) {
  const name = nameOf(profile);
  const decide = async (form: HTMLFormElement, status: 'verified' | 'rejected') => {
    const checked = status === 'verified' ? checkedIn(new FormData(form)) : {};
    const isDone = await attempt(async () => {
      await ally.admin.verify(id, status, checked);
      decided(id);
    }, t('common.saved'));
    if (isDone) onChange?.();
  };
  const known = new Map(helper?.checkedSkills.map(({ name: skill, until }) => [skill, until && dayOf(until)]));
  const skills = [...new Set([...(helper?.skills ?? []), ...known.keys()])];
  return (
    <form
      class="stack helper-form"
      onSubmit={(event) => {
        event.preventDefault();
        void decide(event.currentTarget, 'verified');
      }}
    >
      <p>
        <b dir="auto">{name}</b>
        <small class="hint">
          {[email, helper && t(`dispatch.tier.${helper.tier}`), reports > 0 && t('dispatch.reports', { count: reports })].filter(Boolean).join(' · ')}
        </small>
      </p>
      <details>
        <summary>{t('dispatch.checked')}</summary>
        <div class="stack">
          <label class="field">
            {t('dispatch.tier')}
            <select name="tier">
              {TIERS.map((tier) => (
                <option key={tier} value={tier} selected={tier === (helper?.verification === 'verified' ? helper.tier : 'registered')}>
                  {t(`dispatch.tier.${tier}`)}
                </option>
              ))}
            </select>
          </label>
          {skills.map((skill) => (
            <div key={skill} class="row">
              <label class="check grow">
                <input type="checkbox" name="skill" value={skill} defaultChecked={known.has(skill)} />
                {skillText(skill)}
              </label>
              <input
                type="date"
                class="date"
                name={`until ${skill}`}
                aria-label={`${t('dispatch.until')}: ${skillText(skill)}`}
                defaultValue={known.get(skill) ?? ''}
              />
            </div>
          ))}
        </div>
      </details>
      <div class="row">
        <button class="primary" aria-label={`${t('dispatch.verify')}: ${name}`}>
          {t(helper?.verification === 'verified' ? 'common.save' : 'dispatch.verify')}
        </button>
        {helper?.verification !== 'rejected' && (
          <button type="button" aria-label={`${t('dispatch.reject')}: ${name}`} onClick={(event) => void decide(event.currentTarget.form!, 'rejected')}>
            {t('dispatch.reject')}
          </button>
        )}
        <Block userId={id} name={name} isBlocked={!isActive} />
      </div>
    </form>
  );
}

/** What the form says was checked. */
function checkedIn(form: FormData): { tier: Tier; skills: CheckedSkill[] } {
  const skills = form.getAll('skill').map((value): CheckedSkill => {
    const day = form.get(`until ${String(value)}`);
    // It holds to the end of that day, where the administrator is.
    return { name: String(value), until: day ? endOf(String(day)) : null };
  });
  return { tier: form.get('tier') as Tier, skills };
}

function skillText(skill: string): string {
  const key = `skill.${skill}`;
  return hasText(key) ? t(key) : skill;
}
