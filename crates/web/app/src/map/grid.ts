/** The ground of a map without tiles: a grid of round distances, which needs no network. */

import { GridLayer, type Coords } from 'leaflet';
import { squareIn, TILE } from '../logic/geometry.js';

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
    const step = squareIn(coordinates.y, coordinates.z).pixels;
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
