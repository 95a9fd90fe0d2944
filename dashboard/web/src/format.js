// Numbers, ages and times as text, in the page's language and the chosen units and zone.
import { state } from './address.js';
import { locale, text } from './strings.js';
import { unitOf } from './units.js';

export const STALE_MS = 30 * 60 * 1000; // older than this is shown as old
export const MISSING = '–';

const cache = new Map();
function cached(key, make) {
  if (!cache.has(key)) cache.set(key, make());
  return cache.get(key);
}

export function number(value, digits) {
  return cached(`n ${locale} ${digits}`, () => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })).format(value).replace(/^-/, '\u2212');
}

export function unit(name) {
  return unitOf(name, state.units).name;
}

// A value of the API as a number in the chosen unit, without its name; a dash when it is not known.
export function value(name, amount) {
  if (!Number.isFinite(amount)) return MISSING;
  const { digits, from } = unitOf(name, state.units);
  const shown = from(amount);
  return number(Math.abs(shown) < 0.5 * 10 ** -digits ? 0 : shown, digits); // no -0.0
}

export function withUnit(name, amount) {
  return Number.isFinite(amount) ? `${value(name, amount)} ${unit(name)}`.trimEnd() : MISSING;
}

// A difference of two values, with its sign: 10 degrees Celsius more are 18 Fahrenheit more.
export function difference(name, amount) {
  const { digits, from } = unitOf(name, state.units);
  const shown = number(Math.abs(from(amount) - from(0)), digits);
  return Number(Math.abs(from(amount) - from(0)).toFixed(digits)) === 0 ? shown : `${amount < 0 ? '\u2212' : '+'}${shown}`;
}

// The value of a column or card: as observed, or rain and snow together.
export function observed(name, values) {
  if (name !== 'precipitation') return values[name];
  return values.rain === undefined && values.snow === undefined ? undefined : (values.rain ?? 0) + (values.snow ?? 0);
}

const CALM_M_S = 0.5; // slower wind has no direction

// Where the wind comes from, as a point of the compass; nothing in a calm.
export function compass({ wind_speed: speed, wind_direction: direction }) {
  return Number.isFinite(direction) && !(speed < CALM_M_S) ? text.compass[Math.round(direction / 22.5) % 16] : '';
}

// A duration in its largest sensible unit: 8 s, 12 min, 3 h, 2 d.
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return text.seconds(s);
  if (s < 90 * 60) return text.minutes(Math.round(s / 60));
  if (s < 36 * 3600) return text.hours(Math.round(s / 3600));
  return text.days(Math.round(s / 86400));
}

// The zone that times are shown in: of the city, UTC, or the browser's (undefined). A zone the browser does not know is UTC.
export function zoneOf(city) {
  if (state.time === 'browser') return undefined;
  if (state.time === 'utc' || !city?.zone) return 'UTC';
  return cached(`z ${city.zone}`, () => {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: city.zone }).resolvedOptions().timeZone && city.zone;
    } catch {
      return 'UTC';
    }
  });
}

const dateFormat = (zone, kind, options) => cached(`d ${locale} ${zone} ${kind}`, () => new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: 'h23', ...options }));

export const clockTime = (ms, zone) => dateFormat(zone, 'clock', { hour: '2-digit', minute: '2-digit' }).format(ms);
export const day = (ms, zone) => dateFormat(zone, 'day', { day: 'numeric', month: 'short' }).format(ms);
export const dayTime = (ms, zone) => `${day(ms, zone)}, ${clockTime(ms, zone)}`;

// Milliseconds by which the zone's clock is ahead of UTC at `ms`.
export function offset(ms, zone) {
  const parts = {};
  const format = cached(`o ${zone}`, () => new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }));
  for (const { type, value: content } of format.formatToParts(ms)) parts[type] = Number(content);
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - Math.floor(ms / 1000) * 1000;
}
