/** What the helper can do, and how they come. */

import type { HelperRecord } from '@allynet/client';
import { hasText, t } from '../i18n/index.js';
import { changeHelper } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { Card, Select } from './fields.js';

const TRANSPORTS = ['foot', 'bike', 'car'] as const;
const SKILLS = ['first_aid', 'cpr', 'aed', 'nurse', 'doctor', 'paramedic', 'fire'];

export function Skills({ skills, transport }: HelperRecord) {
  // Those that another client has set stay, by the name that they have.
  const all = [...SKILLS, ...skills.filter((skill) => !SKILLS.includes(skill))];
  const toggle = (skill: string) => {
    const changed = skills.includes(skill) ? skills.filter((each) => each !== skill) : [...skills, skill];
    void attempt(() => changeHelper({ skills: changed }));
  };
  return (
    <Card title={t('help.skills')}>
      <div class="chips" role="group" aria-label={t('help.skills')}>
        {all.map((skill) => {
          const key = `skill.${skill}`;
          return (
            <button key={skill} class="chip" aria-pressed={skills.includes(skill)} onClick={() => toggle(skill)}>
              {hasText(key) ? t(key) : skill}
            </button>
          );
        })}
      </div>
      <Select
        label={t('help.transport')}
        value={transport}
        choices={TRANSPORTS.map((each) => [each, t(`help.transport.${each}`)] as const)}
        onChange={(chosen) => void attempt(() => changeHelper({ transport: chosen }))}
      />
    </Card>
  );
}
