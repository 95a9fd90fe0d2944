// What a chart shows of a metric: which figure of a window is its line, which its band. The API's numbers, not converted.
import { figureOf } from './units.js';

// The figure of an operator's own metric is exact as `combined`, when the window was encoded by the same definition.
function lineOf(metric, figure) {
  if (metric.combine === figure) return metric.combined;
  return { mean: metric.mean, sum: metric.mean * metric.count, minimum: metric.min, maximum: metric.max, last: metric.last }[figure];
}

// { line, min, max, last, count } of the window, or null when it says nothing of the metric. A sum has no min and max:
// those are of single readings, which are not what it adds up to.
export function figures(window, name) {
  if (name === 'precipitation') {
    const fallen = window.precipitation;
    if (!fallen) return null;
    const line = (fallen.rain ?? 0) + (fallen.snow ?? 0);
    return { line, last: line, count: window.rows };
  }
  const metric = Object.hasOwn(window.metrics, name) ? window.metrics[name] : null;
  if (!metric) return null;
  const figure = figureOf(name), line = lineOf(metric, figure);
  if (figure === 'sum') return { line, last: line, count: metric.count };
  return { line, min: metric.min, max: metric.max, last: metric.last, count: metric.count };
}
