// One city: cards with the latest values and their ages, and the temperature chart with its data table.
import * as format from './format.js';
import { RANGES, state } from './address.js';
import { TemperatureChart } from './chart.js';
import { text } from './strings.js';

const CARDS = ['temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'precipitation', 'cloud', 'visibility'];
const RETRY_MS = 3000;
const SIZES = { '6h': '10m', '24h': '1h', '48h': '1h' }; // a window must hold several readings for its band to say something
const plainName = name => name[0].toUpperCase() + name.slice(1).replaceAll('_', ' '); // soil_moisture: Soil moisture
const $ = id => document.getElementById(id);
const element = (tag, className, content) => Object.assign(document.createElement(tag), { className: className ?? '', textContent: content ?? '' });

export class Detail {
  // onRange(name); onFollow(): another city or size is to be followed; now(): the server's clock
  constructor(onRange, onFollow, now) {
    this.chart = new TemperatureChart($('chart'), zoomed => { $('reset-zoom').hidden = !zoomed; });
    this.onRange = onRange;
    this.onFollow = onFollow;
    this.now = now;
    this.sizes = Object.values(SIZES); // configured, as far as known
    this.city = null;
    this.latest = null;
    this.note = '';
    this.cards = new Map(CARDS.map(name => [name, this.card(name)]));
    this.own = []; // names of the operator's own metrics
    $('cards').replaceChildren(...[...this.cards.values()].map(c => c.item));
    $('ranges').replaceChildren(...Object.keys(RANGES).map(name => this.rangeButton(name)));
    $('reset-zoom').addEventListener('click', () => { this.chart.resetZoom(); this.redraw(); $('chart').focus(); });
    $('chart-data').closest('details').addEventListener('toggle', () => this.rows());
  }

  // The window size that the range is shown in.
  size() {
    return this.sizes.includes(SIZES[state.range]) ? SIZES[state.range] : this.sizes[0];
  }

  rangeButton(name) {
    const button = element('button');
    button.type = 'button';
    button.dataset.range = name;
    button.addEventListener('click', () => this.onRange(name));
    return button;
  }

  card(name) {
    const item = element('li'), label = element('span', 'card-label'), figure = element('span', 'card-value');
    const number = element('span', 'card-number', format.MISSING), unit = element('span', 'card-unit'), age = element('span', 'card-age');
    figure.append(number, ' ', unit);
    item.append(label, figure, age);
    item.dataset.metric = name;
    return { item, label, number, unit, age };
  }

  // All texts anew, in the present language, units and zone.
  labels() {
    const unit = format.unit('temperature');
    $('chart-title').textContent = text.chartTitle(unit);
    $('legend-mean').textContent = text.legendMean(this.size());
    $('legend-band').textContent = text.legendBand;
    $('legend-open').textContent = text.legendOpen;
    $('chart-hint').textContent = text.chartHint;
    $('reset-zoom').textContent = text.resetZoom;
    $('data-summary').textContent = text.dataTable;
    $('chart-data').setAttribute('aria-label', text.dataTable);
    $('ranges').setAttribute('aria-label', text.rangeLabel);
    for (const button of $('ranges').children) button.textContent = text.ranges[button.dataset.range];
    for (const [name, card] of this.cards) card.label.textContent = text.metrics[name] ?? plainName(name);
    if (this.latest) this.update(this.latest);
    this.zone();
    this.ranges();
    this.redraw();
  }

  zone() {
    this.chart.zone = format.zoneOf(this.city);
    const zone = this.chart.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    $('chart-zone').textContent = text.chartTimes(zone.replaceAll('_', ' '));
  }

  ranges() {
    for (const button of $('ranges').children) button.setAttribute('aria-pressed', String(button.dataset.range === state.range));
  }

  show(city) {
    this.city = city;
    this.latest = null;
    for (const card of this.cards.values()) card.number.textContent = format.MISSING, card.unit.textContent = card.age.textContent = '';
    this.place();
    this.zone();
    this.begin();
  }

  // The chart anew, of the present city, range and size.
  begin() {
    this.shownSize = this.size();
    this.chart.clear();
    this.chart.setRange(RANGES[state.range]);
    this.ranges();
    $('legend-mean').textContent = text.legendMean(this.shownSize);
    this.note = 'loading';
    this.redraw();
    this.history();
    this.onFollow();
  }

  place() {
    const { city } = this;
    const degrees = (v, plus, minus) => `${format.number(Math.abs(v), 2)}° ${v < 0 ? minus : plus}`;
    $('detail-name').textContent = city.name;
    $('detail-place').textContent = `${city.country} · ${degrees(city.lat, text.compass[0], text.compass[8])}, ${degrees(city.lon, text.compass[4], text.compass[12])}`;
  }

  setRange() {
    if (this.city && this.size() !== this.shownSize) { this.begin(); return; }
    this.ranges();
    this.chart.setRange(RANGES[state.range]);
    this.redraw();
  }

  // Metrics of the operator's own: a card for each, after the others.
  setOwn(names) {
    if (String(names) === String(this.own)) return;
    this.own = names;
    this.cards = new Map([...CARDS.map(name => [name, this.cards.get(name)]), ...names.map(name => [name, this.card(name)])]);
    $('cards').replaceChildren(...[...this.cards.values()].map(c => c.item));
    this.labels();
  }

  // The sizes that are configured.
  setSizes(sizes) {
    if (!sizes.length || String(sizes) === String(this.sizes)) return;
    this.sizes = sizes;
    this.setRange();
  }

  // History: all windows of the longest range at once; what follows comes on the stream.
  async history() {
    const { city, shownSize } = this, current = () => city === this.city && shownSize === this.shownSize;
    const from = this.now() - RANGES['48h'] - 3600e3;
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=${shownSize}&from=${from}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      if (!current()) return;
      this.chart.update(body.windows);
      this.note = '';
    } catch {
      if (!current()) return;
      this.note = 'historyError';
      clearTimeout(this.retry);
      this.retry = setTimeout(() => { if (current()) this.history(); }, RETRY_MS);
    }
    this.redraw();
  }

  windows(event) {
    if (event.city !== this.city?.id || event.size !== this.shownSize) return;
    this.chart.update(event.windows);
    this.redraw();
  }

  redraw() {
    if (!this.city) return;
    this.chart.now = this.now();
    this.chart.draw();
    const points = this.chart.windows().length;
    $('chart').dataset.points = points;
    $('chart').setAttribute('aria-label', this.chart.describe());
    $('chart-note').textContent = this.note ? text[this.note] : points ? '' : text.noHistory;
    $('chart').setAttribute('aria-busy', String(this.note === 'loading'));
    this.rows();
  }

  // The chart's numbers as a table, made only while it is open.
  rows() {
    const box = $('chart-data');
    if (!box.closest('details').open) { box.replaceChildren(); return; }
    const table = element('table'), head = element('thead'), body = element('tbody');
    const line = (cells, tag) => {
      const tr = element('tr');
      tr.append(...cells.map(words => Object.assign(element(tag, '', words), tag === 'th' ? { scope: 'col' } : {})));
      return tr;
    };
    const unit = format.unit('temperature'), t = text.table;
    head.append(line([t.start, `${t.mean} ${unit}`, `${t.min} ${unit}`, `${t.max} ${unit}`, t.rows, t.status], 'th'));
    for (const w of this.chart.windows().reverse()) {
      const m = w.metrics.temperature, show = v => format.value('temperature', v);
      body.append(line([format.dayTime(w.start, this.chart.zone), show(m.mean), show(m.min), show(m.max), format.number(m.count, 0),
        w.status === 'revised' ? text.revised(w.revision) : text[w.status]], 'td'));
    }
    table.append(head, body);
    box.replaceChildren(table);
  }

  update(latest) {
    this.latest = latest;
    const { values } = latest;
    for (const [name, card] of this.cards) {
      const amount = format.observed(name, values), known = Number.isFinite(amount);
      const more = name === 'wind_speed' ? format.compass(values) : '';
      if (name === 'precipitation') card.label.textContent = this.precipitationLabel(latest);
      card.number.textContent = format.value(name, amount);
      card.unit.textContent = known ? [format.unit(name), more].filter(Boolean).join(' · ') : '';
    }
  }

  precipitationLabel({ values, accumulation_s: seconds }) {
    const name = values.snow > 0 ? text.metrics.snow : text.metrics.precipitation;
    return seconds === 3600 ? text.lastHour(name) : name;
  }

  tick(now, lost) {
    if (!this.latest) return;
    const age = now - this.latest.observed_at, words = text.ago(format.span(age)), stale = age > format.STALE_MS || lost;
    for (const card of this.cards.values()) {
      const shown = card.number.textContent === format.MISSING ? '' : words;
      if (card.age.textContent !== shown) card.age.textContent = shown;
      card.item.classList.toggle('stale', stale);
    }
  }
}
