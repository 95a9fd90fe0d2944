// The world as a plane: Miller's projection, which keeps shapes in the middle latitudes and shows all of them, and its land.
import { feature } from 'topojson-client';
import land from 'world-atlas/land-110m.json';

const RADIAN = Math.PI / 180;
const NORTH = 82, SOUTH = -79; // what is beyond has no cities

// [x, y] of a place in radians, y downwards.
export function project(lon, lat) {
  const y = Math.max(-85, Math.min(85, lat)) * RADIAN;
  return [lon * RADIAN, -1.25 * Math.log(Math.tan(Math.PI / 4 + 0.4 * y))];
}

// [lon, lat] of a point.
export function unproject(x, y) {
  return [x / RADIAN, (2.5 * Math.atan(Math.exp(-0.8 * y)) - 0.625 * Math.PI) / RADIAN];
}

export const BOUNDS = { left: -Math.PI, right: Math.PI, top: project(0, NORTH)[1], bottom: project(0, SOUTH)[1] };

// A ring whose longitudes do not jump at the date line; one that goes round the pole is closed along it.
function unwrapped(ring) {
  const out = [];
  for (const [lon, lat] of ring) {
    const before = out.at(-1)?.[0] ?? lon;
    out.push([lon - 360 * Math.round((lon - before) / 360), lat]);
  }
  if (Math.abs(out.at(-1)[0] - out[0][0]) > 180) out.push([out.at(-1)[0], -90], [out[0][0], -90]);
  return out;
}

// The land as one path, in the plane; it goes beyond the bounds at the sides, where it comes in again at the other one.
export function landPath() {
  const path = new Path2D();
  for (const { geometry } of feature(land, land.objects.land).features) {
    for (const polygon of geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates) {
      for (const ring of polygon) {
        const line = unwrapped(ring), lons = line.map(p => p[0]), sides = [0];
        if (Math.max(...lons) > 180) sides.push(-360);
        if (Math.min(...lons) < -180) sides.push(360);
        for (const side of sides) {
          line.forEach(([lon, lat], i) => path[i ? 'lineTo' : 'moveTo'](...project(lon + side, lat)));
          path.closePath();
        }
      }
    }
  }
  return path;
}
