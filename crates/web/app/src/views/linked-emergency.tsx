/** The screen that a notification leads to: one's own emergency, the one that is helped, or one that waits for an answer. */

import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n/index.js';
import { helpingRoom, showPending } from '../state/helper.js';
import { go } from '../state/navigation.js';
import { ownRoom } from '../state/owner.js';
import { isAdmin } from '../state/session.js';
import { ally } from '../state/ally.js';

export function LinkedEmergency({ id }: { id: string }) {
  const [isGone, setGone] = useState(false);
  useEffect(() => {
    void find(id).then((found) => setGone(!found));
  }, [id]);
  return (
    <p class="empty" role="status">
      {t(isGone ? 'alert.gone' : 'common.loading')}
    </p>
  );
}

async function find(id: string): Promise<boolean> {
  if (ownRoom.emergency.peek()?.id === id) return leadTo('sos');
  if (helpingRoom.emergency.peek()?.id === id) return leadTo('help');
  if (await showPending(id)) return true;
  const own = await ally.emergencies.active().catch(() => null);
  if (own?.id === id) {
    ownRoom.set(own);
    return leadTo('sos');
  }
  const helping = await ally.helper.active().catch(() => null);
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

function leadTo(screen: 'sos' | 'help'): true {
  go({ screen }, { replace: true });
  return true;
}
