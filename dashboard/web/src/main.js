// Isobar's page: history first, then deltas over one stream. Reads /api/v1 only; shows text from outside as text only.
import * as address from './address.js';
import { CityTable } from './table.js';
import { Detail, SIZE } from './detail.js';
import { Stream } from './stream.js';
import * as format from './format.js';
import { chooseLanguage, text } from './strings.js';

const $ = id => document.getElementById(id);
const { state } = address;
const cities = new Map();
const readings = new Map();
let about = null;
let link = { state: 'connecting', retryAt: 0 };
let redisDown = false;
let lastHeard = 0;     // when the server last sent something
let clockOffset = 0;   // server's clock minus ours

address.read();
chooseLanguage(state.lang);

const detail = new Detail(range => { state.range = range; address.write(); detail.setRange(); });
const table = new CityTable(select, () => { address.write(); table.order(); });
const stream = new Stream({ snapshot, latest, windows: event => { heard(event.at); detail.windows(event); }, cluster: () => heard(), state: onRedis },
  (name, retryAt) => { link = { state: name, retryAt }; tick(); });

function heard(at) {
  lastHeard = Date.now();
  if (at) clockOffset = at - lastHeard;
}

function select(id) {
  const city = cities.get(id);
  if (!city) return;
  const same = detail.city?.id === id;
  state.city = id;
  address.write();
  table.select(id);
  if (!same) {
    detail.show(city);
    stream.follow([id], SIZE);
  }
  if (readings.has(id)) detail.update(readings.get(id));
  tick();
}

function take(list) {
  for (const reading of list) {
    readings.set(reading.city, reading);
    if (reading.city === state.city) detail.update(reading);
  }
  table.update(list);
  if (list.some(r => !cities.has(r.city))) loadCities();
}

let firstSnapshot = true;
function snapshot(event) {
  heard(event.at);
  redisDown = event.redis === 'down';
  take(event.latest);
  if (state.sort !== 'name') table.order();
  if (firstSnapshot && event.latest.length) firstSnapshot = false;
  else if (detail.city) detail.history(); // after a reconnect the chart may have a hole
  loadAbout();
}

function latest(event) {
  heard(event.at);
  redisDown = false;
  take(event.latest);
  if (about?.data === 'none') loadAbout();
}

function onRedis(event) {
  heard();
  redisDown = event.redis === 'down';
  tick();
}

// ---- what changes rarely

let loading = null;
function loadCities() {
  loading ??= (async () => {
    try {
      const answer = await fetch('/api/v1/cities');
      const body = await answer.json();
      for (const city of body.cities) cities.set(city.id, city);
      table.addCities(body.cities);
      const units = await (await fetch('/api/v1/latest')).json();
      table.units = detail.units = units.units;
      for (const reading of units.latest) if (!readings.has(reading.city)) readings.set(reading.city, reading);
      table.update([...readings.values()]);
      table.order();
      if (cities.size && !detail.city) select(cities.has(state.city) ? state.city : [...cities.keys()][0]);
      if (!cities.size) setTimeout(loadCities, 1000);
    } catch {
      setTimeout(loadCities, 2000);
    } finally {
      loading = null;
    }
  })();
  return loading;
}

async function loadAbout() {
  try {
    about = await (await fetch('/api/v1/about')).json();
  } catch {
    return;
  }
  const label = $('data-label');
  label.hidden = !(about.data in text.labels);
  label.textContent = text.labels[about.data] ?? '';
  label.title = text.labelHelp[about.data] ?? '';
  credit();
}

function credit() {
  const provider = readings.get(state.city)?.provider;
  const entries = (about?.attribution ?? []).filter(a => a.provider === provider || a.provider === 'catalogue');
  const parts = [];
  for (const entry of entries) {
    if (parts.length) parts.push(' · ');
    const a = document.createElement('a');
    a.textContent = entry.text;
    a.href = entry.url;
    a.rel = 'noreferrer';
    parts.push(a);
  }
  const source = provider ? [`${text.source}: ${text.providers[provider] ?? provider} · `] : [];
  $('credit').replaceChildren(...source, ...parts);
}

// ---- every second

function tick() {
  const now = Date.now() + clockOffset;
  const lost = link.state === 'lost' || redisDown;
  table.tick(now, lost);
  detail.tick(now, lost);
  document.body.classList.toggle('lost', lost);
  $('status-dot').dataset.state = lost ? 'lost' : link.state;
  const words = redisDown && link.state === 'live' ? text.paused : link.state === 'live' ? text.live : link.state === 'lost' ? text.reconnecting : text.connecting;
  if ($('status-text').textContent !== words) $('status-text').textContent = words;
  const banner = $('banner');
  banner.hidden = !lost;
  if (lost) {
    const age = format.span(Date.now() - (lastHeard || Date.now()));
    const wait = Math.ceil((link.retryAt - Date.now()) / 1000);
    banner.textContent = link.state !== 'lost' ? text.bannerRedis(age) : wait > 0 ? text.bannerLost(age, wait) : text.bannerRetry(age);
  }
  const shownProvider = readings.get(state.city)?.provider;
  if (about && $('credit').dataset.provider !== String(shownProvider)) {
    $('credit').dataset.provider = String(shownProvider);
    credit();
  }
}

// ---- start

$('skip').textContent = text.skip;
$('list-title').textContent = text.cities;
$('search-label').textContent = text.search;
$('search').placeholder = text.search;
$('search').value = state.search;
$('search').addEventListener('input', event => { state.search = event.target.value; address.write(); table.filter(); });
addEventListener('hashchange', () => { address.read(); $('search').value = state.search; table.order(); detail.setRange(); if (state.city) select(state.city); });
table.labels();
detail.labels();
table.filter();
loadCities();
loadAbout();
stream.follow([], SIZE);
setInterval(tick, 1000);
tick();
