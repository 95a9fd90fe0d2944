// The temperature chart: mean line over a min–max band. Zoom survives updates (options are merged, never replaced).
import { use, init } from 'echarts/core';
import { LineChart } from 'echarts/charts';
import { AriaComponent, DataZoomComponent, GridComponent, TooltipComponent } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import * as format from './format.js';
import { language, text } from './strings.js';

use([LineChart, AriaComponent, DataZoomComponent, GridComponent, TooltipComponent, CanvasRenderer]);

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const GAP_MS = 25 * 60 * 1000; // a longer hole breaks the line

export class TemperatureChart {
  constructor(box) {
    this.box = box;
    this.chart = init(box, null, { renderer: 'canvas' });
    this.points = new Map(); // start -> window
    new ResizeObserver(() => this.chart.resize()).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  clear() {
    this.points.clear();
    this.chart.clear();
    this.range = null;
  }

  // Adds or replaces windows by their start.
  update(windows) {
    for (const w of windows) if (w.metrics.temperature) this.points.set(w.start, w);
  }

  setRange(ms) {
    this.range = ms;
  }

  windows() {
    const all = [...this.points.values()].sort((a, b) => a.start - b.start);
    const from = this.range && all.length ? all[all.length - 1].end - this.range : 0;
    return all.filter(w => w.start >= from);
  }

  draw() {
    const windows = this.windows();
    const rows = [];
    for (const w of windows) {
      const t = w.metrics.temperature, at = (w.start + w.end) / 2;
      const last = rows[rows.length - 1];
      if (last && at - last.at > GAP_MS) rows.push({ at: last.at + 1, hole: true });
      rows.push({ at, mean: t.mean, min: t.min, max: t.max, open: w.status === 'provisional', window: w });
    }
    const line = css('--series'), band = css('--band'), muted = css('--muted'), rule = css('--rule');
    const firstOpen = rows.findIndex(r => r.open);
    const series = (name, data, more) => ({ name, type: 'line', symbol: 'none', data, ...more });
    this.chart.setOption({
      animation: !calm.matches && false,
      textStyle: { fontFamily: 'inherit' },
      aria: { enabled: true, label: { description: this.describe(windows) } },
      grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
      xAxis: { type: 'time', axisLine: { lineStyle: { color: rule } }, axisLabel: { color: muted, hideOverlap: true }, splitLine: { show: false } },
      yAxis: { type: 'value', scale: true, axisLabel: { color: muted, formatter: v => `${new Intl.NumberFormat(language).format(v)}°` }, splitLine: { lineStyle: { color: rule } } },
      dataZoom: [{ type: 'inside', filterMode: 'none' }],
      tooltip: { trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: css('--panel'), borderColor: rule, textStyle: { color: css('--text') },
        formatter: items => this.tip(items[0]?.dataIndex, rows) },
      series: [
        series(text.min, rows.map(r => [r.at, r.hole ? null : r.min]), { stack: 'band', stackStrategy: 'all', lineStyle: { opacity: 0 }, silent: true }),
        series(text.max, rows.map(r => [r.at, r.hole ? null : r.max - r.min]), { stack: 'band', stackStrategy: 'all', lineStyle: { opacity: 0 }, areaStyle: { color: band, opacity: 1 }, silent: true }),
        series(text.mean, rows.map(r => [r.at, r.hole || r.open ? null : r.mean]), { lineStyle: { color: line, width: 2 }, itemStyle: { color: line }, z: 3 }),
        series(text.provisional, rows.map((r, i) => [r.at, r.open || i === firstOpen - 1 ? r.mean : null]), { symbol: 'circle', symbolSize: 5, showSymbol: true, lineStyle: { color: line, width: 2, type: 'dotted' }, itemStyle: { color: line }, z: 4 }),
      ],
    });
  }

  tip(index, rows) {
    const row = rows[index];
    if (!row?.window) return '';
    const w = row.window, t = w.metrics.temperature;
    const status = w.status === 'revised' ? text.revised(w.revision) : text[w.status];
    return `${format.clockTime(w.start, true)} – ${format.clockTime(w.end)}\n${text.mean} ${format.degrees(t.mean)}\n${text.min} ${format.degrees(t.min)}   ${text.max} ${format.degrees(t.max)}\n${text.table.rows} ${t.count} · ${status}`;
  }

  describe(windows) {
    if (!windows.length) return text.noHistory;
    const all = windows.map(w => w.metrics.temperature);
    const last = all[all.length - 1];
    return `${text.chartTitle}: ${text.min} ${format.degrees(Math.min(...all.map(t => t.min)))}, ${text.max} ${format.degrees(Math.max(...all.map(t => t.max)))}, ${text.now} ${format.degrees(last.last)}`;
  }
}
