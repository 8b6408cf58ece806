/** Distances and places on the earth, as exact as a map on a phone needs them. */

export interface Point {
  latitude: number;
  longitude: number;
}

/** Mean radius of the earth in metres (IUGG). */
const EARTH_RADIUS = 6_371_009;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Metres between two places (haversine). */
export function distance(a: Point, b: Point): number {
  const [latitude, longitude] = [radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)];
  const h =
    Math.sin(latitude / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(longitude / 2) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The link that opens the navigation of the phone. iOS does not know `geo:`; this address opens its maps there. */
export function navigationLink({ latitude, longitude }: Point, isIos: boolean): string {
  const place = `${latitude.toFixed(6)},${longitude.toFixed(6)}`;
  if (isIos) return `https://maps.apple.com/?daddr=${place}`;
  return `geo:${place}?q=${place}`;
}

/** The points of the compass, from the north to the right. */
export const DIRECTIONS = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** In which direction the way from one place to another begins. */
export function direction(from: Point, to: Point): Direction {
  const [a, b, turn] = [radians(from.latitude), radians(to.latitude), radians(to.longitude - from.longitude)];
  const east = Math.sin(turn) * Math.cos(b);
  const north = Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(turn);
  return DIRECTIONS[(Math.round(Math.atan2(east, north) / (Math.PI / 4)) + 8) % 8] as Direction;
}

/** The place so many metres to the north and to the east. For distances on a map. */
export function moved({ latitude, longitude }: Point, north: number, east: number): Point {
  const degrees = (metres: number) => (metres / EARTH_RADIUS) * (180 / Math.PI);
  return { latitude: latitude + degrees(north), longitude: longitude + degrees(east) / Math.cos(radians(latitude)) };
}

/** Pixels of a side of a tile. */
export const TILE = 256;
/** Metres of the equator: Web Mercator. */
const EQUATOR = 40_075_017;
/** About as many pixels are between two lines of the grid. */
const LINE_DISTANCE = 80;

/** The row of tiles of a latitude, with its fraction. */
export function rowOf(latitude: number, zoom: number): number {
  return (2 ** zoom * (1 - Math.asinh(Math.tan(radians(latitude))) / Math.PI)) / 2;
}

/** The squares of the grid in a row of tiles. Their size changes with the latitude, as the scale of the map does. */
export function squareIn(row: number, zoom: number): { metres: number; pixels: number } {
  // Rows of a band share a size, so that lines do not break between tiles. It is so narrow that the squares of a screen are right.
  const band = Math.max(1, 2 ** (zoom - 7));
  const middle = (Math.floor(row / band) + 0.5) * band;
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - (2 * middle) / 2 ** zoom)));
  const pixel = (EQUATOR * Math.cos(latitude)) / (TILE * 2 ** zoom);
  const metres = gridStep(LINE_DISTANCE * pixel);
  return { metres, pixels: metres / pixel };
}

/** The step of a grid in metres, about `wanted`, of the form 1, 2 or 5 times a power of ten. */
export function gridStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = wanted / power;
  return (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10) * power;
}
