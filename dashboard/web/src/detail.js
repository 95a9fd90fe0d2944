// One city: cards with the latest values and their ages, and the temperature chart with its data table.
import * as format from './format.js';
import { state } from './address.js';
import { TemperatureChart } from './chart.js';
import { text } from './strings.js';

const CARDS = ['temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'rain', 'cloud', 'visibility'];
export const RANGES = { '6h': 6 * 3600e3, '24h': 24 * 3600e3, '48h': 48 * 3600e3 };
export const SIZE = '10m';
const $ = id => document.getElementById(id);

export class Detail {
  constructor(onRange) {
    this.chart = new TemperatureChart($('chart'));
    this.onRange = onRange;
    this.units = {};
    this.city = null;
  }

  labels() {
    $('chart-title').textContent = text.chartTitle;
    $('chart-note').textContent = text.chartNote;
    $('data-summary').textContent = text.dataTable;
    $('ranges').ariaLabel = text.rangeLabel;
    $('ranges').replaceChildren(...Object.keys(RANGES).map(name => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = text.ranges[name];
      button.dataset.range = name;
      button.addEventListener('click', () => this.onRange(name));
      return button;
    }));
    $('chart-data').closest('details').addEventListener('toggle', () => this.rows());
    this.cards = new Map(CARDS.map(name => [name, this.card(name)]));
    $('cards').replaceChildren(...[...this.cards.values()].map(c => c.item));
  }

  card(name) {
    const part = (tag, className) => Object.assign(document.createElement(tag), { className });
    const item = document.createElement('li');
    const label = part('span', 'card-label'), number = part('span', 'card-number'), unit = part('span', 'card-unit'), age = part('span', 'card-age');
    const figure = part('span', 'card-value');
    label.textContent = text.metrics[name];
    figure.append(number, ' ', unit);
    item.append(label, figure, age);
    item.dataset.metric = name;
    return { item, label, number, unit, age };
  }

  show(city) {
    this.city = city;
    this.latest = null;
    this.chart.clear();
    this.chart.setRange(RANGES[state.range]);
    $('detail-name').textContent = city.name;
    $('detail-place').textContent = `${city.country} · ${city.lat.toFixed(2)}, ${city.lon.toFixed(2)} · ${city.zone}`;
    for (const button of $('ranges').children) button.ariaPressed = String(button.dataset.range === state.range);
    this.request = this.history();
  }

  setRange() {
    for (const button of $('ranges').children) button.ariaPressed = String(button.dataset.range === state.range);
    this.chart.setRange(RANGES[state.range]);
    this.redraw();
  }

  // History first: all windows of the longest range, once per city; deltas follow on the stream.
  async history() {
    const city = this.city;
    const from = Date.now() - RANGES['48h'] - 3600e3;
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=${SIZE}&from=${from}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      if (city !== this.city) return;
      this.chart.update(body.windows);
      $('chart-note').textContent = body.windows.length ? text.chartNote : text.noHistory;
    } catch {
      if (city !== this.city) return;
      $('chart-note').textContent = text.historyError;
      setTimeout(() => { if (city === this.city) this.history(); }, 3000);
    }
    this.redraw();
  }

  windows(event) {
    if (event.city !== this.city?.id || event.size !== SIZE) return;
    this.chart.update(event.windows);
    if ($('chart-note').textContent === text.noHistory) $('chart-note').textContent = text.chartNote;
    this.redraw();
  }

  redraw() {
    this.chart.draw();
    $('chart').dataset.points = this.chart.windows().length;
    this.rows();
  }

  // The chart's numbers as a table, made only while it is open.
  rows() {
    const box = $('chart-data');
    if (!box.closest('details').open) { box.replaceChildren(); return; }
    const table = document.createElement('table');
    const line = (cells, tag) => {
      const tr = document.createElement('tr');
      for (const words of cells) tr.append(Object.assign(document.createElement(tag), { textContent: words }));
      return tr;
    };
    const head = document.createElement('thead'), body = document.createElement('tbody');
    head.append(line(Object.values(text.table), 'th'));
    for (const w of this.chart.windows().reverse()) {
      const t = w.metrics.temperature;
      body.append(line([format.clockTime(w.start, true), format.degrees(t.mean), format.degrees(t.min), format.degrees(t.max), String(t.count),
        w.status === 'revised' ? text.revised(w.revision) : text[w.status]], 'td'));
    }
    table.append(head, body);
    box.replaceChildren(table);
  }

  update(latest) {
    this.latest = latest;
    for (const [name, card] of this.cards) {
      const amount = name === 'rain' && latest.values.snow > 0 ? latest.values.snow : latest.values[name];
      const shown = format.value(name, amount, this.units);
      card.label.textContent = name === 'rain' && latest.values.snow > 0 ? text.metrics.snow : text.metrics[name];
      card.number.textContent = shown.number;
      const direction = name === 'wind_speed' ? ` ${format.compass(latest.values.wind_direction)}` : '';
      card.unit.textContent = shown.unit + direction + (name === 'rain' && latest.accumulation_s === 3600 ? ` · ${text.lastHour}` : '');
    }
  }

  tick(now, lost) {
    if (!this.latest) return;
    const age = now - this.latest.observed_at;
    for (const card of this.cards.values()) {
      card.age.textContent = card.number.textContent === '–' ? '' : text.ago(format.span(age));
      card.item.classList.toggle('stale', age > format.STALE_MS || lost);
    }
  }
}
