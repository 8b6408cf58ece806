/** Days where the person is, as an input of a date has them: `2026-03-01`. */

/** The day of a time. */
export function dayOf(at: string): string {
  const time = new Date(at);
  const pad = (value: number, length: number) => String(value).padStart(length, '0');
  return `${pad(time.getFullYear(), 4)}-${pad(time.getMonth() + 1, 2)}-${pad(time.getDate(), 2)}`;
}

/** The last second of a day. */
export function endOf(day: string): string {
  return new Date(`${day}T23:59:59`).toISOString();
}
