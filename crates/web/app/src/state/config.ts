/** What the operator has configured for the app. Kept, so that the number to call is there without a network too. */

import { signal } from '@preact/signals';
import type { AppConfig } from '@allynet/client';
import { ally } from './ally.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

const DEFAULTS: AppConfig = {
  emergencyNumber: '112',
  alertHold: 3,
  mapTiles: null,
  helperPolicy: 'verified',
  placeBeforeAccept: 'exact',
  push: true,
  mail: true,
};

export const config = signal<AppConfig>({ ...DEFAULTS, ...readJsonSetting<AppConfig>('config') });

/** Reads the configuration; what was kept stays where that fails. */
export async function loadConfig(): Promise<void> {
  try {
    const read = await ally.appConfig();
    config.value = { ...DEFAULTS, ...read };
    writeJsonSetting('config', read);
  } catch {
    // The kept one, or the defaults.
  }
}
