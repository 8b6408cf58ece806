/** Which of the known places counts as the present one. Phones move: what was found or set a while ago is doubtful. */

import { distance, type Point } from './geometry.js';

export interface Place extends Point {
  /** Metres; `null` for one that was set on the map. */
  accuracy: number | null;
  /** In milliseconds. */
  at: number;
  /** Of a place that was set on the map: where the device said that it was, if it found itself well. */
  instead?: Point | null;
}

/** A place of this age may be left by now. */
export const SURE_AGE = 30 * 60_000;
/** A place that was set on the map counts for so long where the device finds none: a helper may sit at one desk all day. */
export const MAX_MANUAL_AGE = 12 * 3_600_000;
/** Metres. A device that finds its place this well is believed rather than an old choice on the map, or one so far away. */
const GOOD_ACCURACY = 200;
/** Metres. A place that is known less well, such as that of a computer without a receiver, alerts helpers elsewhere. */
const MAX_SOS_ACCURACY = 2_000;

/** The place to go by, of the one that was set on the map and the one that the device found last; `null` if there is neither. */
export function presentPlace(manual: Place | null, found: Place | null, now: number): Place | null {
  if (!manual || !found) return manual ?? found;
  const isFoundWell = isSure(found, now) && isAccurate(found);
  if (isSure(manual, now)) return isFoundWell && hasLeft(manual, found) ? found : manual;
  if (isFoundWell) return found;
  if (isManualValid(manual, now)) return manual;
  return manual.at > found.at ? manual : found;
}

/** Metres. Places that are closer to each other are one. */
const SAME_PLACE = 300;
const MAX_PLACES = 3;

/** The places where the person was last, after they have been at another one; the newest first. */
export function withPlace(places: readonly Place[], { latitude, longitude, accuracy, at }: Place): readonly Place[] {
  const place = { latitude, longitude, accuracy, at };
  return [place, ...places.filter((each) => distance(each, place) > SAME_PLACE)].slice(0, MAX_PLACES);
}

/** Whether the device has moved away since its place was set on the map. That it is elsewhere is not enough: it may be wrong. */
function hasLeft({ instead, ...manual }: Place, found: Place): boolean {
  const isFar = (from: Point) => distance(from, found) >= GOOD_ACCURACY;
  return found.at > manual.at && isFar(manual) && (!instead || isFar(instead));
}

/** Whether a device found the place well enough to be believed. */
export function isAccurate({ accuracy }: Place): boolean {
  return accuracy !== null && accuracy <= GOOD_ACCURACY;
}

/** Whether the person is likely to be there still. A time ahead of the clock is as doubtful as one behind: the clock was corrected. */
export function isSure({ at }: Place, now: number): boolean {
  return Math.abs(now - at) <= SURE_AGE;
}

/** Whether an SOS goes with this place without asking the person. */
export function isEnough(place: Place, now: number): boolean {
  return isSure(place, now) && (place.accuracy ?? 0) <= MAX_SOS_ACCURACY;
}

/** Whether a place that was set on the map may be reported as the present one. */
export function isManualValid({ at }: Place, now: number): boolean {
  return Math.abs(now - at) <= MAX_MANUAL_AGE;
}

/** The zoom at which a map of the width of a phone shows everywhere where the person may be. */
export function zoomFor({ accuracy }: Place): number {
  // At zoom 0 such a map shows 30,000 km: half of it is the greatest distance from its middle.
  return Math.max(3, Math.min(17, Math.floor(Math.log2(15_000_000 / (accuracy ?? 1)))));
}
