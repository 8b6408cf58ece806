/** The screen that a notification leads to: one's own emergency, the one that is helped, or one that waits for an answer. */

import { useEffect, useState } from 'preact/hooks';
import { PermissionError } from '@allynet/client';
import { t } from '../i18n/index.js';
import { helpingRoom, showPending } from '../state/helper.js';
import { go } from '../state/navigation.js';
import { ownRoom } from '../state/owner.js';
import { isAdmin } from '../state/session.js';
import { ally } from '../state/ally.js';

/** Time between two attempts while the service does not answer: a phone that a push has woken has no network at first. */
const RETRY_INTERVAL = 2_000;

export function LinkedEmergency({ id }: { id: string }) {
  const [state, setState] = useState<'loading' | 'unreachable' | 'gone'>('loading');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isLeft = false;
    const look = () =>
      void find(id).then(
        (isFound) => !isLeft && !isFound && setState('gone'),
        () => {
          if (isLeft) return;
          setState('unreachable');
          timer = setTimeout(look, RETRY_INTERVAL);
        },
      );
    look();
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [id]);
  return (
    <p class="empty" role="status">
      {t(TEXTS[state])}
    </p>
  );
}

const TEXTS = { loading: 'common.loading', unreachable: 'offline.network', gone: 'alert.gone' } as const;

/** Whether it was found, and is shown. Fails if the service does not answer. */
async function find(id: string): Promise<boolean> {
  if (ownRoom.emergency.peek()?.id === id) return leadTo('sos');
  if (helpingRoom.emergency.peek()?.id === id) return leadTo('help');
  if (await showPending(id).catch(falseIfRefused)) return true;
  const own = await ally.emergencies.active();
  if (own?.id === id) {
    ownRoom.set(own);
    return leadTo('sos');
  }
  const helping = await ally.helper.active();
  if (helping?.id === id) {
    helpingRoom.set(helping);
    return leadTo('help');
  }
  if (isAdmin.peek()) {
    go({ screen: 'dispatch', emergencyId: id }, { replace: true });
    return true;
  }
  return false;
}

/** Who may not help has no alerts that wait for an answer. */
function falseIfRefused(error: unknown): false {
  if (error instanceof PermissionError) return false;
  throw error;
}

function leadTo(screen: 'sos' | 'help'): true {
  go({ screen }, { replace: true });
  return true;
}
