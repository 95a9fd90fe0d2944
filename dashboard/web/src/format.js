// Numbers, ages and times as text, in the page's language.
import { language, text } from './strings.js';

export const STALE_MS = 30 * 60 * 1000; // older than this is shown as stale

const formats = new Map();
function decimals(value, digits) {
  const key = `${language}${digits}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(key).format(value);
}

// How each value is shown: unit, decimals, and the factor from the API's unit.
const shown = {
  temperature: ['°C', 1], feels_like: ['°C', 1], humidity: ['%', 0], pressure_sea_level: ['hPa', 0, 0.01],
  pressure_station: ['hPa', 0, 0.01], wind_speed: ['m/s', 1], wind_gust: ['m/s', 1], rain: ['mm', 1], snow: ['mm', 1],
  cloud: ['%', 0], visibility: ['km', 1, 0.001],
};
const missing = '–';

// {number, unit} of a value in the units the API names; a dash when it is not known.
export function value(name, amount, units) {
  if (amount === undefined || amount === null) return { number: missing, unit: '' };
  const [unit, digits, factor] = shown[name] ?? [units?.[name] ?? '', 1];
  const inApi = units?.[name];
  const scale = inApi === 'hPa' && unit === 'hPa' ? 1 : inApi === 'km' && unit === 'km' ? 1 : factor ?? 1;
  return { number: decimals(amount * scale, digits), unit };
}

export function degrees(amount) {
  return `${decimals(amount, 1)} °C`;
}

export function compass(direction) {
  return direction === undefined ? '' : text.compass[Math.round(direction / 22.5) % 16];
}

// A duration in its two largest sensible words: 8 s, 12 min, 3 h, 2 d.
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return text.seconds(s);
  if (s < 90 * 60) return text.minutes(Math.round(s / 60));
  if (s < 36 * 3600) return text.hours(Math.round(s / 3600));
  return text.days(Math.round(s / 86400));
}

export function clockTime(ms, withDay) {
  const options = { hour: '2-digit', minute: '2-digit', hour12: false };
  if (withDay) Object.assign(options, { day: 'numeric', month: 'short' });
  return new Intl.DateTimeFormat(language, options).format(ms);
}
