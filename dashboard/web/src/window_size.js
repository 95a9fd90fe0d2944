// In windows of which size a range of time is shown: the finest that is kept for all of it, but neither so fine that a window
// holds one reading only, nor so many that a chart cannot show them. Pure.
const HOUR_MS = 3600e3, DAY_MS = 24 * HOUR_MS;
const POINTS = 800; // at most in a chart; an answer has 2,000 windows
const FINEST_MS = [[6 * HOUR_MS, 0], [30 * DAY_MS, HOUR_MS], [Infinity, DAY_MS]]; // up to a range: of what size at least

// What an installation has that names no other.
export const USUAL = [
  { name: '10m', size_ms: 600e3, retention_ms: 2 * DAY_MS }, { name: '1h', size_ms: HOUR_MS, retention_ms: 30 * DAY_MS },
  { name: '1d', size_ms: DAY_MS, retention_ms: 730 * DAY_MS },
];

// The size of `sizes` for a range in ms: of those fine and coarse enough that reach as far back, the finest; if none does, the
// one that reaches furthest.
export function sizeFor(range, sizes) {
  const least = FINEST_MS.find(([most]) => range <= most)[1];
  const bounded = sizes.filter(s => range / s.size_ms <= POINTS), fit = bounded.filter(s => s.size_ms >= least && s.size_ms <= range);
  const choice = fit.length ? fit : bounded.length ? bounded : sizes.slice(-1);
  const finest = list => list.reduce((a, b) => (b.size_ms < a.size_ms ? b : a));
  const whole = choice.filter(s => s.retention_ms >= range);
  return whole.length ? finest(whole) : choice.reduce((a, b) => (b.retention_ms > a.retention_ms ? b : a));
}
