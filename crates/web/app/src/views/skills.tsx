/** What the helper can do. */

import { hasText, t } from '../i18n/index.js';
import { changeHelper } from '../state/helper.js';
import { attempt } from '../state/notices.js';
import { Card } from './fields.js';

const SKILLS = ['first_aid', 'cpr', 'aed', 'nurse', 'doctor', 'paramedic', 'fire'];

export function Skills({ skills }: { skills: readonly string[] }) {
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
    </Card>
  );
}
