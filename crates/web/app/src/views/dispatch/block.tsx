/** Blocks an account, or lifts the block. */

import { useState } from 'preact/hooks';
import { t } from '../../i18n/index.js';
import { ally } from '../../state/ally.js';
import { attempt } from '../../state/notices.js';

interface BlockProps {
  userId: string;
  name: string;
  /** Whether it is blocked already, where that is known. */
  isBlocked?: boolean;
}

export function Block({ userId, name, isBlocked: wasBlocked = false }: BlockProps) {
  const [isBlocked, setBlocked] = useState(wasBlocked);
  const [isAsking, setAsking] = useState(false);
  const change = async () => {
    if (await attempt(() => ally.admin.setBlocked(userId, !isBlocked))) setBlocked(!isBlocked);
    setAsking(false);
  };
  const text = t(isBlocked ? 'dispatch.unblock' : 'dispatch.block');
  if (!isAsking) {
    return (
      <button type="button" class="plain" onClick={() => (isBlocked ? void change() : setAsking(true))}>
        {text}: {name}
      </button>
    );
  }
  return (
    <div class="row" role="group">
      <p class="hint">{t('dispatch.blockHint')}</p>
      <button type="button" class="danger" onClick={() => void change()}>
        {text}: {name}
      </button>
      <button type="button" onClick={() => setAsking(false)}>{t('common.cancel')}</button>
    </div>
  );
}
