// One city: cards with the latest values and their ages, and the chart of one of them with its data table.
import * as format from './format.js';
import { RANGES, state } from './address.js';
import { MetricChart } from './chart.js';
import { Departure } from './departure.js';
import { element } from './dom.js';
import { Patterns } from './patterns.js';
import { SecondOpinion } from './second.js';
import { text } from './strings.js';
import { figureOf, isOwn } from './units.js';
import { Why } from './why.js';

const CARDS = ['temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'precipitation', 'cloud', 'visibility'];
const RETRY_MS = 3000;
const HISTORY_MS = RANGES['48h'] + 3600e3;
const SIZES = { '6h': '10m', '24h': '1h', '48h': '1h' }; // a window must hold several readings for its band to say something
const plainName = name => name[0].toUpperCase() + name.slice(1).replaceAll('_', ' '); // soil_moisture: Soil moisture
const $ = id => document.getElementById(id);

export class Detail {
  // onRange(name), onMetric(name), onSecond(shown): chosen; onFollow(): another city or size is to be followed; now(): the server's clock
  constructor(onRange, onMetric, onSecond, onFollow, now) {
    this.chart = new MetricChart($('chart'), zoomed => { $('reset-zoom').hidden = !zoomed; });
    this.onRange = onRange;
    this.onMetric = onMetric;
    this.onSecond = onSecond;
    this.onFollow = onFollow;
    this.now = now;
    this.sizes = Object.values(SIZES); // configured, as far as known
    this.city = null;
    this.latest = null;
    this.note = '';
    this.cards = new Map(CARDS.map(name => [name, this.card(name)]));
    this.departure = new Departure(this.cards.get('temperature').more);
    this.second = new SecondOpinion(now, () => this.redraw());
    this.patterns = new Patterns($('patterns'), this.chart, now);
    this.why = new Why($('why'), this.chart);
    this.own = null; // the operator's own metrics; not known yet
    $('cards').replaceChildren(...[...this.cards.values()].map(c => c.item));
    $('ranges').replaceChildren(...Object.keys(RANGES).map(name => this.rangeButton(name)));
    $('second').addEventListener('change', () => this.onSecond($('second').checked));
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
    const item = element('li'), button = element('button', 'card'), label = element('span', 'card-label'), figure = element('span', 'card-value');
    const number = element('span', 'card-number', format.MISSING), unit = element('span', 'card-unit');
    const more = element('span', 'card-more'), other = element('span', 'card-more card-other'), age = element('span', 'card-age');
    figure.append(number, ' ', unit);
    button.append(label, ' ', figure, ' ', more, ' ', other, ' ', age); // spaces: it is read aloud as one name
    button.type = 'button';
    button.addEventListener('click', () => this.onMetric(name));
    item.append(button);
    item.dataset.metric = name;
    return { item, button, label, number, unit, more, other, age };
  }

  name(metric) {
    return isOwn(metric) ? plainName(metric) : text.metrics[metric];
  }

  // What is charted: what the URL asks for, if there is such a card.
  metric() {
    return this.cards.has(state.metric) ? state.metric : 'temperature';
  }

  setMetric() {
    this.titles();
    this.redraw();
    this.patterns.draw();
  }

  // Everything around the chart that tells what it shows.
  titles() {
    const metric = this.metric(), figure = text.figures[figureOf(metric)];
    this.chart.metric = metric;
    this.chart.name = metric === 'precipitation' ? text.metrics.snow : this.name(metric); // windows have both together
    for (const [name, card] of this.cards) card.button.setAttribute('aria-pressed', String(name === metric));
    $('chart').dataset.metric = metric;
    $('chart-title').textContent = this.chart.title();
    $('legend-line').textContent = text.legendLine(figure, this.size());
    $('legend-band').textContent = text.legendBand;
    $('legend-band').hidden = !this.chart.banded();
    $('legend-open').textContent = text.legendOpen;
  }

  // All texts anew, in the present language, units and zone.
  labels() {
    this.titles();
    $('chart-hint').textContent = text.chartHint;
    $('reset-zoom').textContent = text.resetZoom;
    $('data-summary').textContent = text.dataTable;
    $('chart-data').setAttribute('aria-label', text.dataTable);
    $('ranges').setAttribute('aria-label', text.rangeLabel);
    for (const button of $('ranges').children) button.textContent = text.ranges[button.dataset.range];
    for (const [name, card] of this.cards) card.label.textContent = this.name(name);
    this.departure.draw();
    this.why.labels();
    if (this.latest) this.update(this.latest);
    this.zone();
    this.ranges();
    this.redraw();
    this.patterns.draw();
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
    for (const card of this.cards.values()) card.number.textContent = format.MISSING, card.unit.textContent = card.other.textContent = card.age.textContent = '';
    this.departure.show(city);
    this.place();
    this.zone();
    this.begin();
    this.patterns.show(city);
  }

  // The chart anew, of the present city, range and size.
  begin() {
    this.shownSize = this.size();
    this.chart.clear();
    this.second.show(this.city, this.shownSize, HISTORY_MS);
    this.chart.setRange(RANGES[state.range]);
    this.ranges();
    this.titles();
    this.note = 'loading';
    this.redraw();
    this.history();
    this.onFollow();
  }

  place() {
    const { city } = this;
    const degrees = (v, plus, minus) => `${format.number(Math.abs(v), 2)}° ${v < 0 ? minus : plus}`;
    $('detail-name').textContent = city.name;
    $('detail-place').textContent = `${city.country} · ${degrees(city.lat, text.compass[0], text.compass[8])}, ${degrees(city.lon, text.compass[4], text.compass[12])}${city.paused ? ` · ${text.placePaused}` : ''}`;
  }

  setRange() {
    if (this.city && this.size() !== this.shownSize) { this.begin(); return; }
    this.ranges();
    this.chart.setRange(RANGES[state.range]);
    this.redraw();
  }

  // Metrics of the operator's own, as the API has them: a card for each, after the others. Windows that came before a
  // change have the names that were: they are read again.
  setOwn(list) {
    const known = JSON.stringify(list), before = this.own;
    if (known === before) return;
    this.own = known;
    const cards = new Map(CARDS.map(name => [name, this.cards.get(name)]));
    for (const { name } of list) if (isOwn(name)) cards.set(name, this.cards.get(name) ?? this.card(name));
    this.cards = cards;
    $('cards').replaceChildren(...[...cards.values()].map(c => c.item));
    this.labels();
    if (before !== null && this.city) this.history();
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
    const from = this.now() - HISTORY_MS;
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=${shownSize}&from=${from}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      if (!current()) return;
      this.chart.update(body.windows);
      this.note = '';
      this.patterns.draw();
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
    this.between();
    this.chart.draw();
    const points = this.chart.shown().length;
    $('chart').dataset.points = points;
    $('chart').setAttribute('aria-label', this.chart.describe());
    $('chart-note').textContent = this.note ? text[this.note] : points ? '' : text.noHistory;
    $('chart').setAttribute('aria-busy', String(this.note === 'loading'));
    this.rows();
    this.why.show(this.city, this.shownSize);
    this.why.update(this.latest);
  }

  // The other source on the chart, and its switch, where there is one.
  between() {
    const { chart, latest } = this, name = latest?.second_opinion?.provider;
    chart.second = this.second.windows;
    chart.secondName = text.providers[name] ?? name ?? text.otherSource;
    const known = chart.doubled();
    $('second-switch').hidden = !known;
    $('second').checked = state.second;
    $('second-name').textContent = text.between(chart.secondName);
    if (!known || !state.second) chart.second = new Map();
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
    const { metric } = this.chart, unit = format.unit(metric), t = text.table, banded = this.chart.banded();
    const titled = title => `${title} ${unit}`.trimEnd(), show = v => format.value(metric, v), second = this.chart.second.size > 0;
    head.append(line([t.start, titled(text.figures[figureOf(metric)]), ...(banded ? [titled(text.min), titled(text.max)] : []), ...(second ? [titled(this.chart.secondName)] : []), t.rows, t.status], 'th'));
    for (const { window: w, figures: f } of this.chart.shown().reverse()) {
      body.append(line([format.dayTime(w.start, this.chart.zone), show(f.line), ...(banded ? [show(f.min), show(f.max)] : []), ...(second ? [show(this.chart.otherOf(w))] : []), format.number(f.count, 0),
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
      card.other.textContent = this.otherSays(name, amount, latest.second_opinion);
      card.unit.textContent = known ? [format.unit(name), more].filter(Boolean).join(' · ') : '';
    }
  }

  // What the other source says, and by how much that is more: "Open-Meteo 12.8 °C (+0.7)".
  otherSays(name, amount, second) {
    const other = second && format.observed(name, second.values);
    if (!Number.isFinite(other)) return '';
    const more = Number.isFinite(amount) ? ` (${format.difference(name, other - amount)})` : '';
    return `${text.providers[second.provider] ?? second.provider} ${format.withUnit(name, other)}${more}`;
  }

  precipitationLabel({ values, accumulation_s: seconds }) {
    const name = values.snow > 0 ? text.metrics.snow : text.metrics.precipitation;
    return seconds === 3600 ? text.lastHour(name) : name;
  }

  tick(now, lost) {
    if (!this.latest) return;
    this.departure.tick(this.latest);
    this.second.tick(this.latest);
    this.patterns.tick();
    const age = now - this.latest.observed_at, words = text.ago(format.span(age)), stale = age > format.STALE_MS || lost;
    for (const card of this.cards.values()) {
      const shown = card.number.textContent === format.MISSING ? '' : words;
      if (card.age.textContent !== shown) card.age.textContent = shown;
      card.item.classList.toggle('stale', stale);
    }
  }
}
