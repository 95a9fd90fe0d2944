// Why a number of the chart is what it is: of one window, how many readings made it and how much of its time they stand for, its
// extremes, whether it can still change, what quality control says of the newest reading, and the command that lists every
// reading of it. The newest window, unless the pointer or the buttons have chosen another.
import { commandBox } from './command.js';
import { element } from './dom.js';
import * as format from './format.js';
import { text } from './strings.js';
import { figureOf } from './units.js';

const TESTS = ['range', 'step', 'jump', 'persistence', 'consistency', 'source_suspect', 'source_fail']; // of quality control

// "range_wind" as {test, group}.
export function flagOf(name) {
  const test = TESTS.find(t => name.startsWith(`${t}_`));
  return test ? { test, group: name.slice(test.length + 1) } : { test: name, group: '' };
}

// How isobarctl names the window; nothing for one that slides, which is of many.
export function windowName(size, start, zone) {
  if (size.includes('/')) return '';
  if (!size.endsWith('d')) return `${size}@${new Date(start).toISOString().slice(0, 16)}Z`;
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone: zone || 'UTC', year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(start).map(p => [p.type, p.value]));
  return `${size}@${parts.year}-${parts.month}-${parts.day}`;
}

export class Why {
  // `box` is a <details>, `chart` the MetricChart whose windows are explained.
  constructor(box, chart) {
    this.box = box;
    this.chart = chart;
    this.start = null; // of the chosen window; null: the newest
    this.summary = element('summary');
    this.body = element('div', 'why-body');
    this.what = element('p', 'why-what');
    this.what.setAttribute('role', 'status');
    this.list = element('dl', 'why-list');
    this.command = element('div');
    this.earlier = this.button(() => this.step(-1));
    this.later = this.button(() => this.step(1));
    const tools = element('div', 'picker');
    tools.append(this.earlier, this.later);
    this.body.append(tools, this.what, this.list, this.command);
    box.append(this.summary, this.body);
    box.addEventListener('toggle', () => this.draw());
    chart.chart.getZr().on('click', ({ offsetX, offsetY }) => this.point(offsetX, offsetY));
  }

  button(act) {
    const button = element('button');
    button.type = 'button';
    button.addEventListener('click', act);
    return button;
  }

  labels() {
    this.summary.textContent = text.why.title;
    this.earlier.textContent = text.why.earlier;
    this.later.textContent = text.why.later;
    this.draw();
  }

  // Another city or size: its newest window. `latest` is the newest reading, or null.
  show(city, size) {
    if (this.city === city && this.size === size) return;
    [this.city, this.size, this.start, this.drawn] = [city, size, null, ''];
  }

  update(latest) {
    this.latest = latest;
    this.draw();
  }

  // The window under the pointer, when the details are open.
  point(x, y) {
    if (!this.box.open || !this.chart.chart.containPixel('grid', [x, y])) return;
    const [at] = this.chart.chart.convertFromPixel('grid', [x, y]);
    const found = this.chart.shown().find(({ window: w }) => w.start <= at && at < w.end);
    if (!found) return;
    this.start = found.window.start;
    this.draw();
  }

  step(by) {
    const shown = this.chart.shown(), at = this.index(shown) + by;
    if (!shown[at]) return;
    this.start = at === shown.length - 1 ? null : shown[at].window.start;
    this.draw();
  }

  index(shown) {
    const found = shown.findIndex(({ window: w }) => w.start === this.start);
    return found < 0 ? shown.length - 1 : found;
  }

  draw() {
    if (!this.box.open || !text.why) return;
    const shown = this.chart.shown(), at = this.index(shown);
    const has = at >= 0;
    this.earlier.disabled = at <= 0;
    this.later.disabled = at >= shown.length - 1;
    this.list.hidden = this.command.hidden = !has;
    const words = has ? this.sentence(shown[at]) : text.noHistory;
    if (this.what.textContent !== words) this.what.textContent = words;
    if (!has) return;
    const rows = this.rows(shown[at]), key = JSON.stringify([rows, text.languageName]);
    if (key === this.drawn) return; // a button that was reached stays reached
    this.drawn = key;
    this.list.replaceChildren(...rows.flatMap(([title, content]) => [element('dt', '', title), element('dd', '', content)]));
    const name = windowName(this.size, shown[at].window.start, this.city.zone);
    this.command.replaceChildren(...(name ? [element('p', 'muted', text.why.every), commandBox(`isobarctl explain ${this.city.id} ${name}`)] : []));
  }

  sentence({ window: w, figures: f }) {
    const { chart } = this, sum = figureOf(chart.metric) === 'sum';
    return text.why.sentence(`${format.dayTime(w.start, chart.zone)} – ${format.clockTime(w.end, chart.zone)}`, format.withUnit(chart.metric, f.line), text.figures[figureOf(chart.metric)], sum ? '' : text.readings(f.count));
  }

  rows({ window: w, figures: f }) {
    const t = text.why, { chart } = this, show = v => format.withUnit(chart.metric, v), when = ms => format.dayTime(ms, chart.zone);
    const m = w.metrics?.[chart.metric], rows = [], add = (title, content) => { if (content) rows.push([title, content]); };
    if (m && chart.banded()) {
      add(text.min, t.at(show(m.min), when(m.min_at)));
      add(text.max, t.at(show(m.max), when(m.max_at)));
      add(t.first, t.at(show(m.first), when(m.first_at)));
      add(text.figures.last, t.at(show(m.last), when(m.last_at)));
      if (Number.isFinite(m.sd) && m.count > 1) add(t.spread, `${format.difference(chart.metric, m.sd).replace(/^[+\u2212]/, '')} ${format.unit(chart.metric)}`.trimEnd());
      if (Number.isFinite(m.p50)) add(t.quantiles, [m.p50, m.p90, m.p99].map(show).join(' / '));
    }
    if (w.precipitation && figureOf(chart.metric) === 'sum') {
      const { rain_coverage: rain, snow_coverage: snow } = w.precipitation;
      add(t.known, [rain !== undefined && `${text.metrics.precipitation} ${format.number(rain, 0)} %`, snow !== undefined && `${text.metrics.snowAlone} ${format.number(snow, 0)} %`].filter(Boolean).join(', '));
    }
    add(t.readings, t.expected(format.number(w.rows - (w.air_rows ?? 0), 0), w.expected === undefined ? '' : format.number(w.expected, 0)));
    if (Number.isFinite(w.covered)) add(t.covered, `${format.number(w.covered, 0)} %`);
    add(text.table.status, this.status(w, when));
    if (Number.isFinite(this.chart.otherOf(w))) add(chart.secondName, t.other(show(chart.otherOf(w)), `${format.difference(chart.metric, chart.otherOf(w) - f.line)} ${format.unit(chart.metric)}`.trimEnd()));
    if (this.latest) add(t.quality, this.quality(this.latest, when));
    return rows;
  }

  status(w, when) {
    if (w.status === 'provisional') return text.why.provisional;
    const final = w.final_at ? text.why.final(when(w.final_at)) : text.final;
    return w.status === 'revised' ? `${final}; ${text.revised(w.revision)}${w.revised_at ? `, ${text.why.revised(when(w.revised_at))}` : ''}` : final;
  }

  quality(latest, when) {
    const flags = (latest.flags ?? []).map(flagOf).map(({ test, group }) => `${text.why.tests[test] ?? test}${group ? ` (${text.metrics[group] ?? text.why.groups[group] ?? group.replaceAll('_', ' ')})` : ''}`);
    return text.why.newest(when(latest.observed_at), flags.join(', '));
  }
}
