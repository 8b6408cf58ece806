/** Starts the app: the state first, so that nothing that the service sends is missed, then the views. */

import { effect } from '@preact/signals';
import { render } from 'preact';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/screens.css';
import './styles/dispatch.css';
import './state/appearance.js';
import { t } from './i18n/index.js';
import { loadConfig } from './state/config.js';
import { helper, isHelping, startHelper } from './state/helper.js';
import { route, startNavigation } from './state/navigation.js';
import { hasLive, isHeld, isSilent, startOwner } from './state/owner.js';
import { isReporting, isWatching, startPlace } from './state/place.js';
import { isPressed, resumePress, startPress } from './state/press.js';
import { startPush } from './state/push.js';
import { session, startSession } from './state/session.js';
import { unlockSound } from './state/sound.js';
import { useVersion } from './state/updates.js';
import { App } from './views/app.js';

useVersion(import.meta.url);
addEventListener('pointerdown', unlockSound);
addEventListener('keydown', unlockSound);
startNavigation();
startOwner();
startPress();
startHelper();
startPlace();
effect(() => {
  const isSignedIn = session.value === 'signed_in';
  const isOfUse = helper.value?.available === true || hasLive.value || isHelping.value || isPressed();
  isReporting.value = isSignedIn && isOfUse && !isHeld.value;
  // Whatever the screen: who is on duty, or waits for help, looks at other ones too.
  isWatching.value = isPressed() || (isSignedIn && (isOfUse || ['sos', 'help'].includes(route.value.screen)));
});
effect(() => {
  document.title = isSilent.value ? t('own.neutralTitle') : 'AllyNet';
});
void loadConfig();
void startSession().then(() => Promise.all([resumePress(), startPush()]));

const root = document.getElementById('app');
if (root) render(<App />, root);
