// Checks the tables of data/ : shape, ranges, identities between rows. Built-in modules only, so it runs without npm install.
//
//     node check.mjs [directory]        the directory of the tables; the parent of this file's by default
//
// Prints one line "file:line: what is wrong" per fault and exits 1, or a summary and 0. A fault in a row never stops the
// others from being checked. Zones are looked up in the machine's tzdata, or not at all on a machine that has none.
// It does not remake the tables: that a table is what its script makes is seen by remaking it and asking git for a difference.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIRECTORY = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const ZONEINFO = '/usr/share/zoneinfo';
const PICKED = 40;
const MIN_CITIES = 1000;

const HEADERS = {
  'cities.csv': 'id,name,ascii_name,country,lat,lon,elevation_m,population,zone,station',
  'seattle_normals.csv': 'day,hour_pst,temp_centi_c,pressure_pa,wind_cm_s',
  'weather_daily.csv': 'date,location,precipitation_um,temp_max_centi_c,temp_min_centi_c,wind_cm_s,weather',
};

// Of the countries of the first rows only. Honolulu counts as its country's continent.
const CONTINENTS = {
  Africa: ['EG', 'ET', 'KE', 'MA', 'NG', 'ZA'],
  Antarctica: ['AQ'],
  Asia: ['AE', 'CN', 'IN', 'IR', 'JP', 'MN', 'NP', 'SG'],
  Europe: ['DE', 'ES', 'FR', 'GB', 'IS', 'NO', 'RU', 'SJ'],
  'North America': ['CA', 'GL', 'MX', 'US'],
  Oceania: ['AU', 'NZ', 'WS'],
  'South America': ['AR', 'BO', 'BR', 'CL', 'CO', 'PE'],
};

const WEATHER = ['drizzle', 'fog', 'rain', 'snow', 'sun'];
const DAILY_LOCATIONS = ['Seattle', 'New York'];
const DAILY_FIRST = '2012-01-01';
const DAILY_DAYS = 1461; // 2012 is a leap year
const DAY_MS = 24 * 3600 * 1000;

let faults = 0;

function fault(file, line, what) {
  faults++;
  console.error(`${relative('', join(DIRECTORY, file))}:${line}: ${what}`);
}

/**
 * RFC 4180 records as [{ line, fields }], with LF as the line end; `line` is where the record starts.
 * A quote inside an unquoted field, or text after a closing quote, is a fault.
 */
function parseCsv(file, text) {
  const records = [];
  const token = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n|$)/y;
  let line = 1;
  for (let start = 1, fields = []; token.lastIndex < text.length;) {
    const match = token.exec(text);
    if (!match) {
      fault(file, line, 'not RFC 4180 (stray quote or carriage return): the rest is not read');
      break;
    }
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    line += match[0].split('\n').length - 1;
    if (match[3] === ',') continue;
    records.push({ line: start, fields });
    start = line;
    fields = [];
  }
  return records;
}

/** The data records of a table as [{ line, <column>: text }]; header and width of each record are checked here. */
function readTable(file) {
  const path = join(DIRECTORY, file);
  if (!existsSync(path)) {
    fault(file, 1, 'no such file');
    return [];
  }
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) fault(file, 1, 'not UTF-8');
  if (!text.endsWith('\n')) fault(file, text.split('\n').length, 'no newline at the end');

  const columns = HEADERS[file].split(',');
  const [head, ...records] = parseCsv(file, text);
  if (head?.fields.join(',') !== HEADERS[file]) fault(file, 1, `the header is not ${HEADERS[file]}`);
  const rows = [];
  for (const { line, fields } of records) {
    if (fields.length !== columns.length) fault(file, line, `${fields.length} fields instead of ${columns.length}`);
    else rows.push(Object.fromEntries([['line', line], ...columns.map((column, i) => [column, fields[i]])]));
  }
  return rows;
}

/** Checks one whole number; NaN when it is none, so that comparisons with it fail quietly. */
function integer(file, row, column, min, max) {
  const value = /^(0|-?[1-9]\d*)$/.test(row[column]) ? Number(row[column]) : NaN;
  if (!(value >= min && value <= max)) fault(file, row.line, `${column} "${row[column]}" is not an integer from ${min} to ${max}`);
  return value;
}

function degrees(file, row, column, limit) {
  const ok = /^-?(0|[1-9]\d*)(\.\d{1,5})?$/.test(row[column]) && Math.abs(Number(row[column])) <= limit;
  if (!ok) fault(file, row.line, `${column} "${row[column]}" is not degrees within ${limit} with at most 5 decimals`);
}

/** Zone name -> country by tzdata, or null on a machine without it. */
function zoneCountries() {
  const path = join(ZONEINFO, 'zone.tab');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(lines.map((line) => line.split('\t')).map(([country, , zone]) => [zone, country]));
}

/** A zone must exist, and be its country's: a wrong side of a border is the likeliest error of a lookup by coordinates. */
function checkZone(file, row, countries) {
  const wellFormed = /^[A-Z][A-Za-z_]+(\/[A-Z][A-Za-z_-]+){1,2}$/.test(row.zone);
  if (!wellFormed) fault(file, row.line, `zone "${row.zone}" is not an IANA region name`);
  if (!wellFormed || !existsSync(ZONEINFO)) return;

  const path = join(ZONEINFO, row.zone);
  if (!existsSync(path) || !statSync(path).isFile()) fault(file, row.line, `zone "${row.zone}" is not in ${ZONEINFO}`);
  else if (countries && row.country !== 'XK' && countries.get(row.zone) !== row.country) { // tzdata knows no XK, Kosovo
    fault(file, row.line, `zone "${row.zone}" is not one of country ${row.country}`);
  }
}

