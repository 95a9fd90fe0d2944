// The map of all cities, coloured by the chosen metric, with its legend, a search, and a list of what is found.
import * as format from './format.js';
import { state } from './address.js';
import { element, fold } from './dom.js';
import { Plane } from './plane.js';
import { classOf, scaleOf } from './scale.js';
import { text } from './strings.js';
import { unitOf } from './units.js';

const LISTED = 60;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STALE = '#8a949e', NONE = '#ffffff00';
const SETTLED_MS = 300;

export class MapView {
  static id = 'map';

  constructor(section, app) {
    this.section = section;
    this.app = app;
    this.cities = [];       // in the order of the points
    this.index = new Map(); // city id -> its point
    this.scale = { limits: [], colours: [] };
    this.lost = false;
    this.rows = new Map();  // city id -> its row of the list
    this.build();
    this.plane = new Plane(this.box, { hover: i => this.point(i), pick: i => this.open(i), move: () => this.moved() });
  }

  build() {
    const head = element('div', 'section-head'), tools = element('div', 'map-tools');
    this.title = element('h2');
    this.title.id = 'view-map-title';
    this.metric = element('select', 'map-metric');
    this.metric.id = 'map-metric';
    this.metric.addEventListener('change', () => { this.app.setMetric(this.metric.value); this.colour(); });
    this.metricLabel = element('span', 'visually-hidden');
    this.search = Object.assign(element('input'), { type: 'search', id: 'map-search', autocomplete: 'off', spellcheck: false });
    this.searchLabel = element('span', 'visually-hidden');
    this.search.addEventListener('input', () => { this.app.search(this.search.value); this.find(true); });
    const labelled = (className, label, control) => { const box = element('label', className); box.append(label, control); return box; };
    tools.append(labelled('', this.metricLabel, this.metric), labelled('search', this.searchLabel, this.search));
    head.append(this.title, tools);
    this.box = element('div', 'map-box');
    this.box.id = 'map';
    this.box.tabIndex = 0;
    this.box.setAttribute('role', 'application');
    this.box.setAttribute('aria-describedby', 'map-hint');
    this.box.addEventListener('keydown', event => this.key(event));
    this.box.addEventListener('blur', () => this.point(-1));
    this.tip = element('div', 'map-tip');
    this.tip.hidden = true;
    this.buttons = [['+', () => this.plane.zoomBy(1.6)], ['\u2212', () => this.plane.zoomBy(1 / 1.6)], ['⤢', () => this.plane.setView(null)]].map(([sign, act]) => {
      const button = element('button', '', sign);
      button.type = 'button';
      button.addEventListener('click', act);
      return button;
    });
    const zoom = element('div', 'map-zoom');
    zoom.append(...this.buttons);
    this.box.append(this.tip, zoom);
    this.legend = element('ul', 'map-legend');
    this.hint = element('p', 'muted map-hint');
    this.hint.id = 'map-hint';
    this.said = element('p', 'visually-hidden');
    this.said.setAttribute('role', 'status');
    this.list = element('ul', 'map-list');
    this.note = element('p', 'muted map-note');
    const side = element('div', 'map-side'), main = element('div', 'map-main'), body = element('div', 'map-body');
    side.append(this.list, this.note);
    main.append(this.box, this.legend, this.hint, this.said);
    body.append(main, side);
    this.section.append(head, body);
  }

  show() {
    this.plane.resize();
    this.plane.setView(state.map);
    this.search.value = state.search;
    this.catalogue();
  }

  hide() {
    this.point(-1);
  }

  labels() {
    const { title, metric, hint, zoomIn, zoomOut, whole } = text.map;
    this.title.textContent = title;
    this.metricLabel.textContent = metric;
    this.searchLabel.textContent = this.search.placeholder = text.search;
    this.hint.textContent = hint;
    this.list.setAttribute('aria-label', text.cities);
    this.buttons.forEach((button, i) => { button.title = [zoomIn, zoomOut, whole][i]; button.setAttribute('aria-label', button.title); });
    this.colour();
  }

  catalogue() {
    if (this.section.hidden) return;
    this.cities = [...this.app.cities.values()].sort((a, b) => b.population - a.population);
    this.index = new Map(this.cities.map((city, i) => [city.id, i]));
    this.keys = this.cities.map(city => fold(`${city.name} ${city.ascii_name} ${city.country}`));
    this.plane.setPoints(this.cities);
    this.labels();
  }

  // The scale of the present metric, and every point's class.
  colour() {
    if (this.section.hidden) return;
    const metric = this.app.metric();
    this.metric.replaceChildren(...this.app.metrics().map(name => new Option(this.app.metricName(name), name, false, name === metric)));
    this.box.setAttribute('aria-label', text.map.label(this.app.metricName(metric)));
    this.scale = scaleOf(metric, () => this.cities.map(city => this.value(city.id)));
    this.plane.colours = [...this.scale.colours, STALE, NONE];
    this.cities.forEach((city, i) => this.classify(i));
    this.plane.redraw();
    this.drawLegend();
    this.find(false);
  }

  value(id) {
    const reading = this.app.readings.get(id);
    return reading ? format.observed(this.app.metric(), reading.values) : undefined;
  }

  words(id) {
    return format.withUnit(this.app.metric(), this.value(id));
  }

  isStale(reading) {
    return this.app.now() - reading.observed_at > format.STALE_MS;
  }

  classify(i) {
    const { id } = this.cities[i], reading = this.app.readings.get(id), value = this.value(id), { length } = this.scale.colours;
    this.plane.setClass(i, !Number.isFinite(value) ? length + 1 : this.lost || this.isStale(reading) ? length : classOf(this.scale, value));
  }

