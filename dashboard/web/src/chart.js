// The chart of one metric: a line over a min–max band. The time axis is the range up to now, with ticks at whole hours of
// the shown zone. Zoom is kept in absolute time, so that neither updates nor the moving end of the axis change it.
import { use, init } from 'echarts/core';
import { LineChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, TooltipComponent } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import * as format from './format.js';
import { state } from './address.js';
import { figures } from './metric.js';
import { text } from './strings.js';
import { figureOf, unitOf } from './units.js';

use([LineChart, DataZoomComponent, GridComponent, TooltipComponent, CanvasRenderer]);

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const HOUR_MS = 3600e3;
const STEPS_H = [1, 2, 3, 6, 12, 24];
const LABEL_PX = 64;
const EDGE_MS = 10 * 60e3; // the axis ends at the next ten minutes: it moves in steps
const GAP = 2.5;           // windows: a longer hole breaks the line

export class MetricChart {
  constructor(box, onZoom) {
    this.box = box;
    this.metric = 'temperature';
    this.name = ''; // of the metric, in the page's language
    this.points = new Map(); // start -> window
    this.second = new Map(); // start -> window of another source; empty: none
    this.secondName = '';
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

  // Adds or replaces windows by their start.
  update(windows) {
    for (const w of windows) this.points.set(w.start, w);
  }

  setRange(ms) {
    this.range = ms;
    this.resetZoom();
  }

  resetZoom() {
    this.zoom = null;
    this.onZoom(false);
  }

  // [from, to] of the axis.
  extent() {
    const to = Math.ceil(this.now / EDGE_MS) * EDGE_MS;
    return [to - this.range, to];
  }

  // What is shown, by time: { window, figures }.
  shown() {
    const [from] = this.extent();
    return [...this.points.values()].filter(w => w.end > from).sort((a, b) => a.start - b.start)
      .map(window => ({ window, figures: figures(window, this.metric) })).filter(s => s.figures);
  }

  zoomed() {
    const { startValue, endValue } = this.chart.getOption().dataZoom[0];
    const [from, to] = this.extent();
    const whole = startValue <= from + 1000 && endValue >= to - 1000;
    this.zoom = whole ? null : [startValue, endValue];
    this.onZoom(!whole);
    const ticks = this.ticks();
    this.chart.setOption({ xAxis: { axisTick: { customValues: ticks }, axisLabel: { customValues: ticks } } }, { lazyUpdate: true });
  }

  // Whole hours of the zone, as many as have room for a label.
  ticks() {
    const [from, to] = this.zoom ?? this.extent();
    const room = Math.max(2, Math.floor(this.box.clientWidth / LABEL_PX));
    const step = (STEPS_H.find(h => (to - from) / (h * HOUR_MS) <= room) ?? 24) * HOUR_MS;
    const ticks = [];
    for (let at = from; at <= to;) {
      const ahead = format.offset(at, this.zone);
      const next = Math.ceil((at + ahead) / step) * step - ahead;
      if (next > to) break;
      ticks.push(next);
      at = next + 1;
    }
    return ticks;
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
    const [from, to] = this.extent(), [zoomFrom, zoomTo] = this.zoom ?? [from, to];
    const muted = css('--muted'), rule = css('--rule'), ticks = this.ticks();
    const zoom = { startValue: zoomFrom, endValue: zoomTo, filterMode: 'none', minValueSpan: HOUR_MS };
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(this.box).fontFamily },
      grid: { left: 4, right: 14, top: 12, bottom: 44, containLabel: true },
      xAxis: {
        type: 'time', min: from, max: to, axisLine: { lineStyle: { color: rule } }, splitLine: { show: true, lineStyle: { color: rule, opacity: 0.5 } },
        axisTick: { customValues: ticks, lineStyle: { color: rule } },
        axisLabel: { customValues: ticks, color: muted, fontSize: 12, showMinLabel: true, showMaxLabel: true, hideOverlap: true, formatter: at => this.label(at) },
      },
      yAxis: this.valueAxis(muted, rule),
      dataZoom: [
        { type: 'inside', ...zoom, zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, preventDefaultMouseMove: false },
        { type: 'slider', ...zoom, height: 20, bottom: 6, showDetail: false, brushSelect: false, borderColor: rule, fillerColor: css('--zoom'), backgroundColor: 'transparent',
          handleStyle: { color: css('--panel'), borderColor: muted }, moveHandleStyle: { color: rule }, dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
          selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } }, emphasis: { moveHandleStyle: { color: muted }, handleStyle: { borderColor: css('--accent') } } },
      ],
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
    ];
  }

  label(at) {
    const time = format.clockTime(at, this.zone);
    return time === '00:00' ? format.day(at, this.zone) : time;
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
