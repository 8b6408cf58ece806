// What the map needs of Leaflet, by its modules: the whole library is a third larger. The build takes this for `leaflet`.

export { Control } from 'leaflet/src/control/Control.js';
export * as DomEvent from 'leaflet/src/dom/DomEvent.js';
export * as DomUtil from 'leaflet/src/dom/DomUtil.js';
export { Layer } from 'leaflet/src/layer/Layer.js';
export { divIcon } from 'leaflet/src/layer/marker/DivIcon.js';
export { marker } from 'leaflet/src/layer/marker/Marker.js';
export { GridLayer } from 'leaflet/src/layer/tile/GridLayer.js';
export { tileLayer } from 'leaflet/src/layer/tile/TileLayer.js';
export { createMap as map } from 'leaflet/src/map/Map.js';
import { attribution } from 'leaflet/src/control/Control.Attribution.js';
import { Map } from 'leaflet/src/map/Map.js';
import { DoubleClickZoom } from 'leaflet/src/map/handler/Map.DoubleClickZoom.js';
import { Drag } from 'leaflet/src/map/handler/Map.Drag.js';
import { Keyboard } from 'leaflet/src/map/handler/Map.Keyboard.js';
import { ScrollWheelZoom } from 'leaflet/src/map/handler/Map.ScrollWheelZoom.js';
import { TouchZoom } from 'leaflet/src/map/handler/Map.TouchZoom.js';

// Each of them adds itself to the map when it is imported; naming them keeps them in the build.
Object.assign(Map, { DoubleClickZoom, Drag, Keyboard, ScrollWheelZoom, TouchZoom });

export const control = { attribution };
