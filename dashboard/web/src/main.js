// Isobar's page: history first, then deltas over one stream. Reads /api/v1 only; shows text from outside as text only.
import { checkSession, showAccount, startAccount } from './account.js';
import * as address from './address.js';
import { AlertList } from './alerts.js';
import { recall } from './card_order.js';
import { Detail } from './detail.js';
import * as format from './format.js';
import { onSession } from './session.js';
import { printing } from './print.js';
import { showSettings } from './settings.js';
import { Stream } from './stream.js';
import { chooseLanguage, text } from './strings.js';
import { CityTable } from './table.js';
import { setOwn } from './units.js';
import { makeViews } from './views.js';
import { Wall } from './wall.js';

const $ = id => document.getElementById(id);
const FOLLOWED = 6; // cities whose windows one stream follows
const { state } = address;
const cities = new Map();
const readings = new Map();
let about = null;
let catalogue = null; // number of the catalogue that was loaded
let link = { state: 'connecting', retryAt: 0 };
let redis = { down: false, since: 0 };
let lastHeard = Date.now(); // when the server last sent something
let clockOffset = 0;        // the server's clock minus ours

const now = () => Date.now() + clockOffset;

address.read();
recall();
chooseLanguage(state.lang);
const setRange = range => { Object.assign(state, { range, zoom: null }); address.write(); detail.setRange(); };
// The windows that one stream follows: of the city that is shown, and of those that are compared.
let begun = false;
const follow = () => { if (begun) stream.follow([...new Set([...(state.view === 'compare' ? state.cities : []), detail.city?.id ?? state.city])].filter(Boolean).slice(0, FOLLOWED), detail.size()); };
const detail = new Detail(setRange,
  metric => { state.metric = metric; address.write(); detail.setMetric(); },
  second => { state.second = second; address.write(); detail.redraw(); }, follow, now);
const show = id => { if (state.view !== 'overview') setView('city'); select(id); };
const views = makeViews($('main'), { cities, readings, now, about: () => about, select: show, write: address.write,
  search: words => { state.search = $('search').value = words; address.write(); table.filter(); },
  metric: () => detail.metric(), metrics: () => [...detail.cards.keys()], metricName: name => detail.name(name === 'precipitation' ? 'snow' : name),
  size: () => detail.size(), window: () => detail.window(), end: () => detail.end(), setRange, begin: () => detail.setRange(), follow,
  setMetric: metric => { state.metric = metric; address.write(); detail.setMetric(); } });
const shown = () => views.get(state.view);
const tabled = () => ['overview', 'table'].includes(state.view); // the table costs nothing where it is not seen
const alerts = new AlertList(id => cities.get(id)?.name, show);
const table = new CityTable(show, () => { address.write(); table.order(); });
const wall = new Wall({ cities, readings, now, setView, label: () => $('data-label').textContent, alertsOf: id => alerts.alerts.filter(a => a.city === id && a.state === 'raised') });
printing({ now, title: () => (['overview', 'city'].includes(state.view) ? detail.city?.name ?? '' : text.views[state.view]), credit: () => [$('data-label').textContent, $(state.view === 'city' ? 'credit' : 'list-credit').textContent].filter(Boolean).join(' · '),
  redraw: () => { detail.paint(); shown()?.paint?.(); } });
const stream = new Stream({ snapshot, latest, state: heard, cluster, windows: event => { heard(event); detail.windows(event); shown()?.windows?.(event); }, alerts: event => { heard(event); showAlerts(event); } }, onLink, onOpen);

// ---- what the server sends

function heard(event) {
  lastHeard = Date.now();
  if (event.at) clockOffset = event.at - lastHeard;
  const wasDown = redis.down;
  if (event.redis) redis = { down: event.redis === 'down', since: event.since };
  if (redis.down !== wasDown) tick();
  if (event.catalogue !== undefined && event.catalogue !== catalogue) loadCities();
}

// Events may come faster than anybody looks: what they changed is drawn at once after a quiet time, then ten times a second.
const DRAW_MS = 100;
const undrawn = new Map();
let drawing = null, drawn = 0;

function take(list) {
  for (const reading of list) {
    readings.set(reading.city, reading);
    undrawn.set(reading.city, reading);
  }
  drawing ??= setTimeout(draw, Math.max(0, drawn + DRAW_MS - Date.now()));
}

