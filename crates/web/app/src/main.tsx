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
import { startNavigation } from './state/navigation.js';
import { hasLive, isSilent, sending, startOwner } from './state/owner.js';
import { isReporting, startReporting } from './state/place.js';
import { startPush } from './state/push.js';
import { session, startSession } from './state/session.js';
import { unlockSound } from './state/sound.js';
import { App } from './views/app.js';

addEventListener('pointerdown', unlockSound);
addEventListener('keydown', unlockSound);
startNavigation();
startOwner();
startHelper();
startReporting();
effect(() => {
  const isOfUse = helper.value?.available === true || hasLive.value || isHelping.value || sending.value !== null;
  isReporting.value = session.value === 'signed_in' && isOfUse;
});
effect(() => {
  document.title = isSilent.value ? t('own.neutralTitle') : 'AllyNet';
});
void loadConfig();
void startSession().then(startPush);

const root = document.getElementById('app');
if (root) render(<App />, root);
