/** The ground of a map without tiles: a grid of round distances, which needs no network. */

import { GridLayer, type Coords } from 'leaflet';
import { gridStep } from '../logic/geometry.js';

/** Metres of the equator, and pixels of a tile: Web Mercator. */
const EQUATOR = 40_075_017;
const TILE = 256;
/** About as many pixels are between two lines. */
const LINE_DISTANCE = 80;

class Grid extends GridLayer {
  protected override createTile(coordinates: Coords): HTMLElement {
    const canvas = document.createElement('canvas');
    const density = Math.min(2, devicePixelRatio || 1);
    canvas.width = canvas.height = TILE * density;
    const context = canvas.getContext('2d');
    if (!context) return canvas;
    context.scale(density, density);
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue('--map-line').trim() || '#ccd5d9';
    context.lineWidth = 1;
    const step = stepInPixels(coordinates);
    context.beginPath();
    for (const [offset, isVertical] of [[coordinates.x * TILE, true], [coordinates.y * TILE, false]] as const) {
      for (let at = Math.ceil(offset / step) * step - offset; at < TILE; at += step) {
        const line = Math.round(at) + 0.5;
        context.moveTo(isVertical ? line : 0, isVertical ? 0 : line);
        context.lineTo(isVertical ? line : TILE, isVertical ? TILE : line);
      }
    }
    context.stroke();
    return canvas;
  }
}

export function gridLayer(): GridLayer {
  return new Grid({ tileSize: TILE, keepBuffer: 1 });
}

/** The distance of the lines of a row of tiles. It changes with the latitude, as the scale of the map does. */
function stepInPixels({ y, z }: Coords): number {
  const size = TILE * 2 ** z;
  // Rows of a whole band share a step, so that lines do not break between tiles.
  const band = Math.max(1, 2 ** Math.max(0, z - 5));
  const row = (Math.floor(y / band) + 0.5) * band * TILE;
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / size)));
  const metres = (EQUATOR * Math.cos(latitude)) / size;
  return gridStep(LINE_DISTANCE * metres) / metres;
}
