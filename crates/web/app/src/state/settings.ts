/** Small choices that this device keeps. A browser that forbids storage loses them with the page. */

const PREFIX = 'allynet-app:';
const memory = new Map<string, string>();

export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

/** `null` removes it. */
export function writeSetting(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
    memory.delete(name);
  } catch {
    if (value === null) memory.delete(name);
    else memory.set(name, value);
  }
}

/** A value that was written as JSON; `null` if it is missing or damaged. */
export function readJsonSetting<T>(name: string): T | null {
  try {
    return JSON.parse(readSetting(name) ?? 'null') as T | null;
  } catch {
    return null;
  }
}

export function writeJsonSetting(name: string, value: unknown): void {
  writeSetting(name, value === null ? null : JSON.stringify(value));
}
