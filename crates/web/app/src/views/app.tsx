/** Chooses what is shown: signing in, or the frame with one of the screens. An alert covers everything but a press of the SOS button. */

import { t } from '../i18n/index.js';
import { isHeldBack, ringing } from '../state/helper.js';
import { route } from '../state/navigation.js';
import { isAdmin, session, userId } from '../state/session.js';
import { Account } from './account.js';
import { AlertScreen } from './alert.js';
import { SignIn } from './sign-in.js';
import { Frame } from './frame.js';
import { Help } from './help.js';
import { lazy } from './lazy.js';
import { LinkedEmergency } from './linked-emergency.js';
import { Notices } from './notices.js';
import { Sos } from './sos.js';

const Dispatch = lazy(() => import('./dispatch/index.js').then((module) => module.Dispatch));

export function App() {
  if (session.value === 'unknown') return null;
  if (session.value === 'signed_out') {
    return (
      <>
        <SignIn />
        <Notices />
      </>
    );
  }
  const alert = isHeldBack.value ? undefined : ringing.value[0];
  return (
    <>
      <div inert={alert !== undefined}>
        <Frame key={userId.value}>
          <Screen />
        </Frame>
      </div>
      {alert && <AlertScreen key={alert.emergency.id} alert={alert} />}
      <Notices />
    </>
  );
}

function Screen() {
  const shown = route.value;
  switch (shown.screen) {
    case 'sos':
      return <Sos />;
    case 'help':
      return <Help />;
    case 'account':
      return <Account />;
    case 'emergency':
      return <LinkedEmergency key={shown.emergencyId} id={shown.emergencyId} />;
    case 'dispatch':
      if (!isAdmin.value) return <p class="empty">{t('dispatch.onlyAdmins')}</p>;
      return <Dispatch emergencyId={shown.emergencyId} />;
  }
}
