/** The texts in the language of the reader. A component that calls `t` is drawn again when the language changes. */

import { effect, signal } from '@preact/signals';
import { readSetting, writeSetting } from '../state/settings.js';
import { de } from './de.js';
import { en, type Key } from './en.js';
import { chooseLanguage, format, formatAge, formatDistance, formatTime, type Parameters, type Text } from './text.js';

export type { Key } from './en.js';

const CATALOGUES = { en, de };
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

const known = Object.keys(CATALOGUES) as Language[];
export const language = signal<Language>(
  chooseLanguage([readSetting('language') ?? '', ...navigator.languages], known, 'en'),
);

export function setLanguage(chosen: Language): void {
  language.value = chosen;
  writeSetting('language', chosen);
}

effect(() => {
  document.documentElement.lang = language.value;
  document.documentElement.dir = 'ltr';
});

/** A text of the catalogue. */
export function t(key: Key, parameters: Parameters = {}): string {
  return format(CATALOGUES[language.value][key] as Text, parameters, language.value);
}

/** Whether the catalogue has a text of this name. */
export function hasText(key: string): key is Key {
  return key in en;
}

export const distanceText = (metres: number) => formatDistance(metres, language.value);
export const timeText = (time: string | number) => formatTime(time, Date.now(), language.value);
export const ageText = (milliseconds: number) => formatAge(milliseconds, language.value);
