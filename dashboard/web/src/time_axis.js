// The time axis that charts share: it ends at the next ten minutes, so that it moves in steps, with ticks at whole hours, days
// or months of the shown zone; and its zoom, which is kept in absolute time, so that neither updates nor the moving end of
// the axis change it.
import * as format from './format.js';

const HOUR_MS = 3600e3, DAY_MS = 24 * HOUR_MS, EDGE_MS = 10 * 60e3;
const STEPS_H = [1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24];
const LABEL_PX = 64;

export const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// [from, to] of an axis that ends at `end`.
export function extentOf(end, range) {
  const to = Math.ceil(end / EDGE_MS) * EDGE_MS;
  return [to - range, to];
}

// Days of the zone on which a month begins.
function months(from, to, zone) {
  const all = [];
  for (let at = from; at <= to; at += DAY_MS) {
    const local = new Date(at + format.offset(at, zone));
    const next = Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 1), begin = next - format.offset(next, zone);
    if (begin <= to && begin !== all.at(-1)) all.push(begin);
  }
  return all;
}

// Whole hours, days or months of the zone, as many as have room for a label.
export function ticksOf([from, to], zone, width) {
  const room = Math.max(2, Math.floor(width / LABEL_PX)), hours = STEPS_H.find(h => (to - from) / (h * HOUR_MS) <= room);
  if (!hours) {
    const all = months(from, to, zone), every = Math.ceil(all.length / room);
    return all.filter((_, i) => i % every === 0);
  }
  const step = hours * HOUR_MS, ticks = [];
  for (let at = from; at <= to;) {
    const ahead = format.offset(at, zone), next = Math.ceil((at + ahead) / step) * step - ahead;
    if (next > to) break;
    ticks.push(next);
    at = next + 1;
  }
  return ticks;
}

function label(at, zone) {
  const time = format.clockTime(at, zone);
  return time === '00:00' ? format.day(at, zone) : time;
}

// The options of the axis.
export function timeAxis([min, max], ticks, zone) {
  const rule = css('--rule');
  return {
    type: 'time', min, max, axisLine: { lineStyle: { color: rule } }, splitLine: { show: true, lineStyle: { color: rule, opacity: 0.5 } },
    axisTick: { customValues: ticks, lineStyle: { color: rule } },
    axisLabel: { customValues: ticks, color: css('--muted'), fontSize: 12, showMinLabel: true, showMaxLabel: true, hideOverlap: true, formatter: at => label(at, zone) },
  };
}

// The options of the zoom by wheel and by the strip below; `zoom` [from, to] or null.
export function zoomers(extent, zoom) {
  const muted = css('--muted'), rule = css('--rule'), [startValue, endValue] = zoom ?? extent;
  const both = { startValue, endValue, filterMode: 'none', minValueSpan: HOUR_MS / 2 }, none = { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } };
  return [
    { type: 'inside', ...both, zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, preventDefaultMouseMove: false },
    { type: 'slider', show: true, ...both, height: 20, bottom: 6, showDetail: false, brushSelect: false, borderColor: rule, fillerColor: css('--zoom'), backgroundColor: 'transparent',
      handleStyle: { color: css('--panel'), borderColor: muted }, moveHandleStyle: { color: rule }, dataBackground: none,
      selectedDataBackground: none, emphasis: { moveHandleStyle: { color: muted }, handleStyle: { borderColor: css('--accent') } } },
  ];
}

// What the user has zoomed to; null: the whole.
export function zoomOf(chart, [from, to]) {
  const { startValue, endValue } = chart.getOption().dataZoom[0];
  return startValue <= from + 1000 && endValue >= to - 1000 ? null : [Math.round(startValue), Math.round(endValue)];
}

// Other ticks for another zoom.
export function retick(chart, ticks) {
  chart.setOption({ xAxis: { axisTick: { customValues: ticks }, axisLabel: { customValues: ticks } } }, { lazyUpdate: true });
}
