/** What failed, and what was done. Screen readers say it when it appears. */

import { t } from '../i18n/index.js';
import { dismiss, notices } from '../state/notices.js';

export function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map(({ id, kind, text }) => (
        <div key={id} class="notice" data-kind={kind}>
          <p>{text}</p>
          <button class="plain" onClick={() => dismiss(id)}>
            {t('error.close')}
          </button>
        </div>
      ))}
    </div>
  );
}
