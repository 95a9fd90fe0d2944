// The page's state, all of it in the URL: #view=city&city=5809844&range=6h&metric=humidity&units=f,kn&time=utc&lang=es. A pasted link
// restores it. Only what differs from the default is written.
import { DEFAULT_UNITS, UNITS } from './units.js';

export const VIEWS = ['overview', 'map', 'table', 'city', 'compare', 'operations']; // those of views.js as well
const HOUR_MS = 3600e3;
export const RANGES = { '1h': HOUR_MS, '6h': 6 * HOUR_MS, '24h': 24 * HOUR_MS, '48h': 48 * HOUR_MS, '7d': 168 * HOUR_MS, '30d': 720 * HOUR_MS, '1y': 8760 * HOUR_MS };
export const TIMES = ['city', 'utc', 'browser'];
export const COMPARED = 6; // cities in one chart
const SHOWN = 100; // pages of a wall screen
export const state = { view: 'overview', city: null, cities: [], range: '24h', until: null, zoom: null, cards: null, wall: null, show: [], metric: 'temperature', map: null, sort: 'name', descending: false, search: '', second: true, units: { ...DEFAULT_UNITS }, time: 'city', lang: '' };

const one = (value, allowed, otherwise) => (allowed.includes(value) ? value : otherwise);

// Unix ms of a moment that a browser can show; null: none, or it is none.
function moment(words) {
  const ms = Number(words);
  return words && Number.isSafeInteger(ms) && ms > 0 && ms < 4e12 ? ms : null;
}

// [from, to] that is zoomed to; null: the whole range.
function span(words) {
  const [from, to] = (words ?? '').split('-').map(moment);
  return from && to && from < to ? [from, to] : null;
}

// [longitude, latitude, zoom] of the map's middle; null: the whole world.
function place(words) {
  const numbers = (words ?? '').split(',').map(Number);
  return words && numbers.length === 3 && numbers.every(Number.isFinite) ? numbers : null;
}

export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const id = Number(given.get('city'));
  state.view = one(given.get('view'), VIEWS, 'overview');
  state.city = Number.isSafeInteger(id) && id > 0 ? id : null;
  state.cities = [...new Set((given.get('cities') ?? '').split(',').map(Number))].filter(n => Number.isSafeInteger(n) && n > 0).slice(0, COMPARED);
  state.range = one(given.get('range'), Object.keys(RANGES), '24h');
  state.until = moment(given.get('until'));
  state.zoom = span(given.get('zoom'));
  state.cards = given.get('cards')?.split(',').filter(name => /^\w+$/.test(name)) ?? null;
  const wall = Number(given.get('wall'));
  state.wall = wall >= 1 && wall <= 86400 ? wall : null;
  state.show = (given.get('show') ?? '').split(',').filter(Boolean).slice(0, SHOWN).map(page => Number(page) || page);
  state.metric = given.get('metric') || 'temperature'; // whether there is one of that name is known later
  state.map = place(given.get('map'));
  const sort = given.get('sort') ?? 'name';
  state.descending = sort.startsWith('-');
  state.sort = sort.replace(/^-/, '');
  state.search = given.get('q') ?? '';
  state.second = given.get('second') !== 'off';
  state.time = one(given.get('time'), TIMES, 'city');
  state.lang = given.get('lang') ?? '';
  state.units = { ...DEFAULT_UNITS };
  for (const code of (given.get('units') ?? '').split(',')) if (Object.hasOwn(UNITS, code)) state.units[UNITS[code].dimension] = code;
}

export function write() {
  const out = new URLSearchParams();
  const units = Object.entries(state.units).filter(([dimension, code]) => code !== DEFAULT_UNITS[dimension]).map(([, code]) => code);
  if (state.view !== 'overview') out.set('view', state.view);
  if (state.city) out.set('city', state.city);
  if (state.cities.length) out.set('cities', state.cities);
  if (state.range !== '24h') out.set('range', state.range);
  if (state.until) out.set('until', state.until);
  if (state.zoom) out.set('zoom', state.zoom.join('-'));
  if (state.cards) out.set('cards', state.cards);
  if (state.wall) out.set('wall', state.wall);
  if (state.show.length) out.set('show', state.show);
  if (state.metric !== 'temperature') out.set('metric', state.metric);
  if (state.map) out.set('map', state.map);
  if (state.sort !== 'name' || state.descending) out.set('sort', (state.descending ? '-' : '') + state.sort);
  if (state.search) out.set('q', state.search);
  if (!state.second) out.set('second', 'off');
  if (units.length) out.set('units', units.join(','));
  if (state.time !== 'city') out.set('time', state.time);
  if (state.lang) out.set('lang', state.lang);
  const hash = `#${out}`.replaceAll('%2C', ',');
  if (hash !== location.hash) history.replaceState(null, '', hash);
}
