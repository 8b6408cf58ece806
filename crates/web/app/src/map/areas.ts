/** Squares on the ground, as elements of the page: the vector layers of Leaflet would be a fourth of the whole map. */

import { DomUtil, Layer, type Map } from 'leaflet';
import type { Point } from '../logic/geometry.js';

/** A square by its centre. */
export interface Area extends Point {
  /** Metres of a side. */
  side: number;
  kind: 'place' | 'covered';
  text?: string;
}

/** Metres of a degree of latitude. */
const DEGREE = 111_195;
/** Squares that are drawn at once: the first of those that the map shows. */
const MAX_DRAWN = 500;
/** A smaller one, in pixels, has no text. */
const MIN_TEXT = 24;

export class Areas extends Layer {
  #box: HTMLElement | null = null;
  #shown: readonly Area[] = [];

  override onAdd(map: Map): this {
    this.#box = DomUtil.create('div', 'leaflet-zoom-hide', map.getPane('overlayPane'));
    map.on('moveend viewreset resize', this.#draw);
    this.#draw();
    return this;
  }

  override onRemove(map: Map): this {
    map.off('moveend viewreset resize', this.#draw);
    this.#box?.remove();
    this.#box = null;
    return this;
  }

  /** Shows these squares in place of those before. */
  show(areas: readonly Area[]): void {
    if (areas.length === 0 && this.#shown.length === 0) return;
    this.#shown = areas;
    this.#draw();
  }

  readonly #draw = (): void => {
    if (!this.#box) return;
    const view = this._map.getBounds().pad(0.2);
    const seen = this.#shown.filter(({ latitude, longitude }) => view.contains([latitude, longitude]));
    this.#box.replaceChildren(...seen.slice(0, MAX_DRAWN).map((area) => this.#element(area)));
  };

  #element({ latitude, longitude, side, kind, text = '' }: Area): HTMLElement {
    const [north, east] = [side / 2 / DEGREE, side / 2 / DEGREE / Math.max(0.01, Math.cos((latitude * Math.PI) / 180))];
    const from = this._map.latLngToLayerPoint([latitude + north, longitude - east]);
    const { x, y } = this._map.latLngToLayerPoint([latitude - north, longitude + east]).subtract(from);
    const element = DomUtil.create('div', `map-area ${kind}`);
    element.style.width = `${Math.max(4, x)}px`;
    element.style.height = `${Math.max(4, y)}px`;
    if (x >= MIN_TEXT) element.textContent = text;
    DomUtil.setPosition(element, from);
    return element;
  }
}
