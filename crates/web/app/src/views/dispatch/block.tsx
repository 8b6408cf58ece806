/** Blocks an account, or lifts the block. */

import { useState } from 'preact/hooks';
import { t } from '../../i18n/index.js';
import { ally } from '../../state/ally.js';
import { attempt } from '../../state/notices.js';

export function Block({ userId, name }: { userId: string; name: string }) {
  const [isBlocked, setBlocked] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const change = async () => {
    if (await attempt(() => ally.admin.setBlocked(userId, !isBlocked))) setBlocked(!isBlocked);
    setAsking(false);
  };
  const text = t(isBlocked ? 'dispatch.unblock' : 'dispatch.block');
  if (!isAsking) {
    return (
      <button class="plain" onClick={() => (isBlocked ? void change() : setAsking(true))}>
        {text}: {name}
      </button>
    );
  }
  return (
    <div class="row" role="group">
      <p class="hint">{t('dispatch.blockHint')}</p>
      <button class="danger" onClick={() => void change()}>
        {text}: {name}
      </button>
      <button onClick={() => setAsking(false)}>{t('common.cancel')}</button>
    </div>
  );
}
