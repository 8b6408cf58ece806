/** What the device is, as far as that changes what the app does. */

import { isIos } from '../logic/push.js';

export const isOnIos = isIos(navigator.userAgent, navigator.maxTouchPoints);
