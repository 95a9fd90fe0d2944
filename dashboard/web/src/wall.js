// The screen on a wall: large figures of one city after another, or a view, over the whole screen, without controls, for days. It
// changes at once, never by a fade. Escape leaves it, and leaving the full screen does as well.
import { state, write } from './address.js';
import { element } from './dom.js';
import * as format from './format.js';
import { text } from './strings.js';

const FIGURES = ['humidity', 'wind_speed', 'precipitation', 'pressure_sea_level'];
const VIEWS = ['map', 'compare'];

// What is shown in turn: cities by id, and views. What the URL names; else the compared cities, or the one that is chosen, and the map.
export function pagesOf({ show, cities, city }, known) {
  const asked = show.length ? show : [...(cities.length ? cities : [city]), 'map'];
  return asked.filter(page => VIEWS.includes(page) || known.has(page));
}

export class Wall {
  // app: cities and readings by id, alertsOf(id), setView(name), label() (that the data is no live data), now()
  constructor(app) {
    this.app = app;
    this.box = element('section', 'wall');
    this.box.id = 'wall';
    this.box.hidden = true;
    this.name = element('h2', 'wall-name');
    this.label = element('p', 'badge');
    this.main = element('p', 'wall-main');
    this.list = element('dl', 'wall-figures');
    this.age = element('p', 'wall-age');
    this.alerts = element('p', 'wall-alerts');
    this.clock = element('p', 'wall-clock');
    this.box.append(this.name, this.label, this.main, this.list, this.alerts, this.age, this.clock);
    document.body.append(this.box);
    addEventListener('keydown', event => { if (event.key === 'Escape' && state.wall) this.leave(); });
    document.addEventListener('fullscreenchange', () => { if (!document.fullscreenElement && state.wall && this.full) this.leave(); });
    document.addEventListener('visibilitychange', () => this.wake());
  }

  // By the user: the whole screen, where a browser lets it.
  start(seconds) {
    state.wall = seconds;
    write();
    this.begin();
    document.documentElement.requestFullscreen?.().then(() => { this.full = true; }, () => {});
  }

  // What the URL says.
  begin() {
    this.at = 0;
    this.since = performance.now();
    document.body.classList.toggle('walled', Boolean(state.wall));
    if (!state.wall) { this.box.hidden = true; return; }
    this.before ??= state.view;
    this.wake();
    this.draw();
  }

  leave() {
    state.wall = null;
    this.full = false;
    this.lock?.release().catch(() => {});
    this.lock = null;
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    this.box.hidden = true;
    document.body.classList.remove('walled');
    this.app.setView(this.before ?? state.view);
    this.before = null;
    document.getElementById('settings-title').focus();
  }

  // The screen stays on, where a browser lets it; the lock is lost whenever the page is hidden.
  async wake() {
    if (!state.wall || document.hidden) return;
    try {
      this.lock = await navigator.wakeLock?.request('screen');
    } catch {
      // the screen's own settings have it
    }
  }

  tick(lost) {
    if (!state.wall) return;
    if (performance.now() - this.since >= state.wall * 1000) {
      this.since = performance.now();
      this.at++;
    }
    this.draw(lost);
  }

  draw(lost = false) {
    const pages = pagesOf(state, this.app.cities), page = pages[this.at % Math.max(1, pages.length)];
    this.box.setAttribute('aria-label', text.wall.title);
    this.box.hidden = VIEWS.includes(page);
    this.box.dataset.page = page ?? '';
    if (VIEWS.includes(page)) { if (state.view !== page) this.app.setView(page); return; }
    this.fill(this.app.cities.get(page), this.app.readings.get(page), lost);
  }

  fill(city, reading, lost) {
    const say = (box, words) => { if (box.textContent !== words) box.textContent = words; }, now = this.app.now();
    const age = reading ? now - reading.observed_at : null, stale = age !== null && (age > format.STALE_MS || lost);
    say(this.name, city?.name ?? text.waiting);
    say(this.label, this.app.label());
    this.label.hidden = !this.label.textContent;
    say(this.main, reading ? format.withUnit('temperature', reading.values.temperature) : format.MISSING);
    say(this.age, age === null ? '' : `${stale ? `⚠ ${lost ? text.reconnecting : text.stale} · ` : ''}${text.ago(format.span(age))}`);
    say(this.alerts, city ? this.app.alertsOf(city.id).map(a => `▲ ${a.rule}`).join('  ') : '');
    say(this.clock, format.dayTime(now, format.zoneOf(city)));
    this.box.classList.toggle('stale', stale);
    const figures = reading ? FIGURES.map(name => [text.metrics[name], [format.withUnit(name, format.observed(name, reading.values)), name === 'wind_speed' ? format.compass(reading.values) : ''].filter(Boolean).join(' ')]) : [];
    const key = JSON.stringify(figures);
    if (key === this.drawn) return;
    this.drawn = key;
    this.list.replaceChildren(...figures.map(([title, words]) => { const box = element('div'); box.append(element('dt', '', title), element('dd', '', words)); return box; }));
  }
}
