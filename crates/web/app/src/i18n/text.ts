/** Texts of a catalogue: parameters, and the plural forms of a language. Knows no DOM and no language. */

/** A text, or one for each plural category that the language has. `{name}` stands for a parameter. */
export type Text = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);
export type Parameters = Readonly<Record<string, string | number>>;

/** The text with its parameters. `count` chooses the plural form; numbers are written as the language writes them. */
export function format(text: Text, parameters: Parameters, language: string): string {
  const { count } = parameters;
  const chosen =
    typeof text === 'string' ? text : ((typeof count === 'number' && text[new Intl.PluralRules(language).select(count)]) || text.other);
  return chosen.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : (value ?? '');
  });
}

/** The first of the wanted languages that there is. */
export function chooseLanguage<Language extends string>(wanted: readonly string[], known: readonly Language[], fallback: Language): Language {
  for (const each of wanted) {
    const found = known.find((language) => each.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return fallback;
}

/** A distance: whole tens of metres below a kilometre, tenths of kilometres below ten. */
export function formatDistance(metres: number, language: string): string {
  const unit = metres < 1_000 ? 'meter' : 'kilometer';
  const value = metres < 1_000 ? Math.round(metres / 10) * 10 : metres / 1_000;
  const digits = metres < 1_000 || value >= 10 ? 0 : 1;
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: digits }).format(value);
}

/** A time of day; with the date if it is another day. */
export function formatTime(time: string | number, now: number, language: string): string {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(language, isToday ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

/** How long ago, in the largest unit that is at least one. */
export function formatAge(milliseconds: number, language: string): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  if (seconds < 60) return relative.format(-seconds, 'second');
  if (seconds < 3_600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3_600), 'hour');
  return relative.format(-Math.floor(seconds / 86_400), 'day');
}
