// Ranges of time from an hour to a year, paused and live, zoomed, in the URL; what is shown as a file; and the numbers of every
// chart as a table.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileName } from '../../dashboard/web/src/download.js';
import { sizeFor, USUAL } from '../../dashboard/web/src/window_size.js';
import { Browser, System, until } from './system.mjs';

const HOUR = 3600e3, DAY = 24 * HOUR, DAYS = 40;
const begin = Math.floor(Date.now() / HOUR) * HOUR - DAYS * DAY;
let system, browser, other;

// A day's course of temperature and wind, some rain.
const rows = (from, to, step, warm) => Array.from({ length: Math.floor((to - from) / step) }, (_, i) => from + i * step).map(at => ({
  at, temperature_centi_c: Math.round(100 * (warm + 6 * Math.sin(2 * Math.PI * at / DAY))), wind_speed_cm_s: 300, rain_um: Math.floor(at / (2 * HOUR)) % 3 ? 0 : 500 }));

before(async () => {
  [system, browser] = await Promise.all([System.start('range', false), Browser.start()]);
  const { cities } = await (await fetch(`${system.url}api/v1/cities`)).json();
  other = cities.find(c => c.id !== system.hostile);
  const now = Date.now(), hour = Math.floor(now / HOUR) * HOUR;
  for (let from = begin; from < now; from += 40 * HOUR) { // as they came: what is far older than the log is not taken
    const to = Math.min(from + 40 * HOUR, hour - HOUR);
    for (const [city, warm] of [[system.hostile, 12], [other.id, 20]]) if (from < to) await system.do('produce', { city, rows: rows(from, to, 2 * HOUR, warm), stamp: to });
  }
  for (const [city, warm] of [[system.hostile, 12], [other.id, 20]]) await system.do('produce', { city, rows: rows(hour - HOUR, now, 600e3, warm) });
  await until('the histories', async () => (await Promise.all([system.hostile, other.id].map(async id => (await (await fetch(`${system.url}api/v1/cities/${id}/windows?size=1d`)).json()).windows.length))).every(n => n >= DAYS), 60000);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const hash = page => new URL(page.url()).hash;
const picture = (page, box = '#chart') => page.locator(`${box} canvas`).first().evaluate(c => c.toDataURL());
const points = page => page.locator('#chart').getAttribute('data-points').then(Number);
const ready = (page, least) => until(`${least} points`, async () => await points(page) >= least);
const still = async (page, box) => { let last = ''; return until('the picture is still', async () => { const now = await picture(page, box), same = now === last; last = now; return same && now; }, 10000, 300); };
async function open(more = '', options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#view=city&city=${system.hostile}${more}`);
  await page.locator('#range-bar button').first().waitFor();
  return page;
}
const press = (page, name) => page.locator(`#range-bar [data-range="${name}"], #range-bar [data-act="${name}"]`).click();
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

test('the finest size that is kept for the range, in a bounded number of points', () => {
  const name = (range, sizes = USUAL) => sizeFor(range, sizes).name, size = (n, ms, kept) => ({ name: n, size_ms: ms, retention_ms: kept });
  assert.deepEqual([1, 6, 24, 48, 168, 720, 8760].map(h => name(h * HOUR)), ['10m', '10m', '1h', '1h', '1h', '1h', '1d']);
  assert.equal(name(720 * HOUR, [size('1h', HOUR, 7 * DAY), size('1d', DAY, 730 * DAY)]), '1d', 'what is kept for all of it');
  assert.equal(name(8760 * HOUR, [size('10m', 600e3, 2 * DAY), size('1h', HOUR, 30 * DAY)]), '1h', 'else what there is');
  assert.equal(name(168 * HOUR, [size('1h', HOUR, DAY), size('6h', 6 * HOUR, 5 * DAY)]), '6h', 'what reaches furthest');
  for (const h of [1, 6, 24, 48, 168, 720, 8760]) assert.ok(h * HOUR / sizeFor(h * HOUR, USUAL).size_ms <= 800);
});

test('names of files are plain', () => {
  const span = [Date.parse('2026-11-30T12:00Z'), Date.parse('2026-12-01T12:00Z')];
  assert.equal(fileName([{ id: 1, ascii_name: 'São "x"/..' }], '24h/1h', span, 'csv'), 'isobar-s-o-x-24h-1h-20261130T1200Z-20261201T1200Z.csv');
  assert.equal(fileName([{ id: 7, ascii_name: '東京' }], 'temperature', span, 'png'), 'isobar-7-temperature-20261130T1200Z-20261201T1200Z.png');
});

test('from an hour to a year', async () => {
  const page = await open();
  const rowsOf = { '1h': [3, 8], '7d': [80, 90], '30d': [350, 366], '1y': [DAYS, DAYS + 2] };
  await page.locator('#data-summary').click();
  for (const [name, [least, most]] of Object.entries(rowsOf)) {
    await press(page, name);
    await until(`${name}: rows`, async () => { const n = await page.locator('#chart-data tbody tr').count(); return n >= least && n <= most && n === await points(page); });
    assert.match(hash(page), new RegExp(`range=${name}`));
    assert.equal(await page.locator('#range-bar [aria-pressed=true]').textContent(), { '1h': '1 h', '7d': '7 d', '30d': '30 d', '1y': '1 y' }[name]);
    assert.equal(await page.locator('#chart-kept').textContent(), '');
  }
  assert.match(await page.locator('#legend-line').textContent(), /Mean of each day/);
  await page.context().close();
});

test('paused it stays, and its URL shows the same in another browser, zoomed as it was', async () => {
  const page = await open('&range=7d&time=utc');
  await ready(page, 80);
  await press(page, 'pause');
  assert.match(await page.locator('.range-said').first().textContent(), /^Paused at \d+ \w+, \d\d:\d\d UTC$/);
  const box = await page.locator('#chart').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
  await page.keyboard.down('Control');
  for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -240);
  await page.keyboard.up('Control');
  await until('zoomed', () => /zoom=\d+-\d+/.test(hash(page)));
  await page.mouse.move(5, 5);
  await ready(page, 80);
  const before = await still(page);
  const pasted = await open(hash(page).replace(/^#view=city&city=\d+/, ''));
  await ready(pasted, 80);
  assert.equal(hash(pasted), hash(page));
  assert.equal(await still(pasted), before);
  await pasted.context().close();
  const at = Date.now() - 1000, [reading] = rows(at, at + 1, 1, 13), words = (reading.temperature_centi_c / 100).toFixed(1); // a degree more than before: no test of quality minds
  await system.do('produce', { city: system.hostile, rows: [reading] });
  await until('the card has it', async () => (await page.locator('#cards [data-metric=temperature] .card-number').textContent()).replace('\u2212', '-') === words);
  assert.equal(await still(page), before, 'nothing moves');
  await press(page, 'pause');
  await until('live', () => !/until/.test(hash(page)));
  await page.locator('#reset-zoom').click();
  await until('the reading is charted', async () => (await page.locator('#chart').getAttribute('aria-label')).replaceAll('\u2212', '-').includes(`last ${words} °C`));
  await page.context().close();
});

test('compared cities: live, and zoom stays', async () => {
  const page = await open();
  await page.goto(`${system.url}#view=compare&cities=${system.hostile},${other.id}&range=24h&city=${system.hostile}`);
  await until('both lines', async () => (await page.locator('#compare-chart').getAttribute('data-lines')) === '2');
  const box = await page.locator('#compare-chart').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
  await page.keyboard.down('Control');
  for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -240);
  await page.keyboard.up('Control');
  await until('zoomed', () => /zoom=/.test(hash(page)));
  await page.mouse.move(5, 5);
  const zoom = new URLSearchParams(hash(page)).get('zoom');
  await page.locator('#view-compare .data-table summary').click();
  for (const degrees of [30, 31, 32]) {
    const cell = () => page.locator('#view-compare tbody tr').first().locator('td').nth(2).textContent(), before = await cell();
    await system.do('produce', { city: other.id, rows: [{ at: Date.now() - 500, temperature_centi_c: degrees * 100 }] });
    await until('the other city moves', async () => await cell() !== before);
  }
  assert.equal(new URLSearchParams(hash(page)).get('zoom'), zoom);
  await page.locator('#view-compare .reset-zoom').click();
  assert.equal(new URLSearchParams(hash(page)).get('zoom'), null);
  await page.context().close();
});

test('what is shown as CSV, formulas inert, and as a picture', async () => {
  const page = await open('&range=24h&metric=temperature');
  await ready(page, 11);
  const csv = await saved(page, '#range-bar [data-act=csv]'), lines = csv.bytes.toString().trimEnd().split(/\r?\n/);
  assert.match(csv.name, /^isobar-[a-z0-9-]+-1h-\d{8}T\d{4}Z-\d{8}T\d{4}Z\.csv$/);
  assert.ok(lines.filter(l => l.includes('temperature')).length >= 11);
  assert.ok(lines.slice(1).every(l => !/^[=+@]|,[=+@]/.test(l)));
  const png = await saved(page, '#range-bar [data-act=png]');
  assert.match(png.name, /^isobar-.*-temperature-.*\.png$/);
  assert.equal(png.bytes.toString('latin1', 1, 4), 'PNG');
  assert.ok(png.bytes.readUInt32BE(16) > 800 && png.bytes.length > 10000);
  await page.goto(`${system.url}#view=compare&cities=${system.hostile},${other.id}`);
  await until('both lines', async () => (await page.locator('#compare-chart').getAttribute('data-lines')) === '2');
  const both = (await saved(page, '#view-compare [data-act=csv]')).bytes.toString().trimEnd().split(/\r?\n/);
  assert.deepEqual([system.hostile, other.id].map(id => both.some(l => l.includes(String(id)))), [true, true]);
  assert.equal(both.filter(l => l === both[0]).length, 1, 'one heading');
  assert.equal((await saved(page, '#view-compare [data-act=png]')).bytes.toString('latin1', 1, 4), 'PNG');
  await page.context().close();
});

test('every chart has its numbers as a table', async () => {
  const page = await open('&metric=precipitation&range=7d');
  await ready(page, 80);
  const table = async name => {
    const box = page.locator(`.pattern-${name} .data-table`);
    await box.locator('summary').focus();
    await page.keyboard.press('Enter');
    return until(`the table of ${name}`, async () => { const all = await box.locator('tr').evaluateAll(trs => trs.map(tr => [...tr.children].map(c => c.textContent))); return all.length > 1 && all; });
  };
  const rain = await table('rain');
  assert.deepEqual(rain[0], ['Start', 'Rain mm', 'known of', 'Snow mm', 'known of']);
  assert.ok(rain.some(r => /^\d+ \w+, \d\d:\d\d$/.test(r[0]) && Number(r[1]) > 0), JSON.stringify(rain.slice(0, 30)));
  const heat = await table('heat');
  assert.equal(heat.length, 25);
  assert.ok(heat[0].length >= 7);
  assert.equal(await page.locator('.pattern-rose').isHidden(), true, 'no direction is known');
  await page.context().close();
});

test('at 320 px, in Spanish and dark, nothing is wider than the screen', async () => {
  const page = await open('&lang=es&range=30d', { viewport: { width: 320, height: 700 }, colorScheme: 'dark' });
  await ready(page, 300);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await press(page, 'pause');
  assert.match(await page.locator('.range-said').first().textContent(), /^En pausa a las/);
  await page.context().close();
});

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
