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

/** The step of a grid in metres, about `wanted`, of the form 1, 2 or 5 times a power of ten. */
export function gridStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = wanted / power;
  return (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10) * power;
}
