// The chart of one metric: a line over a min–max band, over a range of time that ends now or where it was paused.
import { use, init } from 'echarts/core';
import { LineChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, TooltipComponent } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import * as format from './format.js';
import { state } from './address.js';
import { SIGNS } from './alerts.js';
import { figures } from './metric.js';
import { text } from './strings.js';
import { css, extentOf, retick, ticksOf, timeAxis, zoomers, zoomOf } from './time_axis.js';
import { figureOf, unitOf } from './units.js';

use([LineChart, DataZoomComponent, GridComponent, TooltipComponent, CanvasRenderer]);

const HOUR_MS = 3600e3;
const GAP = 2.5;           // windows: a longer hole breaks the line

export class MetricChart {
  constructor(box, onZoom) {
    this.box = box;
    this.metric = 'temperature';
    this.name = ''; // of the metric, in the page's language
    this.points = new Map(); // start -> window
    this.second = new Map(); // start -> window of another source; empty: none
    this.secondName = '';
    this.alerts = [];        // active ones of the metric
    this.zoom = null;        // [from, to] in ms; null: the whole range
    this.range = HOUR_MS;
    this.zone = 'UTC';
    this.now = Date.now();
    this.onZoom = onZoom;
    this.chart = init(box, null, { renderer: 'canvas' });
    this.chart.on('datazoom', () => this.zoomed());
    new ResizeObserver(() => { this.chart.resize(); this.draw(); }).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  clear() {
    this.points.clear();
    this.zoom = null;
  }

  // Adds or replaces windows by their start; those that have left the range are forgotten.
  update(windows) {
    for (const w of windows) this.points.set(w.start, w);
    const [from] = this.extent();
    for (const [start, { end }] of this.points) if (end < from) this.points.delete(start);
  }

  // A range in ms, and what of it is zoomed to: [from, to], or null for the whole.
  setRange(ms, zoom) {
    this.range = ms;
    this.setZoom(zoom);
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.onZoom(zoom);
  }

  // [from, to] of the axis.
  extent() {
    return extentOf(this.now, this.range);
  }

  // What is shown, by time: { window, figures }.
  shown() {
    const [from, to] = this.extent();
    return [...this.points.values()].filter(w => w.end > from && w.start < to).sort((a, b) => a.start - b.start)
      .map(window => ({ window, figures: figures(window, this.metric) })).filter(s => s.figures);
  }

  zoomed() {
    this.setZoom(zoomOf(this.chart, this.extent()));
    retick(this.chart, this.ticks());
  }

  ticks() {
    return ticksOf(this.zoom ?? this.extent(), this.zone, this.box.clientWidth);
  }

  rows() {
    const { from } = unitOf(this.metric, state.units);
    const rows = [];
    for (const { window: w, figures: f } of this.shown()) {
      const at = (w.start + w.end) / 2, last = rows[rows.length - 1];
      if (last && at - last.at > GAP * (w.end - w.start)) rows.push({ at: last.at + 1, hole: true });
      rows.push({ at, line: from(f.line), min: from(f.min), max: from(f.max), open: w.status === 'provisional', window: w, figures: f, other: from(this.otherOf(w)) });
    }
    return rows;
  }

  // What the other source says of the window's time; NaN when nothing.
  otherOf(window) {
    const other = this.second.get(window.start);
    return (other && figures(other, this.metric)?.line) ?? Number.NaN;
  }

  // Whether any of what is shown has another source beside it.
  doubled() {
    return this.second.size > 0 && this.shown().some(s => Number.isFinite(this.otherOf(s.window)));
  }

  // The axis has marks no finer than half of what the unit shows; a sum's begins at nothing.
  valueAxis(muted, rule) {
    const { digits } = unitOf(this.metric, state.units);
    const degree = this.metric === 'temperature' ? '°' : '';
    const formatter = v => format.number(v, Math.min(digits + 1, (String(+v.toFixed(digits + 1)).split('.')[1] ?? '').length)) + degree;
    return { type: 'value', scale: figureOf(this.metric) !== 'sum', minInterval: digits ? 5 * 10 ** -digits : 1, axisLabel: { color: muted, fontSize: 12, formatter }, splitLine: { lineStyle: { color: rule } } };
  }

  draw() {
    this.chart.setOption(this.option(this.rows()), { lazyUpdate: false });
  }

  option(rows) {
    const muted = css('--muted'), rule = css('--rule');
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(this.box).fontFamily },
      grid: { left: 4, right: 14, top: 12, bottom: 44, containLabel: true },
      xAxis: timeAxis(this.extent(), this.ticks(), this.zone),
      yAxis: this.valueAxis(muted, rule),
      dataZoom: zoomers(this.extent(), this.zoom),
      tooltip: { trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: css('--panel'), borderColor: rule, textStyle: { color: css('--text'), fontSize: 13 }, formatter: items => this.tip(rows[items[0]?.dataIndex]) },
      series: this.series(rows),
    };
  }

  series(rows) {
    const known = v => (Number.isFinite(v) ? v : null); // a sum has no band
    const line = css('--series'), firstOpen = rows.findIndex(r => r.open);
    const band = { stack: 'band', stackStrategy: 'all', lineStyle: { opacity: 0 }, silent: true, emphasis: { disabled: true } };
    const series = (name, value, more) => ({ id: name, name, type: 'line', symbol: 'none', connectNulls: false, data: rows.map((r, i) => [r.at, r.hole ? null : known(value(r, i))]), ...more });
    const between = { ...band, stack: 'between' }, other = css('--other');
    return [
      series('min', r => r.min, band),
      series('band', r => r.max - r.min, { ...band, areaStyle: { color: css('--band'), opacity: 1 } }),
      series('lower', r => Math.min(r.line, r.other), between),
      series('between', r => Math.abs(r.line - r.other), { ...between, areaStyle: { color: other, opacity: 0.25 } }),
      series('other', r => r.other, { lineStyle: { color: other, width: 1.5, type: 'dashed' }, itemStyle: { color: other }, z: 3 }),
      series('line', r => (r.open ? null : r.line), { lineStyle: { color: line, width: 2 }, itemStyle: { color: line }, z: 3 }),
      series('open', (r, i) => (r.open || i === firstOpen - 1 ? r.line : null), { symbol: 'circle', symbolSize: (_, p) => (rows[p.dataIndex]?.open ? 5 : 0), showSymbol: true, lineStyle: { color: line, width: 2, type: 'dotted' }, itemStyle: { color: line }, z: 4 }),
      this.marks(),
    ];
  }

  // Where alerts began: a sign and the rule's name, at the value.
  marks() {
    const { from } = unitOf(this.metric, state.units), [begin, end] = this.extent();
    const data = this.alerts.filter(a => Number.isFinite(a.value)).map(a => ({ value: [Math.min(end, Math.max(begin, a.onset)), from(a.value)], label: { formatter: `${SIGNS[a.state]} ${a.rule}` } }));
    return { id: 'alerts', type: 'line', data, silent: true, symbol: 'triangle', symbolSize: 9, showSymbol: true, showAllSymbol: true, lineStyle: { opacity: 0 }, itemStyle: { color: css('--bad') }, label: { show: true, position: 'top', color: css('--text'), fontSize: 12 }, tooltip: { show: false }, z: 5 };
  }

  tip(row) {
    if (!row?.window) return '';
    const w = row.window, f = row.figures, show = v => format.withUnit(this.metric, v);
    const status = w.status === 'revised' ? text.revised(w.revision) : text[w.status];
    const band = this.banded() ? `${text.min} ${show(f.min)}   ${text.max} ${show(f.max)}\n` : '';
    return `${format.dayTime(w.start, this.zone)} – ${format.clockTime(w.end, this.zone)}\n${text.figures[figureOf(this.metric)]} ${show(f.line)}\n`
      + `${Number.isFinite(row.other) ? `${this.secondName} ${show(this.otherOf(w))} (${this.gap(row)})\n` : ''}${band}${text.readings(f.count)} · ${status}`;
  }

  // By how much the other source is higher.
  gap({ window, figures: f }) {
    return `${format.difference(this.metric, this.otherOf(window) - f.line)} ${format.unit(this.metric)}`.trimEnd();
  }

  // Whether readings have a range of their own around the line.
  banded() {
    return figureOf(this.metric) !== 'sum';
  }

  title() {
    return [this.name, format.unit(this.metric)].filter(Boolean).join(', ');
  }

  // What the chart shows, as a sentence.
  describe() {
    const all = this.shown().map(s => s.figures);
    if (!all.length) return text.noHistory;
    const show = v => format.withUnit(this.metric, v);
    return `${this.title()}. ${text.describe(show(Math.min(...all.map(f => f.min ?? f.line))), show(Math.max(...all.map(f => f.max ?? f.line))), show(all[all.length - 1].last))}`;
  }
}
