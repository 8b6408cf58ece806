/** Leaflet behind what the app needs of a map: points, squares, a grid where there are no tiles. Knows no emergencies. */

import { control, divIcon, map as createMap, marker, tileLayer, Control, DomEvent, DomUtil, type Map as Leaflet, type Marker } from 'leaflet';
import 'leaflet/dist/leaflet.css';
import './map.css';
import { rowOf, squareIn, type Point } from '../logic/geometry.js';
import { Areas, type Area } from './areas.js';
import { gridLayer } from './grid.js';

export type PointKind = 'emergency' | 'unanswered' | 'helper' | 'me' | 'resource' | 'ended';

export interface MapPoint extends Point {
  id: string;
  kind: PointKind;
  label: string;
  /** Metres of the cell of which this is the centre, if the place is not exact. */
  precision?: number;
}

export interface MapOptions {
  tiles: { url: string; attribution: string | null } | null;
  texts: { zoomIn: string; zoomOut: string; fit: string; distance: (metres: number) => string };
  start: (Point & { zoom: number }) | null;
  onMove: (centre: Point, zoom: number) => void;
  onChoose: (id: string) => void;
}

const MAX_ZOOM = 19;
const FIT = { padding: [36, 36] as [number, number], maxZoom: 17, animate: false };

export class LeafletMap {
  readonly #map: Leaflet;
  /** The markers by the ids of their points, and what each shows. */
  readonly #markers = new Map<string, { marker: Marker; point: MapPoint }>();
  readonly #areas = new Areas();
  readonly #options: MapOptions;
  readonly #resizes: ResizeObserver;
  readonly #palette = matchMedia('(prefers-color-scheme: dark)');
  readonly #removed = new AbortController();
  #shown: readonly MapPoint[] = [];
  #cells: readonly Area[] = [];
  /** Whether the map still follows its points: until the person moves it. */
  #isFollowing: boolean;

  constructor(element: HTMLElement, options: MapOptions) {
    this.#options = options;
    this.#isFollowing = options.start === null;
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#map = createMap(element, {
      zoomControl: false,
      attributionControl: false,
      maxZoom: MAX_ZOOM,
      zoomAnimation: !isStill,
      fadeAnimation: !isStill,
      markerZoomAnimation: !isStill,
      inertia: !isStill,
    });
    const { latitude, longitude, zoom } = options.start ?? { latitude: 20, longitude: 0, zoom: 2 };
    this.#map.setView([latitude, longitude], zoom);
    this.#addBackground();
    this.#addControls();
    this.#addScale();
    this.#areas.addTo(this.#map);
    this.#map.on('dragstart zoomstart', (event) => {
      if (event.type === 'dragstart' || 'originalEvent' in event) this.#isFollowing = false;
    });
    this.#map.on('move', () => {
      const { lat, lng } = this.#map.getCenter().wrap();
      options.onMove({ latitude: lat, longitude: lng }, this.#map.getZoom());
    });
    this.#resizes = new ResizeObserver(() => this.#map.invalidateSize({ animate: false }));
    this.#resizes.observe(element);
  }

  /** Shows these points, and below them these squares, in place of those before. */
  show(points: readonly MapPoint[], cells: readonly Area[] = []): void {
    this.#shown = points;
    const areas = points.filter(({ precision = 0 }) => precision > 0);
    this.#areas.show([...cells, ...areas.map(({ precision = 0, ...place }): Area => ({ ...place, side: precision, kind: 'place' }))]);
    const gone = new Set(this.#markers.keys());
    for (const point of points) {
      gone.delete(point.id);
      this.#put(point);
    }
    for (const id of gone) this.#drop(id);
    this.#cells = cells;
    if (this.#isFollowing) this.fit();
  }

  /** Moves the map so that all points are seen; without any, the squares. */
  fit(): void {
    const shown = this.#shown.length > 0 ? this.#shown : this.#cells;
    const places = shown.map(({ latitude, longitude }): [number, number] => [latitude, longitude]);
    if (places.length > 0) this.#map.fitBounds(places, FIT);
  }

  /** Moves the middle of the map to a place, and no further out than this zoom. */
  goTo({ latitude, longitude }: Point, zoom = 0): void {
    this.#isFollowing = false;
    this.#map.setView([latitude, longitude], Math.max(zoom, this.#map.getZoom()), { animate: false });
  }

  remove(): void {
    this.#removed.abort();
    this.#resizes.disconnect();
    this.#map.remove();
  }

  #put(point: MapPoint): void {
    const before = this.#markers.get(point.id);
    const { id, kind, latitude, longitude, label } = point;
    // A thousand markers are not made anew because one has moved.
    if (before?.point.kind === kind && before.point.label === label) {
      if (before.point.latitude !== latitude || before.point.longitude !== longitude) before.marker.setLatLng([latitude, longitude]);
      before.point = point;
      return;
    }
    this.#drop(id);
    const icon = divIcon({ className: `map-point ${kind}`, html: `<i></i><b>${escape(label)}</b>`, iconSize: [28, 28] });
    // The list beside the map is what a keyboard chooses from.
    const added = marker([latitude, longitude], { icon, keyboard: false, interactive: kind !== 'me' && kind !== 'ended' });
    added.on('click', () => this.#options.onChoose(id));
    this.#markers.set(id, { marker: added.addTo(this.#map), point });
  }

  #drop(id: string): void {
    this.#markers.get(id)?.marker.remove();
    this.#markers.delete(id);
  }

  #addBackground(): void {
    const { tiles } = this.#options;
    if (tiles) {
      tileLayer(tiles.url, { maxZoom: MAX_ZOOM, crossOrigin: false }).addTo(this.#map);
      if (tiles.attribution) control.attribution({ prefix: false }).addAttribution(escape(tiles.attribution)).addTo(this.#map);
    } else {
      const grid = gridLayer().addTo(this.#map);
      // Its lines are drawn in the colour of the palette, which changes by itself in the evening.
      this.#palette.addEventListener('change', () => grid.redraw(), { signal: this.#removed.signal });
    }
  }

  /** The side of a square of the grid, and how long that is. */
  #addScale(): void {
    const scale = new Control({ position: 'bottomleft' });
    const bar = DomUtil.create('div', 'map-scale');
    scale.onAdd = () => bar;
    scale.addTo(this.#map);
    const draw = () => {
      const zoom = this.#map.getZoom();
      const { metres, pixels } = squareIn(rowOf(this.#map.getCenter().lat, zoom), zoom);
      bar.style.width = `${Math.round(pixels)}px`;
      bar.textContent = this.#options.texts.distance(metres);
    };
    draw();
    this.#map.on('move', draw);
  }

  #addControls(): void {
    const { zoomIn, zoomOut, fit } = this.#options.texts;
    const buttons: [string, string, () => void][] = [
      ['+', zoomIn, () => this.#map.zoomIn()],
      ['−', zoomOut, () => this.#map.zoomOut()],
      ['◎', fit, () => this.fit()],
    ];
    const bar = new Control({ position: 'topright' });
    bar.onAdd = () => {
      const box = DomUtil.create('div', 'map-buttons');
      for (const [text, label, act] of buttons) {
        const button = DomUtil.create('button', '', box);
        button.type = 'button';
        button.textContent = text;
        button.setAttribute('aria-label', label);
        button.addEventListener('click', act);
      }
      DomEvent.disableClickPropagation(box);
      return box;
    };
    bar.addTo(this.#map);
  }
}

function escape(text: string): string {
  const element = document.createElement('span');
  element.textContent = text;
  return element.innerHTML;
}
