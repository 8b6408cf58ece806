/**
 * Where the person is: found by the device, or set on the map where the device gives none. Reported to the service while that is
 * of use: on duty, during one's own emergency, or on the way to one.
 */

import { computed, effect, signal } from '@preact/signals';
import type { Point } from '../logic/geometry.js';
import { isAccurate, isManualValid, isSure, presentPlace, withPlace, type Place } from '../logic/place.js';
import { ally } from './ally.js';
import { onUserLeft } from './session.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

export type PlaceProblem = 'insecure' | 'denied' | 'unavailable';

/** A fix that is older counts as unknown at the moment of an SOS, if there can be a newer one. */
const FRESH = 120_000;
/** How long an SOS waits for a better place. */
const SOS_WAIT = 3_000;
/** An unchanged place is reported again after this time, so that the service does not take it for old. */
const REPORT_AGAIN = 5 * 60_000;
/** How often the age of a place is looked at. */
const TICK = 30_000;

const now = signal(Date.now());
const found = signal<Place | null>(null);
const manual = signal<Place | null>(readJsonSetting<Place>('manualPlace'));
const lastKnown = signal<Place | null>(readJsonSetting<Place>('lastPlace'));
/** Where the person was last, the newest first: points that they know on a map. */
export const ownPlaces = signal<readonly Place[]>(readJsonSetting<Place[]>('places') ?? []);
export const placeProblem = signal<PlaceProblem | null>(window.isSecureContext ? null : 'insecure');
/** The place to go by: `presentPlace`. After a restart the device's is the last known one until it finds itself. */
export const place = computed(() => presentPlace(manual.value, found.value ?? lastKnown.value, now.value));
export const isManual = computed(() => place.value !== null && place.value === manual.value);
/** Whether the place of a call stays, if the person said so. */
export const chosenFixed = signal<boolean | null>(null);
/** Whether it stays: by default if it was set on the map, which may be that of somebody else. */
export const isFixed = computed(() => chosenFixed.value ?? isManual.value);
/** Whether the person should be asked if the place still holds. */
export const isDoubtful = computed(() => isManual.value && !isSure(place.value as Place, now.value));
/** Whether the service is to know where the person is. */
export const isReporting = signal(false);
/** Whether the device is to be asked where it is. */
export const isWatching = signal(false);

let watch: number | null = null;

/** Goes by the device again. */
export function followDevice(): void {
  manual.value = chosenFixed.value = null;
  writeJsonSetting('manualPlace', null);
}

/** Sets the place by hand. */
export function setPlace({ latitude, longitude }: Point): void {
  now.value = Date.now();
  const device = found.value && isAccurate(found.value) ? found.value : null;
  const instead = device && { latitude: device.latitude, longitude: device.longitude };
  chosenFixed.value = null;
  manual.value = { latitude, longitude, accuracy: null, at: now.value, instead };
  writeJsonSetting('manualPlace', manual.value);
  remember(manual.value);
}

/** The best place there is within a few seconds, which may be an old one; `null` if none is known at all. */
export async function placeForSos(): Promise<Place | null> {
  now.value = Date.now();
  const known = place.value;
  const isEnough = isManual.value ? !isDoubtful.value : known !== null && Math.abs(now.value - known.at) < FRESH;
  if (!isEnough) await lookForPlace();
  return place.value;
}

/** Follows the device while that is wanted, and reports each new place, and the same one again after a while. */
export function startPlace(): void {
  effect(() => (isWatching.value ? startWatching() : stopWatching()));
  effect(report);
  setInterval(report, REPORT_AGAIN);
  setInterval(() => (now.value = Date.now()), TICK);
  onUserLeft(forgetPlaces);
  // The person has allowed it in the settings of the browser.
  void navigator.permissions?.query({ name: 'geolocation' }).then(
    (status) => status.addEventListener('change', () => isWatching.peek() && status.state !== 'denied' && startWatching()),
    () => undefined,
  );
}

/** The next user of the device is not where the one before was. */
function forgetPlaces(): void {
  followDevice();
  found.value = lastKnown.value = null;
  ownPlaces.value = [];
  writeJsonSetting('places', null);
  writeJsonSetting('lastPlace', null);
  if (watch === null) return;
  // A device that does not move would not tell its place again.
  stopWatching();
  startWatching();
}

/** The browser asks the person at the first time. */
function startWatching(): void {
  if (watch !== null || !window.isSecureContext || !('geolocation' in navigator)) return;
  watch = navigator.geolocation.watchPosition(take, failed, { enableHighAccuracy: true, maximumAge: 10_000 });
}

function stopWatching(): void {
  if (watch !== null) navigator.geolocation.clearWatch(watch);
  watch = null;
}

function lookForPlace(): Promise<void> {
  return new Promise((resolve) => {
    if (!window.isSecureContext || !('geolocation' in navigator)) return resolve();
    setTimeout(resolve, SOS_WAIT);
    navigator.geolocation.getCurrentPosition(
      (position) => {
        take(position);
        resolve();
      },
      () => resolve(),
      { enableHighAccuracy: true, timeout: SOS_WAIT, maximumAge: FRESH },
    );
  });
}

function take({ coords, timestamp }: GeolocationPosition): void {
  const { latitude, longitude, accuracy } = coords;
  now.value = Date.now();
  found.value = { latitude, longitude, accuracy, at: timestamp };
  placeProblem.value = null;
  writeJsonSetting('lastPlace', found.value);
  if (isAccurate(found.value)) remember(found.value);
}

function remember(at: Place): void {
  ownPlaces.value = withPlace(ownPlaces.peek(), at);
  writeJsonSetting('places', ownPlaces.value);
}

function failed({ code }: GeolocationPositionError): void {
  const isDenied = code === GeolocationPositionError.PERMISSION_DENIED;
  placeProblem.value = isDenied ? 'denied' : 'unavailable';
  if (isDenied) stopWatching();
}

function report(): void {
  const fix = presentFix();
  if (isReporting.value && fix) ally.reportPosition(fix);
}

/** Resolves when the service knows the place of now, or cannot be told; `null` without a place to report. */
export function tellPlace(): Promise<unknown> | null {
  const fix = presentFix();
  return fix && ally.send('location:update', fix).catch(() => undefined);
}

/** What may be reported as the place of now. */
function presentFix(): (Point & { at?: string }) | null {
  const known = place.value;
  if (!known) return null;
  const { latitude, longitude, at } = known;
  if (known === found.value) return { latitude, longitude, at: new Date(at).toISOString() };
  // A place that was set by hand holds now, whenever it was set, unless that was too long ago.
  return known === manual.value && isManualValid(known, Date.now()) ? { latitude, longitude } : null;
}
