/**
 * Where the person is: found by the device, or set on the map where the device gives none. Reported to the service while that is
 * of use: on duty, during one's own emergency, or on the way to one.
 */

import { computed, effect, signal } from '@preact/signals';
import type { Point } from '../logic/geometry.js';
import { ally } from './ally.js';
import { readJsonSetting, writeJsonSetting } from './settings.js';

export interface Place extends Point {
  /** Metres; `null` for one that was set on the map. */
  accuracy: number | null;
  /** In milliseconds. */
  at: number;
}

export type PlaceProblem = 'insecure' | 'denied' | 'unavailable';

/** A fix that is older counts as unknown at the moment of an SOS, if there can be a newer one. */
const FRESH = 120_000;
/** How long an SOS waits for a better place. */
const SOS_WAIT = 3_000;
/** An unchanged place is reported again after this time, so that the service does not take it for old. */
const REPORT_AGAIN = 5 * 60_000;

const found = signal<Place | null>(null);
const manual = signal<Place | null>(readJsonSetting<Place>('manualPlace'));
export const placeProblem = signal<PlaceProblem | null>(window.isSecureContext ? null : 'insecure');
/** The place set on the map, or else the one that the device found; after a restart the last known one. */
export const place = computed(() => manual.value ?? found.value ?? lastKnown);
export const isManual = computed(() => manual.value !== null);
/** Whether the service is to know where the person is. */
export const isReporting = signal(false);
const lastKnown = readJsonSetting<Place>('lastPlace');

let watch: number | null = null;

/** Begins to follow the device. The browser asks the person at the first time. */
export function followDevice(): void {
  manual.value = null;
  writeJsonSetting('manualPlace', null);
  startWatching();
}

export function startWatching(): void {
  if (watch !== null || !window.isSecureContext || !('geolocation' in navigator)) return;
  watch = navigator.geolocation.watchPosition(take, failed, { enableHighAccuracy: true, maximumAge: 10_000 });
}

/** Sets the place by hand. */
export function setPlace({ latitude, longitude }: Point): void {
  manual.value = { latitude, longitude, accuracy: null, at: Date.now() };
  writeJsonSetting('manualPlace', manual.value);
}

/** The best place there is within a few seconds; `null` if none is known at all. */
export async function placeForSos(): Promise<Place | null> {
  const now = place.value;
  if (isManual.value || (now && Date.now() - now.at < FRESH) || !window.isSecureContext) return now;
  return (await currentPlace()) ?? place.value;
}

function currentPlace(): Promise<Place | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), SOS_WAIT);
    const settle = (value: Place | null) => {
      clearTimeout(timer);
      resolve(value);
    };
    if (!('geolocation' in navigator)) return settle(null);
    navigator.geolocation.getCurrentPosition(
      (position) => settle(take(position)),
      () => settle(null),
      { enableHighAccuracy: true, timeout: SOS_WAIT, maximumAge: FRESH },
    );
  });
}

function take({ coords, timestamp }: GeolocationPosition): Place {
  const { latitude, longitude, accuracy } = coords;
  found.value = { latitude, longitude, accuracy, at: timestamp };
  placeProblem.value = null;
  writeJsonSetting('lastPlace', found.value);
  return found.value;
}

function failed({ code }: GeolocationPositionError): void {
  const isDenied = code === GeolocationPositionError.PERMISSION_DENIED;
  placeProblem.value = isDenied ? 'denied' : 'unavailable';
  if (isDenied && watch !== null) {
    navigator.geolocation.clearWatch(watch);
    watch = null;
  }
}

function report(): void {
  const known = manual.value ?? found.value;
  if (!isReporting.value || !known) return;
  const { latitude, longitude, at } = known;
  // A place that was set by hand holds now, whenever it was set.
  ally.reportPosition(manual.value ? { latitude, longitude } : { latitude, longitude, at });
}

/** Reports each new place, and the same one again after a while. */
export function startReporting(): void {
  effect(report);
  setInterval(report, REPORT_AGAIN);
}
