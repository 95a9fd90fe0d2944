// Colours of a metric's values: classes with round limits in the API's units, so that the same colour always means the same.
const DIVERGING = ['#313695', '#4575b4', '#74add1', '#abd9e9', '#e0f3f8', '#fee090', '#fdae61', '#f46d43', '#d73027', '#a50026'];
const SEQUENTIAL = ['#440154', '#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'];
const PERCENT = [20, 30, 40, 50, 60, 70, 80, 90];
const LIMITS = {
  temperature: [-20, -10, -5, 0, 5, 10, 15, 20, 25, 30, 35],
  humidity: PERCENT, cloud: PERCENT,
  pressure_sea_level: [980, 990, 1000, 1005, 1010, 1015, 1020, 1030, 1040],
  wind_speed: [1, 2, 4, 6, 8, 11, 14, 17, 21, 25],
  precipitation: [0.1, 0.5, 1, 2, 5, 10, 20],
  visibility: [1000, 2000, 4000, 6000, 8000, 10000, 20000],
};
const CLASSES = 8; // of a metric that nothing is known of

const channels = hex => [1, 3, 5].map(i => Number.parseInt(hex.slice(i, i + 2), 16));

// The colour at `share` (0 to 1) of the way along the palette.
function along(palette, share) {
  const at = share * (palette.length - 1), i = Math.min(Math.floor(at), palette.length - 2);
  const [a, b] = [channels(palette[i]), channels(palette[i + 1])];
  return `#${a.map((v, k) => Math.round(v + (b[k] - v) * (at - i)).toString(16).padStart(2, '0')).join('')}`;
}

// Limits of equal classes with a round step (1, 2 or 5 times a power of ten) over the values.
function limitsOf(values) {
  const known = values.filter(Number.isFinite);
  if (!known.length) return [0];
  const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  if (low === high) return [low];
  const rough = (high - low) / CLASSES, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(n => n * power >= rough) * power;
  const first = Math.floor(low / step) + 1, last = Math.ceil(high / step) - 1;
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// { limits, colours }: one colour more than there are limits. `values` are for a metric of the operator's own.
export function scaleOf(metric, values) {
  return coloured(metric, Object.hasOwn(LIMITS, metric) ? LIMITS[metric] : limitsOf(values()));
}

// The same with classes that these values fill: colours of one place, not to be compared with another's.
export const scaleOver = (metric, values) => coloured(metric, limitsOf(values));

function coloured(metric, limits) {
  const palette = metric === 'temperature' ? DIVERGING : SEQUENTIAL;
  return { limits, colours: Array.from({ length: limits.length + 1 }, (_, i) => along(palette, i / limits.length)) };
}

// The class of a value: how many limits it reaches.
export function classOf(scale, value) {
  let i = 0;
  while (i < scale.limits.length && value >= scale.limits[i]) i++;
  return i;
}
