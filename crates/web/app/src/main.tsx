/** Starts the app: the state first, so that nothing that the service sends is missed, then the views. */

import { render } from 'preact';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/screens.css';
import './styles/dispatch.css';
import './state/appearance.js';
import { loadConfig } from './state/config.js';
import { startHelper } from './state/helper.js';
import { startNavigation } from './state/navigation.js';
import { startOwner } from './state/owner.js';
import { startReporting } from './state/place.js';
import { startPush } from './state/push.js';
import { startSession } from './state/session.js';
import { unlockSound } from './state/sound.js';
import { App } from './views/app.js';

addEventListener('pointerdown', unlockSound);
addEventListener('keydown', unlockSound);
startNavigation();
startOwner();
startHelper();
startReporting();
void loadConfig();
void startSession().then(startPush);

const root = document.getElementById('app');
if (root) render(<App />, root);
