/** Leaflet behind what the app needs of a map: points, a grid where there are no tiles. Knows no emergencies. */

import {
  circleMarker,
  control,
  divIcon,
  layerGroup,
  map as createMap,
  marker,
  rectangle,
  tileLayer,
  Control,
  DomEvent,
  DomUtil,
  type LatLngBoundsExpression,
  type Map,
} from 'leaflet';
import 'leaflet/dist/leaflet.css';
import './map.css';
import type { Point } from '../logic/geometry.js';
import { gridLayer } from './grid.js';

export type PointKind = 'emergency' | 'unanswered' | 'helper' | 'me' | 'ended';

export interface MapPoint extends Point {
  id: string;
  kind: PointKind;
  label: string;
  /** Metres of the cell of which this is the centre, if the place is not exact. */
  precision?: number;
}

export interface MapOptions {
  tiles: { url: string; attribution: string | null } | null;
  texts: { zoomIn: string; zoomOut: string; fit: string };
  start: (Point & { zoom: number }) | null;
  onMove: (centre: Point, zoom: number) => void;
  onChoose: (id: string) => void;
}

/** Metres of a degree of latitude. */
const DEGREE = 111_195;
const MAX_ZOOM = 19;
const FIT = { padding: [36, 36] as [number, number], maxZoom: 17, animate: false };

export class LeafletMap {
  readonly #map: Map;
  readonly #points = layerGroup();
  readonly #options: MapOptions;
  readonly #resizes: ResizeObserver;
  #shown: readonly MapPoint[] = [];
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
    this.#points.addTo(this.#map);
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

  /** Shows these points in place of those before. */
  show(points: readonly MapPoint[]): void {
    this.#shown = points;
    this.#points.clearLayers();
    for (const point of points) this.#add(point);
    if (this.#isFollowing) this.fit();
  }

  /** Moves the map so that all points are seen. */
  fit(): void {
    const places = this.#shown.map(({ latitude, longitude }): [number, number] => [latitude, longitude]);
    if (places.length > 0) this.#map.fitBounds(places, FIT);
  }

  remove(): void {
    this.#resizes.disconnect();
    this.#map.remove();
  }

  #add({ id, kind, latitude, longitude, label, precision = 0 }: MapPoint): void {
    if (precision > 0) rectangle(square({ latitude, longitude }, precision), { className: 'map-area', interactive: false }).addTo(this.#points);
    if (kind === 'ended') {
      circleMarker([latitude, longitude], { radius: 5, className: 'map-ended', interactive: false }).addTo(this.#points);
      return;
    }
    const icon = divIcon({ className: `map-point ${kind}`, html: `<i></i><b>${escape(label)}</b>`, iconSize: [28, 28] });
    // The list beside the map is what a keyboard chooses from.
    const point = marker([latitude, longitude], { icon, keyboard: false, interactive: kind !== 'me' });
    point.on('click', () => this.#options.onChoose(id));
    point.addTo(this.#points);
  }

  #addBackground(): void {
    const { tiles } = this.#options;
    if (tiles) {
      tileLayer(tiles.url, { maxZoom: MAX_ZOOM, crossOrigin: false }).addTo(this.#map);
      if (tiles.attribution) control.attribution({ prefix: false }).addAttribution(escape(tiles.attribution)).addTo(this.#map);
    } else {
      gridLayer().addTo(this.#map);
    }
    control.scale({ imperial: false, position: 'bottomleft' }).addTo(this.#map);
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

function square({ latitude, longitude }: Point, side: number): LatLngBoundsExpression {
  const [north, east] = [side / 2 / DEGREE, side / 2 / DEGREE / Math.max(0.01, Math.cos((latitude * Math.PI) / 180))];
  return [
    [latitude - north, longitude - east],
    [latitude + north, longitude + east],
  ];
}

function escape(text: string): string {
  const element = document.createElement('span');
  element.textContent = text;
  return element.innerHTML;
}