  take(readings) {
    for (const { city } of readings) {
      const i = this.index.get(city);
      if (i === undefined) continue;
      this.classify(i);
      const row = this.rows.get(city);
      if (row) row.value.textContent = this.words(city);
    }
    if (this.plane.marked >= 0 && !this.tip.hidden) this.showTip(this.plane.marked);
  }

  tick(now, lost) {
    this.lost = lost;
    for (let i = 0; i < this.cities.length; i++) this.classify(i);
    for (const [id, row] of this.rows) row.item.classList.toggle('stale', this.plane.classes[this.index.get(id)] >= this.scale.colours.length);
  }

  drawLegend() {
    const { limits, colours } = this.scale, metric = this.app.metric();
    const { digits, from } = unitOf(metric, state.units);
    const show = v => format.number(from(v), (String(Number(from(v).toFixed(digits))).split('.')[1] ?? '').length);
    const entry = (colour, words, className = '') => {
      const item = element('li', className), swatch = element('span', 'swatch');
      swatch.style.backgroundColor = colour;
      item.append(swatch, element('span', '', words));
      return item;
    };
    const classes = colours.map((colour, i) => entry(colour, i === 0 ? `< ${show(limits[0])}` : `≥ ${show(limits[i - 1])}`));
    this.legend.replaceChildren(element('li', 'map-unit', [this.app.metricName(metric), format.unit(metric)].filter(Boolean).join(', ')), ...classes,
      entry(STALE, text.map.stale), entry('transparent', text.map.none));
  }

  // What the search finds stands out, is listed, and, when it was typed, flown to.
  find(fly) {
    const words = fold(state.search).split(/\s+/).filter(Boolean);
    const found = [...this.cities.keys()].filter(i => words.every(w => this.keys[i].includes(w)));
    this.plane.match = words.length && found.length ? Uint8Array.from(this.cities, () => 0) : null;
    if (this.plane.match) for (const i of found) this.plane.match[i] = 1;
    this.plane.redraw(false);
    if (fly && words.length) this.plane.fly(found);
    if (fly && !words.length) this.plane.setView(null);
    this.drawList(found);
  }

  drawList(found) {
    const held = document.activeElement?.closest('.map-list')?.contains(document.activeElement) ? document.activeElement.dataset.city : null;
    this.rows = new Map(found.slice(0, LISTED).map(i => [this.cities[i].id, this.row(i)]));
    this.list.replaceChildren(...[...this.rows.values()].map(row => row.item));
    if (held) this.rows.get(Number(held))?.button.focus();
    const all = this.cities.length, listed = Math.min(found.length, LISTED);
    this.note.textContent = all === 0 ? text.waiting : found.length === 0 ? text.noMatch : listed < found.length ? text.map.listed(listed, found.length) : text.shown(found.length, all);
  }

  row(i) {
    const city = this.cities[i], item = element('li'), button = element('button'), value = element('span', 'map-value', this.words(city.id));
    button.type = 'button';
    button.dataset.city = city.id;
    button.append(element('span', '', city.name), ' ', element('span', 'country', city.country), ' ', value);
    button.addEventListener('click', () => this.open(i));
    for (const event of ['focus', 'pointerenter']) button.addEventListener(event, () => this.plane.mark(i));
    for (const event of ['blur', 'pointerleave']) button.addEventListener(event, () => this.plane.mark(-1));
    item.classList.toggle('stale', this.plane.classes[i] >= this.scale.colours.length);
    item.append(button);
    return { item, button, value };
  }

  // ---- pointing

  open(i) {
    this.app.select(this.cities[i].id);
  }

  point(i) {
    this.plane.mark(i);
    this.tip.hidden = i < 0;
    this.box.classList.toggle('pointing', i >= 0);
    if (i >= 0) this.showTip(i);
  }

  // The tip: name, value and age, on the side that has room.
  showTip(i) {
    const city = this.cities[i], reading = this.app.readings.get(city.id), [x, y] = this.plane.place(i), { width } = this.plane;
    const age = reading ? text.ago(format.span(this.app.now() - reading.observed_at)) + (this.isStale(reading) ? ` (${text.stale})` : '') : text.map.none;
    this.tip.replaceChildren(element('strong', '', city.name), element('span', '', this.words(city.id)), element('span', 'muted', age));
    const room = this.tip.offsetWidth + 14;
    this.tip.style.left = `${Math.max(2, x + room > width ? x - room : x + 14)}px`;
    this.tip.style.top = `${Math.max(2, Math.min(y - 12, this.plane.height - this.tip.offsetHeight - 2))}px`;
  }

  key(event) {
    if (event.target !== this.box) return;
    const { plane } = this, arrow = ARROWS[event.key];
    if (arrow) this.point(plane.next(plane.marked, ...arrow));
    else if (event.key === 'Enter' && plane.marked >= 0) this.open(plane.marked);
    else if (event.key === '+') plane.zoomBy(1.6);
    else if (event.key === '-') plane.zoomBy(1 / 1.6);
    else if (event.key === '0') plane.setView(null);
    else if (event.key === 'Escape') this.point(-1);
    else return;
    event.preventDefault();
    if (!arrow || plane.marked < 0) return;
    plane.reveal(plane.marked);
    this.showTip(plane.marked);
    this.said.textContent = [...this.tip.children].map(e => e.textContent).join(', ');
  }

  // The view goes into the URL when it stays.
  moved() {
    if (this.plane?.marked >= 0 && !this.tip.hidden) this.showTip(this.plane.marked);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      if (this.section.hidden) return;
      const view = this.plane.view();
      state.map = view && [Number(view[0].toFixed(2)), Number(view[1].toFixed(2)), Number(view[2].toFixed(2))];
      this.app.write();
    }, SETTLED_MS);
  }
}