function draw() {
  const list = [...undrawn.values()];
  drawing = null;
  drawn = Date.now();
  undrawn.clear();
  const own = list.find(reading => reading.city === detail.city?.id);
  if (own) showReading(own);
  if (tabled()) table.update(list);
  shown()?.take(list);
  if (list.some(isNews)) loadAbout();
  tick();
}

function snapshot(event) {
  readings.clear();
  heard(event);
  latest(event);
}

function showAlerts(active) {
  alerts.update(active);
  detail.setAlerts(alerts.alerts);
}

function latest(event) {
  heard(event);
  if (event.active) showAlerts(event.active);
  take(event.latest);
}

// The leader's view; null: there is none.
function cluster(view) {
  heard({});
  for (const each of views.values()) each.cluster?.(view);
  badges();
}

// What is wrong in a view, beside its name, whatever view is shown.
function badges() {
  for (const button of $('views').children) {
    const badge = views.get(button.dataset.view)?.badge?.(), count = String(badge?.count || '');
    let mark = button.querySelector('.count');
    if (mark?.textContent === count || (!mark && !count)) continue;
    if (!mark) button.append(mark = Object.assign(document.createElement('span'), { className: 'count' }));
    mark.hidden = !count;
    mark.textContent = count;
    if (count) button.setAttribute('aria-label', `${text.views[button.dataset.view]}, ${badge.words}`);
    else button.removeAttribute('aria-label');
  }
}

async function loadCluster() {
  try {
    const answer = await fetch('/api/v1/cluster');
    if (answer.ok) cluster(await answer.json());
    else if (!redis.down) cluster(null);
  } catch {
    // the stream tells it as well
  }
}

function onLink(name, retryAt) {
  const told = name === 'live' && link.state === name; // which every event says
  if (name === 'lost' && link.state !== 'lost') checkSession();
  link = { state: name, retryAt };
  if (!told) tick();
}

// After each new connection: the history may have a hole.
let opened = false;
function onOpen() {
  if (opened && detail.city) detail.history();
  if (opened) loadAbout();
  loadCluster();
  opened = true;
}

// ---- what changes rarely

let loading = false;
async function loadCities() {
  if (loading) return;
  loading = true;
  try {
    const fresh = catalogue !== null;
    const body = await (await fetch(fresh ? `/api/v1/cities?since=${catalogue}` : '/api/v1/cities')).json();
    catalogue = body.catalogue;
    if (!body.gone) cities.clear(); // all of them, else only what changed
    for (const id of body.gone ?? []) cities.delete(id);
    for (const city of body.cities) cities.set(city.id, city);
    if (body.gone) table.changeCities(body.cities, body.gone);
    else table.setCities(body.cities);
    table.update(body.gone ? body.cities.map(c => readings.get(c.id)).filter(Boolean) : [...readings.values()]);
    table.order();
    shown()?.catalogue();
    alerts.draw();
    if (fresh && detail.city && cities.has(detail.city.id)) {
      detail.city = cities.get(detail.city.id);
      detail.place();
    }
    if (cities.size && !cities.has(detail.city?.id)) select(cities.has(state.city) ? state.city : largest());
    tick();
  } catch {
    // The next `state` event, at most two seconds away, asks again.
  } finally {
    loading = false;
  }
}

const largest = () => [...cities.values()].reduce((a, b) => (b.population > a.population ? b : a)).id;

// A reading with a source, or with the name of a value, that was not there when the installation was asked about: the
// operator may have named a metric of his own, or renamed it.
const isNews = reading => !about?.seen.has(reading.provider) || Object.keys(reading.values).some(name => !about.names.has(name));

let asking = false;
async function loadAbout() {
  if (asking) return;
  asking = true;
  const all = [...readings.values()]; // what comes while it is asked is not answered by it
  try {
    const answer = await (await fetch('/api/v1/about')).json();
    about = { ...answer, seen: new Set(all.map(r => r.provider)), names: new Set(all.flatMap(r => Object.keys(r.values))) };
    detail.setSizes(about.window_sizes);
    setOwn(about.custom);
    detail.setOwn(about.custom);
    shown()?.labels();
    honest();
  } catch {
    // asked again with the next values
  } finally {
    asking = false;
  }
}

// The label that the data is no live data, and the credits of its sources.
function honest() {
  const label = $('data-label');
  label.hidden = !(about && about.data in text.labels);
  label.textContent = text.labels[about?.data] ?? '';
  label.title = text.labelHelp[about?.data] ?? '';
  credit($('credit'), new Set([readings.get(detail.city?.id)?.provider]));
  credit($('list-credit'), about?.seen ?? new Set());
}

