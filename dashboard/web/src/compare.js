// Up to six cities in one chart: a line each, that differs by stroke as well as by colour; its data as a table.
import { init } from 'echarts/core';
import * as format from './format.js';
import { COMPARED, RANGES, state } from './address.js';
import { element, fold } from './dom.js';
import { fileName, saveCsv, savePng } from './download.js';
import { figures } from './metric.js';
import { RangeBar } from './range_bar.js';
import { text } from './strings.js';
import { css, extentOf, retick, ticksOf, timeAxis, zoomers, zoomOf } from './time_axis.js';
import { figureOf, unitOf } from './units.js';

const EVERY_MS = 5 * 60e3; // what the stream has not brought is read again
const OFFERED = 8;
const COLOURS = ['#2f7ec7', '#d9660a', '#10987a', '#c2649a', '#a98307', '#8268d2']; // seen on dark and on light
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 5], [5, 2]];

export class CompareView {
  static id = 'compare';

  constructor(section, app) {
    this.section = section;
    this.app = app;
    this.history = new Map(); // city id -> its windows
    this.askedAt = -Infinity;
    this.title = element('h2');
    this.title.id = 'view-compare-title';
    this.metric = Object.assign(element('select'), { id: 'compare-metric' });
    this.metric.addEventListener('change', () => { app.setMetric(this.metric.value); this.draw(); });
    const bar = element('div');
    this.bar = new RangeBar(bar, { range: name => { app.setRange(name); this.load(); }, pause: () => { app.begin(); this.load(); }, csv: () => saveCsv(this.cities(), app.size(), this.span()), png: () => this.png(), now: app.now });
    this.search = Object.assign(element('input'), { type: 'search', id: 'compare-search', autocomplete: 'off', spellcheck: false });
    this.search.addEventListener('input', () => this.offer());
    this.search.addEventListener('keydown', event => { if (event.key === 'Enter') this.offers.querySelector('button')?.click(); });
    this.offers = element('ul', 'compare-offers');
    this.chosen = element('ul', 'compare-chosen');
    this.caption = element('p', 'chart-title');
    this.box = element('div', 'chart');
    this.box.id = 'compare-chart';
    this.box.setAttribute('role', 'img');
    this.note = element('p', 'muted');
    this.note.setAttribute('role', 'status');
    this.summary = element('summary');
    this.table = element('div', 'scroll');
    this.table.tabIndex = 0;
    this.table.setAttribute('role', 'region');
    this.details = element('details', 'data-table');
    this.details.append(this.summary, this.table);
    this.details.addEventListener('toggle', () => this.rows());
    const head = element('div', 'section-head'), tools = element('div', 'map-tools'), label = element('label', 'search');
    label.append(this.search);
    tools.append(this.metric, label);
    head.append(this.title, tools);
    this.reset = this.button('', () => { this.zoom(null); this.draw(); this.box.focus(); });
    this.reset.className = 'reset-zoom';
    this.box.tabIndex = -1;
    const area = element('div', 'chart-area');
    area.append(this.box, this.reset);
    section.append(head, this.offers, this.chosen, bar, this.caption, area, this.note, this.details);
    new ResizeObserver(() => { this.chart?.resize(); if (this.chart) this.draw(); }).observe(this.box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  button(words, act) {
    const button = element('button', '', words);
    button.type = 'button';
    button.addEventListener('click', act);
    return button;
  }

  show() {
    if (!this.chart) {
      this.chart = init(this.box, null, { renderer: 'canvas' });
      this.chart.on('datazoom', () => { this.zoom(zoomOf(this.chart, this.extent())); retick(this.chart, this.ticks()); });
    }
    this.chart.resize();
    this.labels();
    this.load();
  }

  hide() {}

  // [from, to] of the axis, and of what is zoomed to.
  extent() {
    return extentOf(this.app.end(), RANGES[state.range]);
  }

  span() {
    return state.zoom ?? this.extent();
  }

  ticks() {
    return ticksOf(this.span(), format.zoneOf(null), this.box.clientWidth);
  }

  zoom(span) {
    state.zoom = span;
    this.app.write();
    this.reset.hidden = !span;
  }

  png() {
    return savePng(this.chart, fileName(this.cities(), this.app.metric(), this.span(), 'png'),
      { title: this.heading(), foot: text.chartTimes(format.zoneOf(null) ?? text.times.browser), keys: this.cities().map((c, i) => ({ words: c.name, colour: COLOURS[i] })) });
  }

  // Cities that the URL names may be known only now.
  catalogue() {
    this.labels();
    this.load();
  }

  labels() {
    const { compare } = text;
    this.title.textContent = compare.title;
    this.search.placeholder = compare.add;
    this.search.setAttribute('aria-label', compare.add);
    this.metric.setAttribute('aria-label', text.map.metric);
    this.bar.labels();
    this.reset.textContent = text.resetZoom;
    this.summary.textContent = text.dataTable;
    this.table.setAttribute('aria-label', text.dataTable);
    if (this.section.hidden) return;
    this.metric.replaceChildren(...this.app.metrics().map(name => new Option(this.app.metricName(name), name, false, name === this.app.metric())));
    this.draw();
  }

  // The cities that are known, of those in the URL.
  cities() {
    return state.cities.map(id => this.app.cities.get(id)).filter(Boolean);
  }

  choose(ids) {
    state.cities = ids.slice(0, COMPARED);
    this.app.write();
    this.search.value = '';
    this.offer();
    this.app.follow();
    this.draw();
    this.load();
  }

  // What the search finds, to choose from.
  offer() {
    const words = fold(this.search.value).split(/\s+/).filter(Boolean), full = state.cities.length >= COMPARED;
    const found = !words.length || full ? [] : [...this.app.cities.values()].filter(c => !state.cities.includes(c.id) && words.every(w => fold(`${c.name} ${c.ascii_name} ${c.country}`).includes(w)))
      .sort((a, b) => b.population - a.population).slice(0, OFFERED);
    this.offers.replaceChildren(...found.map(city => {
      const item = element('li');
      item.append(this.button(`+ ${city.name} (${city.country})`, () => { this.choose([...state.cities, city.id]); this.search.focus(); }));
      return item;
    }));
  }

  async load() {
    this.askedAt = performance.now();
    const { name: size, size_ms: slack } = this.app.window(), [from, to] = this.extent(), range = state.range, until = state.until;
    this.size = size;
    await Promise.all(this.cities().map(async ({ id }) => {
      try {
        const answer = await fetch(`/api/v1/cities/${id}/windows?size=${size}&from=${Math.max(0, from - slack)}&to=${to}&limit=2000`);
        if (!answer.ok || size !== this.size || range !== state.range || until !== state.until) return;
        this.history.set(id, new Map((await answer.json()).windows.map(w => [w.start, w])));
      } catch {
        // in a while
      }
    }));
    for (const id of this.history.keys()) if (!state.cities.includes(id)) this.history.delete(id);
    this.draw();
  }

  take(readings) {
    if (readings.some(r => state.cities.includes(r.city))) this.legend();
  }

  // The newest windows of one city, by the stream.
  windows({ city, size, windows }) {
    const known = this.history.get(city);
    if (!known || size !== this.size || state.until !== null) return;
    for (const w of windows) known.set(w.start, w);
    this.draw();
  }

  tick() {
    if (state.until === null && performance.now() - this.askedAt > EVERY_MS) this.load();
  }

  // ---- drawing

  points(id) {
    const [from, to] = this.extent(), known = [...(this.history.get(id)?.values() ?? [])];
    return known.filter(w => w.end > from && w.start < to).sort((a, b) => a.start - b.start)
      .map(w => [w.start, w.end, figures(w, this.app.metric())?.line]).filter(p => Number.isFinite(p[2]));
  }

  draw() {
    if (this.section.hidden) return;
    const cities = this.cities();
    this.legend();
    this.bar.labels();
    this.reset.hidden = !state.zoom;
    this.note.textContent = this.notes(cities);
    this.chart.setOption(this.option(cities), { notMerge: true });
    this.box.dataset.lines = cities.filter(c => this.points(c.id).length).length;
    this.caption.textContent = `${this.heading()} · ${text.chartTimes(format.zoneOf(null) ?? text.times.browser)}`;
    this.box.setAttribute('aria-label', `${text.compare.title}: ${this.heading()}. ${cities.map(c => c.name).join(', ')}`);
    this.rows();
  }

  // The chart at once, in the colours of now.
  paint() {
    this.draw();
    this.chart.getZr().flush();
  }

  notes(cities) {
    const { retention_ms: kept, name } = this.app.window();
    if (!cities.length) return text.compare.none;
    return [state.cities.length >= COMPARED && text.compare.full(COMPARED), kept < RANGES[state.range] && text.range.kept(format.span(kept), name)].filter(Boolean).join(' ');
  }

  heading() {
    const metric = this.app.metric();
    return [this.app.metricName(metric), text.figures[figureOf(metric)], format.unit(metric)].filter(Boolean).join(', ');
  }

  // The chosen cities with their strokes; each can be opened or taken away.
  legend() {
    const held = document.activeElement?.dataset.remove, openHeld = document.activeElement?.dataset.open;
    this.chosen.replaceChildren(...this.cities().map((city, i) => {
      const item = element('li'), stroke = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      for (const [name, value] of Object.entries({ d: 'M0 5H34', stroke: COLOURS[i], 'stroke-width': 3, 'stroke-dasharray': DASHES[i].join(' ') })) line.setAttribute(name, value);
      stroke.setAttribute('viewBox', '0 0 34 10');
      stroke.setAttribute('aria-hidden', 'true');
      stroke.append(line);
      const value = this.app.readings.get(city.id), open = this.button(city.name, () => this.app.select(city.id));
      const remove = this.button('×', () => { this.choose(state.cities.filter(id => id !== city.id)); this.search.focus(); });
      open.dataset.open = remove.dataset.remove = city.id;
      remove.setAttribute('aria-label', text.compare.remove(city.name));
      item.append(stroke, open, element('span', 'map-value', value ? format.withUnit(this.app.metric(), format.observed(this.app.metric(), value.values)) : format.MISSING), remove);
      return item;
    }));
    if (held) this.chosen.querySelector(`[data-remove="${Number(held)}"]`)?.focus();
    if (openHeld) this.chosen.querySelector(`[data-open="${Number(openHeld)}"]`)?.focus();
  }

  option(cities) {
    const metric = this.app.metric(), { from, digits } = unitOf(metric, state.units), muted = css('--muted'), rule = css('--rule'), zone = format.zoneOf(null);
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(this.box).fontFamily },
      grid: { left: 4, right: 16, top: 12, bottom: 44, containLabel: true },
      xAxis: timeAxis(this.extent(), this.ticks(), zone),
      dataZoom: zoomers(this.extent(), state.zoom),
      yAxis: { type: 'value', scale: figureOf(metric) !== 'sum', axisLabel: { color: muted, fontSize: 12, formatter: v => format.number(v, Math.min(digits, (String(v).split('.')[1] ?? '').length)) }, splitLine: { lineStyle: { color: rule } } },
      tooltip: { trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: css('--panel'), borderColor: rule, textStyle: { color: css('--text'), fontSize: 13 },
        formatter: items => [format.dayTime(items[0].value[0], zone), ...items.map(item => `${item.seriesName}: ${format.withUnit(metric, item.value[2])}`)].join('\n') },
      series: cities.map((city, i) => ({ type: 'line', name: city.name, symbol: 'none', data: this.points(city.id).map(([start, end, v]) => [(start + end) / 2, from(v), v]),
        lineStyle: { color: COLOURS[i], width: 2.2, type: DASHES[i].length ? DASHES[i] : 'solid' }, itemStyle: { color: COLOURS[i] } })),
    };
  }

  // The numbers as a table: a row a time, a column a city; made only while it is open.
  rows() {
    if (!this.details.open) { this.table.replaceChildren(); return; }
    const cities = this.cities(), columns = cities.map(c => new Map(this.points(c.id).map(([start, , v]) => [start, v]))), metric = this.app.metric();
    const starts = [...new Set(columns.flatMap(c => [...c.keys()]))].sort((a, b) => b - a), table = element('table'), head = element('thead'), body = element('tbody');
    const line = (cells, tag) => { const tr = element('tr'); tr.append(...cells.map(words => Object.assign(element(tag, '', words), tag === 'th' ? { scope: 'col' } : {}))); return tr; };
    head.append(line([`${text.table.start} (${format.zoneOf(null) ?? text.times.browser})`, ...cities.map(c => c.name)], 'th'));
    body.append(...starts.map(at => line([format.dayTime(at, format.zoneOf(null)), ...columns.map(c => format.value(metric, c.get(at)))], 'td')));
    table.append(head, body);
    this.table.replaceChildren(table);
  }
}
