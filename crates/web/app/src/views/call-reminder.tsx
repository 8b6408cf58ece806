/** Reminds the owner that no authority was told, and which number to call. */

import { t } from '../i18n/index.js';
import { config } from '../state/config.js';

export function CallReminder() {
  return <p class="hint center">{t('call.reminder', { number: config.value.emergencyNumber })}</p>;
}