function checkCity(file, row, countries) {
  integer(file, row, 'id', 1, 2 ** 31 - 1);
  integer(file, row, 'population', 0, 50e6);
  if (row.elevation_m !== '') integer(file, row, 'elevation_m', -430, 6000);
  degrees(file, row, 'lat', 90);
  degrees(file, row, 'lon', 180);
  if (!/^[^\s\p{C}](.*\S)?$/u.test(row.name) || /\p{C}/u.test(row.name)) {
    fault(file, row.line, `name "${row.name}" is empty, or has spaces around it or a control character`);
  }
  if (!/^[\x20-\x7e]+$/.test(row.ascii_name)) fault(file, row.line, `ascii_name "${row.ascii_name}" is not ASCII`);
  if (!/^[A-Z]{2}$/.test(row.country)) fault(file, row.line, `country "${row.country}" is not two capitals`);
  if (!/^([A-Z0-9]{4})?$/.test(row.station)) fault(file, row.line, `station "${row.station}" is not 4 capitals or digits`);
  checkZone(file, row, countries);
}

function checkContinents(file, rows) {
  const continentOf = new Map(Object.entries(CONTINENTS).flatMap(([name, codes]) => codes.map((code) => [code, name])));
  const seen = new Set();
  for (const row of rows) {
    if (!continentOf.has(row.country)) fault(file, row.line, `country ${row.country} is not in the map of continents`);
    seen.add(continentOf.get(row.country));
  }
  const missing = Object.keys(CONTINENTS).filter((name) => !seen.has(name));
  if (missing.length > 0) fault(file, PICKED + 1, `no city of ${missing.join(', ')} among the first ${PICKED}`);
}

function checkCities(file) {
  const rows = readTable(file);
  const countries = zoneCountries();
  const lineOfId = new Map();
  for (const row of rows) {
    checkCity(file, row, countries);
    if (lineOfId.has(row.id)) fault(file, row.line, `id ${row.id} is also on line ${lineOfId.get(row.id)}`);
    else lineOfId.set(row.id, row.line);
  }
  if (rows.length < MIN_CITIES) fault(file, rows.length + 1, `${rows.length} rows, fewer than ${MIN_CITIES}`);
  checkContinents(file, rows.slice(0, PICKED));
  return rows.length;
}

/**
 * Checks that a series has a row for each expected time, in order. Only the first row out of place is a fault of its own:
 * one lost row displaces all after it. `labelOf(i)` is what
 * row i should be, `labelOfRow(row)` what it is.
 */
function checkOrder(file, rows, length, labelOf, labelOfRow) {
  const i = rows.findIndex((row, k) => labelOfRow(row) !== labelOf(k));
  if (i >= 0) fault(file, rows[i].line, `is ${labelOfRow(rows[i])} instead of ${labelOf(i)}`);
  if (rows.length !== length) fault(file, rows.length + 1, `${rows.length} rows instead of ${length}`);
}

/** Every hour of a 365-day year once and in order. Ranges are a little wider than the data, to catch a wrong unit. */
function checkNormals(file) {
  const rows = readTable(file);
  checkOrder(file, rows, 365 * 24,
    (i) => `day ${Math.floor(i / 24) + 1} hour ${i % 24}`,
    (row) => `day ${row.day} hour ${row.hour_pst}`);
  for (const row of rows) {
    integer(file, row, 'temp_centi_c', 200, 2600);
    integer(file, row, 'pressure_pa', 101000, 102500);
    integer(file, row, 'wind_cm_s', 150, 600);
  }
  return rows.length;
}

/** What row i of the daily series should start with; beyond the last location, nothing fits. */
function dailyLabel(i) {
  const date = new Date(Date.parse(DAILY_FIRST) + (i % DAILY_DAYS) * DAY_MS).toISOString().slice(0, 10);
  return `${date} in ${DAILY_LOCATIONS[Math.floor(i / DAILY_DAYS)] ?? 'no place'}`;
}

/** Every day of four years in order, for one location after the other. */
function checkDaily(file) {
  const rows = readTable(file);
  checkOrder(file, rows, DAILY_LOCATIONS.length * DAILY_DAYS, dailyLabel, (row) => `${row.date} in ${row.location}`);
  for (const row of rows) {
    integer(file, row, 'precipitation_um', 0, 400000);
    const max = integer(file, row, 'temp_max_centi_c', -3000, 4500);
    const min = integer(file, row, 'temp_min_centi_c', -3500, 3500);
    if (min > max) fault(file, row.line, 'temp_min_centi_c is above temp_max_centi_c');
    integer(file, row, 'wind_cm_s', 0, 4000);
    if (!WEATHER.includes(row.weather)) fault(file, row.line, `weather "${row.weather}" is none of ${WEATHER.join(', ')}`);
  }
  return rows.length;
}

const checks = { 'cities.csv': checkCities, 'seattle_normals.csv': checkNormals, 'weather_daily.csv': checkDaily };
const counts = Object.entries(checks).map(([file, check]) => `${file} ${check(file)} rows`);
const zones = existsSync(ZONEINFO) ? '' : `; zones not looked up, there is no ${ZONEINFO}`;
if (faults > 0) console.error(`faults: ${faults}`);
else console.log(`${counts.join(', ')}: ok${zones}`);
process.exitCode = faults > 0 ? 1 : 0;
