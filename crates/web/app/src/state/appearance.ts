/** Light or dark: as the device, unless the person chose. */

import { effect, signal } from '@preact/signals';
import { readSetting, writeSetting } from './settings.js';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const kept = readSetting('theme');
export const theme = signal<Theme>(THEMES.find((each) => each === kept) ?? 'system');

export function setTheme(chosen: Theme): void {
  theme.value = chosen;
  writeSetting('theme', chosen);
}

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme.value;
});
