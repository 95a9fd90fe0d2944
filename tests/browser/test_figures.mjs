// Which numbers of a window are charted, and how values and differences are written: the page's pure modules, without a browser.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const source = name => new URL(`../../dashboard/web/src/${name}.js`, import.meta.url);
const { figures } = await import(source('metric'));
const { figureOf, isOwn, setOwn, unitOf } = await import(source('units'));
const { state } = await import(source('address'));
const format = await import(source('format'));
const { roseOf, hoursOf } = await import(source('pattern'));
const { scaleOf, classOf } = await import(source('scale'));

const soil = { count: 4, mean: 32.1234, sd: 1, min: 30, max: 35, first: 31, last: 33 };
const window = metrics => ({ start: 0, end: 3600e3, rows: 6, metrics });
const own = (name, combine = 'mean', scale = 1, unit = 'u') => ({ name, unit, scale, combine });
beforeEach(() => setOwn([]));

test('a metric that is always there: its mean within its range', () => {
  assert.deepEqual(figures(window({ temperature: soil }), 'temperature'), { line: 32.1234, min: 30, max: 35, last: 33, count: 4 });
  for (const name of ['humidity', '__proto__', 'constructor', 'toString']) assert.equal(figures(window({ temperature: soil }), name), null, name);
});

test('one of the operator\'s own: the figure that he wants, a sum without a range', () => {
  for (const [combine, line] of [['mean', 32.1234], ['minimum', 30], ['maximum', 35], ['last', 33]]) {
    setOwn([own('soil', combine)]);
    assert.equal(figureOf('soil'), combine);
    assert.deepEqual(figures(window({ soil }), 'soil'), { line, min: 30, max: 35, last: 33, count: 4 }, combine);
  }
  setOwn([own('soil', 'sum')]);
  assert.deepEqual(figures(window({ soil: { ...soil, combine: 'sum', combined: 128.5 } }), 'soil'), { line: 128.5, last: 128.5, count: 4 });
  const stale = figures(window({ soil: { ...soil, combine: 'last', combined: 33 } }), 'soil'); // as it was defined before
  assert.ok(Math.abs(stale.line - 128.4936) < 1e-9);
});

test('what has fallen: rain and snow together, unknown when neither is known', () => {
  assert.equal(figureOf('precipitation'), 'sum');
  assert.equal(figures(window({ rain_rate: soil }), 'precipitation'), null);
  for (const [precipitation, line] of [[{ rain: 1.2 }, 1.2], [{ snow: 0.5 }, 0.5], [{ rain: 1.5, snow: 0.5 }, 2], [{ rain: 0 }, 0]]) {
    assert.deepEqual(figures({ ...window({}), precipitation }, 'precipitation'), { line, last: line, count: 6 });
  }
});

test('own metrics have as many digits as their scale, and their unit', () => {
  for (const [scale, words] of [[1, '13 u'], [10, '12.5 u'], [1000, '12.500 u'], [1000000, '12.500000 u']]) {
    setOwn([own('soil', 'mean', scale)]);
    assert.equal(format.withUnit('soil', 12.5), words);
  }
  setOwn([own('soil', 'mean', 1, ''), own('constructor', 'last', 100, 'm')]);
  assert.equal(format.withUnit('soil', 7), '7');
  assert.deepEqual([unitOf('constructor', state.units).name, format.value('constructor', -0.001)], ['m', '0.00']);
  setOwn([own('precipitation')]); // the page has something of that name
  assert.ok(!isOwn('precipitation') && !isOwn('soil'));
  assert.equal(format.unit('precipitation'), 'mm');
});

test('a difference has a sign, and no offset', () => {
  for (const [amount, c, f] of [[2.1, '+2.1', '+3.8'], [-2.1, '\u22122.1', '\u22123.8'], [0, '0.0', '0.0'], [-0.02, '0.0', '0.0'], [0.05, '+0.1', '+0.1'], [10, '+10.0', '+18.0']]) {
    state.units.temperature = 'c';
    assert.equal(format.difference('temperature', amount), c, `${amount} degC`);
    state.units.temperature = 'f';
    assert.equal(format.difference('temperature', amount), f, `${amount} degC as degF`);
  }
  state.units.temperature = 'c';
});

test('percentiles are ordinals', async () => {
  const { default: en } = await import(source('strings/en'));
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 52, 63, 99].map(en.percentile).map(words => words.split(' ')[0]),
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '52nd', '63rd', '99th']);
});

test('a wind rose: shares of all readings by sector and speed class, calms apart', () => {
  const blown = (mean, calm, at) => ({ ...window({ wind_speed: { mean } }), wind: { count: 4, calm, rose: Array.from({ length: 16 }, (_, i) => (i === at ? 4 - calm : 0)) } });
  const { sectors, calm, count } = roseOf([blown(1, 1, 0), blown(9, 0, 0), blown(9, 0, 15), window({})], { limits: [2, 8], colours: [] });
  assert.equal(count, 12);
  assert.equal(calm, 1 / 12);
  assert.deepEqual(sectors[0], [3 / 12, 0, 4 / 12]);
  assert.deepEqual(sectors[15], [0, 0, 4 / 12]);
  assert.equal(roseOf([], { limits: [2] }).count, 0);
});

test('hours and days are those of the zone', () => {
  const at = (utc, mean) => ({ ...window({ temperature: { ...soil, mean } }), start: Date.parse(utc) });
  const days = hoursOf([at('2026-11-30T23:00Z', 1), at('2026-11-30T22:00Z', 2), at('2026-12-01T05:00Z', 3)], 'temperature', 'Europe/Madrid');
  assert.deepEqual(days.map(d => d.hours.map((v, h) => [h, v]).filter(([, v]) => !Number.isNaN(v))), [[[23, 2]], [[0, 1], [6, 3]]]);
  assert.deepEqual(hoursOf([at('2026-11-30T23:00Z', 1)], 'humidity', 'UTC'), []);
});

test('a scale has a colour more than limits, and round limits for a metric that is not known', () => {
  const known = scaleOf('temperature', () => []);
  assert.equal(known.colours.length, known.limits.length + 1);
  assert.deepEqual([-50, -20, 35, 99].map(v => classOf(known, v)), [0, 1, known.limits.length, known.limits.length]);
  assert.deepEqual(scaleOf('soil', () => [0, 8, Number.NaN]).limits, [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(scaleOf('soil', () => []).limits, [0]);
  assert.deepEqual(scaleOf('soil', () => [3, 3]).limits, [3]);
});
