// Makes ../seattle_normals.csv and ../weather_daily.csv: recorded series for replay, in the project's integer units.
//
// The units and the clock of the sources are argued in ../README.md. Numbers are moved between units by shifting the decimal
// point of the text, never through binary floating point, so each output is exactly the source's value.
// It fails on any line that is not as expected; the only value it invents is the one hour that the source lacks.

import { readFileSync, writeFileSync } from 'node:fs';

const SOURCE = new URL('node_modules/vega-datasets/data/', import.meta.url);
const TARGET = new URL('../', import.meta.url);
const HOURS = 365 * 24;
const HOUR_MS = 3600 * 1000;

/** "-1.6" with 2 digits is -160: the decimal text times 10^digits, exactly. */
function scaled(text, digits) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3] ?? '';
  if (!match || fraction.length > digits) throw new Error(`not a number with at most ${digits} decimals: "${text}"`);
  const value = Number(match[2] + fraction.padEnd(digits, '0'));
  return match[1] && value !== 0 ? -value : value;
}

/** The records of a source file, without its header line, which must be `header`. The sources have no quoted fields. */
function records(name, header) {
  const lines = readFileSync(new URL(name, SOURCE), 'utf8').trimEnd().split(/\r?\n/);
  if (lines[0] !== header) throw new Error(`${name}: the header is "${lines[0]}"`);
  return lines.slice(1).map((line) => line.split(','));
}

function write(name, header, rows) {
  writeFileSync(new URL(name, TARGET), [header, ...rows.map((row) => row.join(',')), ''].join('\n'));
  console.log(`${name}: ${rows.length} rows`);
}

/** Fills an hour that is absent with the mean of its two neighbours; the year is a ring, as normals have no year. */
function filled(hours, i) {
  if (hours[i]) return hours[i];
  const before = hours[(i + HOURS - 1) % HOURS];
  const after = hours[(i + 1) % HOURS];
  if (!before || !after) throw new Error(`hour ${i}: two hours in a row are missing`);
  console.log(`seattle_normals.csv: day ${Math.floor(i / 24) + 1} hour ${i % 24} is interpolated`);
  return before.map((value, k) => Math.round((value + after[k]) / 2));
}

function makeNormals() {
  const hours = new Array(HOURS);
  const source = records('seattle-weather-hourly-normals.csv', 'date,pressure,temperature,wind');
  for (const [date, pressure, temperature, wind] of source) {
    // The source's 2010 stands for any year. Reading its local times as UTC only does calendar arithmetic.
    const i = (Date.parse(`${date}Z`) - Date.UTC(2010, 0, 1)) / HOUR_MS;
    if (!Number.isInteger(i) || i < 0 || i >= HOURS || hours[i]) throw new Error(`unexpected or repeated hour ${date}`);
    hours[i] = [scaled(temperature, 2), scaled(pressure, 2), scaled(wind, 2)];
  }
  const rows = Array.from(hours, (_, i) => [Math.floor(i / 24) + 1, i % 24, ...filled(hours, i)]);
  write('seattle_normals.csv', 'day,hour_pst,temp_centi_c,pressure_pa,wind_cm_s', rows);
}

function makeDaily() {
  const rows = records('weather.csv', 'location,date,precipitation,temp_max,temp_min,wind,weather')
    .map(([location, date, precipitation, max, min, wind, weather]) =>
      [date, location, scaled(precipitation, 3), scaled(max, 2), scaled(min, 2), scaled(wind, 2), weather]);
  write('weather_daily.csv', 'date,location,precipitation_um,temp_max_centi_c,temp_min_centi_c,wind_cm_s,weather', rows);
}

makeNormals();
makeDaily();
