/** Which rows of a long list are drawn: those that are seen, and a few around them. */

/** Rows above and below the seen ones. */
const MARGIN = 6;

export interface View {
  /** What is scrolled away, in pixels. */
  top: number;
  /** Of the part that is seen, in pixels. */
  height: number;
}

/** The first row that is drawn, and the one after the last. */
export function rowsIn({ top, height }: View, rowHeight: number, count: number): [number, number] {
  const first = Math.min(Math.floor(top / rowHeight), count) - MARGIN;
  return [Math.max(0, first), Math.max(0, Math.min(count, first + Math.ceil(height / rowHeight) + 1 + 2 * MARGIN))];
}

/** Where to scroll so that a row is seen: as little as that needs. */
export function scrolledTo(index: number, { top, height }: View, rowHeight: number): number {
  return Math.max((index + 1) * rowHeight - height, Math.min(top, index * rowHeight));
}
