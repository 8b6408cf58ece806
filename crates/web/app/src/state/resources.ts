/** What lies ready around an emergency: defibrillators, first-aid kits and the like. */

import { signal } from '@preact/signals';
import type { NearResource } from '@allynet/client';
import type { Point } from '../logic/geometry.js';
import { ally } from './ally.js';

/** Metres within which somebody would fetch it. */
const RADIUS = 2_000;
const MAX_READ = 50;

/** Those that can be taken, the nearest first. */
export const resources = signal<readonly NearResource[]>([]);

/** Reads those around a place; returns what ends showing them. */
export function showResources({ latitude, longitude }: Point): () => void {
  let isShown = true;
  ally.resources.near({ latitude, longitude, radius: RADIUS, limit: MAX_READ }).then(
    (found) => {
      if (isShown) resources.value = found.filter(({ status, open, access }) => status === 'available' && open !== false && access !== 'private');
    },
    () => undefined,
  );
  return () => {
    isShown = false;
    resources.value = [];
  };
}