function credit(box, providers) {
  const parts = [];
  const names = [...providers].filter(Boolean).map(p => text.providers[p] ?? p);
  if (names.length) parts.push(`${text.source}: ${names.join(', ')}`);
  for (const entry of about?.attribution ?? []) {
    if (!providers.has(entry.provider) && entry.provider !== 'catalogue') continue;
    const a = Object.assign(document.createElement('a'), { textContent: entry.text, href: entry.url, rel: 'noreferrer' });
    if (parts.length) parts.push(' · ');
    parts.push(a);
  }
  box.replaceChildren(...parts);
}

// ---- what the user chooses

function select(id) {
  const city = cities.get(id);
  if (!city) return;
  const same = detail.city?.id === id;
  if (state.city !== id && state.city !== null) state.zoom = null;
  state.city = id;
  address.write();
  table.select(id);
  if (!same) detail.show(city);
  if (readings.has(id)) showReading(readings.get(id));
  honest();
  tick();
}

function showReading(reading) {
  const before = detail.latest?.provider;
  detail.update(reading);
  document.title = `${format.withUnit('temperature', reading.values.temperature)} ${detail.city.name} · Isobar`;
  if (before !== reading.provider) honest();
}

function setView(view) {
  const before = shown(), hadTable = tabled();
  state.view = view;
  address.write();
  document.body.dataset.view = view;
  for (const button of $('views').children) {
    if (button.dataset.view === view) button.setAttribute('aria-current', 'page');
    else button.removeAttribute('aria-current');
  }
  for (const [id, other] of views) other.section.hidden = id !== view;
  if (before !== shown()) before?.hide();
  shown()?.show();
  follow();
  if (hadTable || !tabled()) return;
  table.update([...readings.values()]);
  table.order();
  tick();
}

function labels() {
  $('skip').textContent = text.skip;
  $('list-title').textContent = text.cities;
  $('search-label').textContent = $('search').placeholder = text.search;
  $('table-box').setAttribute('aria-label', text.tableLabel);
  $('views').setAttribute('aria-label', text.viewLabel);
  for (const button of $('views').children) button.textContent = text.views[button.dataset.view];
  if (detail.city) detail.place();
  showAccount();
  table.labels();
  detail.labels();
  badges();
  alerts.draw();
  for (const view of views.values()) view.labels();
  honest();
  showSettings(() => { address.write(); chooseLanguage(state.lang); labels(); }, seconds => wall.start(seconds));
  if (detail.latest) showReading(detail.latest);
  tick();
}

// ---- every second

const say = (id, words) => { if ($(id).textContent !== words) $(id).textContent = words; };

function tick() {
  const lost = link.state === 'lost' || redis.down;
  if (tabled()) table.tick(now(), lost);
  detail.tick(now(), lost);
  shown()?.tick(now(), lost);
  wall.tick(lost);
  badges();
  document.body.classList.toggle('lost', lost);
  $('status-dot').dataset.state = lost ? 'lost' : link.state;
  say('status-text', link.state === 'lost' ? text.reconnecting : link.state !== 'live' ? text.connecting : redis.down ? text.paused : text.live);
  $('banner').hidden = !lost;
  if (!lost) return;
  const away = link.state === 'lost', seconds = Math.ceil((link.retryAt - Date.now()) / 1000);
  say('banner-text', away ? text.bannerLost : text.bannerRedis);
  say('banner-detail', `${text.bannerAge(format.span(away ? Date.now() - lastHeard : now() - redis.since))} ${!away ? text.bannerWaits : seconds > 0 ? text.bannerRetry(seconds) : text.bannerNow}`);
}

// ---- start

for (const view of address.VIEWS) {
  const button = Object.assign(document.createElement('button'), { type: 'button' });
  button.dataset.view = view;
  button.addEventListener('click', () => setView(view));
  $('views').append(button);
}
$('search').value = state.search;
$('search').addEventListener('input', event => { state.search = event.target.value; address.write(); table.filter(); });
addEventListener('hashchange', () => {
  address.read();
  chooseLanguage(state.lang);
  $('search').value = state.search;
  setView(state.view);
  detail.setRange();
  labels();
  if (state.city) select(state.city);
  wall.begin();
});
setView(state.view);
labels();
wall.begin();
onSession(labels);
if (await startAccount()) {
  begun = true;
  follow();
}
setInterval(tick, 1000);
setInterval(() => detail.redraw(), 60e3); // the axis moves on, also when nothing comes
