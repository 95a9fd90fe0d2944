// One city: cards with the latest values and their ages, and the chart of one of them with its data table.
import * as format from './format.js';
import { RANGES, state, write } from './address.js';
import { SIGNS, valueOf } from './alerts.js';
import { CardOrder } from './card_order.js';
import { MetricChart } from './chart.js';
import { Departure } from './departure.js';
import { element } from './dom.js';
import { fileName, saveCsv, savePng } from './download.js';
import { Patterns } from './patterns.js';
import { RangeBar } from './range_bar.js';
import { SecondOpinion } from './second.js';
import { text } from './strings.js';
import { figureOf, isOwn } from './units.js';
import { Why } from './why.js';
import { sizeFor, USUAL } from './window_size.js';

const CARDS = ['temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'precipitation', 'cloud', 'visibility'];
const RETRY_MS = 3000;
const plainName = name => name[0].toUpperCase() + name.slice(1).replaceAll('_', ' '); // soil_moisture: Soil moisture
const $ = id => document.getElementById(id);

export class Detail {
  // onRange(name), onMetric(name), onSecond(shown): chosen; onFollow(): another city or size is to be followed; now(): the server's clock
  constructor(onRange, onMetric, onSecond, onFollow, now) {
    this.chart = new MetricChart($('chart'), zoom => { $('reset-zoom').hidden = !zoom; state.zoom = zoom; write(); });
    this.onMetric = onMetric;
    this.onSecond = onSecond;
    this.onFollow = onFollow;
    this.now = now;
    this.sizes = USUAL; // configured, as far as known
    this.city = null;
    this.latest = null;
    this.alerts = [];
    this.note = '';
    this.cards = new Map(CARDS.map(name => [name, this.card(name)]));
    this.departure = new Departure(this.cards.get('temperature').more);
    this.second = new SecondOpinion(now, () => this.redraw());
    this.patterns = new Patterns($('patterns'), this.chart, () => this.end());
    this.why = new Why($('why'), this.chart);
    this.own = null; // the operator's own metrics; not known yet
    this.order = new CardOrder($('card-order'), () => [...this.cards.keys()], name => this.name(name), () => this.placeCards());
    this.placeCards();
    this.bar = new RangeBar($('range-bar'), { range: onRange, pause: () => this.begin(), csv: () => this.csv(), png: () => this.png(), now });
    $('second').addEventListener('change', () => this.onSecond($('second').checked));
    $('reset-zoom').addEventListener('click', () => { this.chart.setZoom(null); this.redraw(); $('chart').focus(); });
    $('chart-data').closest('details').addEventListener('toggle', () => this.rows());
  }

  // Where the range ends: now, or where it was paused.
  end() {
    return state.until ?? this.now();
  }

  // The window size that the range is shown in.
  size() {
    return this.window().name;
  }

  window() {
    return sizeFor(RANGES[state.range], this.sizes);
  }

  // What of the range is zoomed to, or all of it.
  shownSpan() {
    return this.chart.zoom ?? this.chart.extent();
  }

  csv() {
    return saveCsv([this.city], this.shownSize, this.shownSpan());
  }

  png() {
    const title = `${this.city.name}: ${this.chart.title()} · ${this.legendLine()}`;
    return savePng(this.chart.chart, fileName([this.city], this.metric(), this.shownSpan(), 'png'), { title, foot: [$('chart-zone').textContent, $('credit').textContent, $('data-label').textContent].filter(Boolean).join(' · ') });
  }

  legendLine() {
    return text.legendLine(text.figures[figureOf(this.metric())], this.size());
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

  placeCards() {
    $('cards').replaceChildren(...this.order.shown().map(name => this.cards.get(name).item));
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
    const metric = this.metric();
    this.chart.metric = metric;
    this.chart.name = metric === 'precipitation' ? text.metrics.snow : this.name(metric); // windows have both together
    for (const [name, card] of this.cards) card.button.setAttribute('aria-pressed', String(name === metric));
    $('chart').dataset.metric = metric;
    $('chart-title').textContent = this.chart.title();
    $('legend-line').textContent = this.legendLine();
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
    for (const [name, card] of this.cards) card.label.textContent = this.name(name);
    this.placeCards();
    this.order.draw();
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

  // Which range is shown, and how much of it is kept.
  ranges() {
    const { retention_ms: kept, name } = this.window();
    this.bar.labels();
    $('chart-kept').textContent = kept < RANGES[state.range] ? text.range.kept(format.span(kept), name) : '';
  }

  show(city) {
    this.city = city;
    this.latest = null;
    for (const card of this.cards.values()) card.number.textContent = format.MISSING, card.unit.textContent = card.other.textContent = card.age.textContent = '';
    this.departure.show(city);
    this.place();
    this.zone();
    this.begin();
  }

  // The chart anew, of the present city, range and size.
  begin() {
    this.shownSize = this.size();
    this.shownLength = RANGES[state.range];
    this.chart.clear();
    this.second.show(this.city, this.shownSize, this.shownLength);
    this.chart.now = this.end();
    this.chart.setRange(this.shownLength, state.zoom);
    this.ranges();
    this.titles();
    this.note = 'loading';
    this.redraw();
    this.history();
    this.patterns.show(this.city);
    this.onFollow();
  }

  place() {
    const { city } = this;
    const degrees = (v, plus, minus) => `${format.number(Math.abs(v), 2)}° ${v < 0 ? minus : plus}`;
    $('detail-name').textContent = city.name;
    $('detail-place').textContent = `${city.country} · ${degrees(city.lat, text.compass[0], text.compass[8])}, ${degrees(city.lon, text.compass[4], text.compass[12])}${city.paused ? ` · ${text.placePaused}` : ''}`;
  }

  setRange() {
    if (this.city) this.begin();
    else this.ranges();
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
    this.labels();
    if (before !== null && this.city) this.history();
  }

  // The sizes that are configured, with what is kept of each.
  setSizes(sizes) {
    if (!sizes.length || JSON.stringify(sizes) === JSON.stringify(this.sizes)) return;
    this.sizes = sizes;
    if (this.city && this.size() !== this.shownSize) this.begin();
    else this.ranges();
  }

  // History: all windows of the range at once; what follows comes on the stream.
  async history() {
    const { city, shownSize, shownLength } = this, until = state.until;
    const current = () => city === this.city && shownSize === this.shownSize && shownLength === this.shownLength && until === state.until;
    const [from, to] = this.chart.extent(), slack = this.window().size_ms;
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=${shownSize}&from=${Math.max(0, from - slack)}&to=${to}&limit=2000`);
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
    if (event.city !== this.city?.id || event.size !== this.shownSize || state.until !== null) return;
    this.chart.update(event.windows);
    this.redraw();
  }

  redraw() {
    if (!this.city) return;
    this.chart.now = this.end();
    this.between();
    this.tellAlerts();
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

  // The chart at once, in the colours of now.
  paint() {
    this.redraw();
    this.chart.chart.getZr().flush();
  }

  // What is active: of this city, in words above the chart, and at its onset on it.
  setAlerts(alerts) {
    this.alerts = alerts;
    this.redraw();
  }

  tellAlerts() {
    const own = this.alerts.filter(a => a.city === this.city.id && a.metric === this.metric()), words = a => `${SIGNS[a.state]} ${text.alerts.states[a.state]}: ${a.rule}, ${valueOf(a)}, ${format.dayTime(a.onset, this.chart.zone)}`;
    this.chart.alerts = own;
    if ($('chart-alerts').textContent === own.map(words).join('')) return;
    $('chart-alerts').replaceChildren(...own.map(a => element('li', a.state, words(a))));
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
