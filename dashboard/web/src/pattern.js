// What a week of hourly windows says of a city: where its wind comes from, and how a metric goes with the hour of the day.
// Pure: time and zone are parameters.
import * as format from './format.js';
import { figures } from './metric.js';
import { classOf } from './scale.js';

export const SECTORS = 16;
const DAY_MS = 24 * 3600e3, HOUR_MS = 3600e3;

// { sectors: shares by sector and speed class, calm, count }: shares of all readings with wind. A window's readings count in
// the class of its mean speed.
export function roseOf(windows, scale) {
  const sectors = Array.from({ length: SECTORS }, () => new Array(scale.limits.length + 1).fill(0));
  let calm = 0, count = 0;
  for (const { wind, metrics } of windows) {
    if (!wind?.count) continue;
    const speed = classOf(scale, metrics.wind_speed?.mean ?? 0);
    calm += wind.calm;
    count += wind.calm;
    wind.rose.forEach((n, i) => { sectors[i][speed] += n; count += n; });
  }
  if (count) for (const sector of sectors) sector.forEach((n, i) => { sector[i] = n / count; });
  return { sectors, calm: count ? calm / count : 0, count };
}

// Rows of the zone's days, oldest first: { at, hours: [24 values, NaN where nothing is known] }.
export function hoursOf(windows, metric, zone) {
  const days = new Map();
  for (const w of windows) {
    const known = figures(w, metric);
    if (!known) continue;
    const local = w.start + format.offset(w.start, zone), day = Math.floor(local / DAY_MS);
    if (!days.has(day)) days.set(day, { at: w.start, hours: new Array(24).fill(Number.NaN) });
    days.get(day).hours[Math.floor((local - day * DAY_MS) / HOUR_MS)] = known.line;
  }
  return [...days].sort(([a], [b]) => a - b).map(([, row]) => row);
}
