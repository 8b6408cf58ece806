/** What a person calls the program that names itself in a `User-Agent`. */

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Edg/, 'Edge'],
  [/Firefox|FxiOS/, 'Firefox'],
  // All others below call themselves Safari, too.
  [/Chrom|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
];
const SYSTEMS = [/iPhone/, /iPad/, /Android/, /Windows/, /Mac/, /Linux/];
/** Of what is no browser. */
const MAX_LENGTH = 60;

/** Such as "Firefox, Android"; the beginning of what is no known browser; `null` if there is nothing. */
export function programName(userAgent: string | null): string | null {
  if (!userAgent) return null;
  const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1];
  if (!browser) return userAgent.slice(0, MAX_LENGTH);
  const system = SYSTEMS.map((pattern) => pattern.exec(userAgent)?.[0]).find(Boolean);
  return system ? `${browser}, ${system}` : browser;
}
