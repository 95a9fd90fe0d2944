// Which numbers of a window are charted, and how values and differences are written: the page's pure modules, without a browser.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const source = name => new URL(`../../dashboard/web/src/${name}.js`, import.meta.url);
const { figures } = await import(source('metric'));
const { figureOf, isOwn, setOwn, unitOf } = await import(source('units'));
const { state } = await import(source('address'));
const format = await import(source('format'));

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
