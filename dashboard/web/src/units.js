// Units to show values in. The API's are degC, m/s, hPa, mm, % and m; conversion is for display only.
export const UNITS = {
  c: { dimension: 'temperature', name: '°C', digits: 1, from: x => x },
  f: { dimension: 'temperature', name: '°F', digits: 1, from: x => x * 1.8 + 32 },
  ms: { dimension: 'wind', name: 'm/s', digits: 1, from: x => x },
  kmh: { dimension: 'wind', name: 'km/h', digits: 0, from: x => x * 3.6 },
  kn: { dimension: 'wind', name: 'kn', digits: 0, from: x => x * 3600 / 1852 },
  mph: { dimension: 'wind', name: 'mph', digits: 0, from: x => x / 0.44704 },
  hpa: { dimension: 'pressure', name: 'hPa', digits: 0, from: x => x },
  inhg: { dimension: 'pressure', name: 'inHg', digits: 2, from: x => x / 33.8638866667 },
  mm: { dimension: 'precipitation', name: 'mm', digits: 1, from: x => x },
  in: { dimension: 'precipitation', name: 'in', digits: 2, from: x => x / 25.4 },
};
export const DEFAULT_UNITS = { temperature: 'c', wind: 'ms', pressure: 'hpa', precipitation: 'mm' };

const PERCENT = { name: '%', digits: 0, from: x => x };
const DIMENSIONS = { temperature: 'temperature', wind_speed: 'wind', pressure_sea_level: 'pressure', precipitation: 'precipitation' };
const FIXED = { humidity: PERCENT, cloud: PERCENT, visibility: { name: 'km', digits: 1, from: x => x / 1000 } };

// Metrics of the operator's own, as the API names them: shown in the unit they have, in no other. One that is called
// as what the page shows anyway (precipitation: rain and snow together) has no place here.
const own = new Map();
export function setOwn(list) {
  own.clear();
  for (const { name, unit, scale, combine } of list) if (!Object.hasOwn(DIMENSIONS, name)) own.set(name, { name: unit, digits: Math.round(Math.log10(scale)), from: x => x, combine });
}
export const isOwn = name => own.has(name);

// Which figure of a window stands for the metric: mean, sum, minimum, maximum or last.
export function figureOf(name) {
  return own.get(name)?.combine ?? (name === 'precipitation' ? 'sum' : 'mean');
}

// The unit that a value is shown in, with the chosen codes by dimension.
export function unitOf(name, chosen) {
  return own.get(name) ?? FIXED[name] ?? UNITS[chosen[DIMENSIONS[name]]];
}
