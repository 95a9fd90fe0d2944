// "Why this number?": what a window of the chart is made of, told in words, and the command that lists all of it, run as it stands.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { flagOf, windowName } from '../../dashboard/web/src/why.js';
import { Browser, System, until } from './system.mjs';

let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('why'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

async function open(more = '', options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#view=city&city=${system.hostile}&time=utc${more}`);
  await until('the chart has its history', async () => Number(await page.locator('#chart').getAttribute('data-points')) > 20);
  await page.locator('#why summary').click();
  return page;
}
const told = async page => Object.fromEntries(await page.locator('#why').evaluate(box => [...box.querySelectorAll('dt')].map(dt => [dt.textContent, dt.nextElementSibling.textContent])));
const what = page => page.locator('.why-what').textContent();
const button = (page, name) => page.locator('#why .picker button').nth(name === 'earlier' ? 0 : 1);
const windows = async (size = '1h') => (await (await fetch(`${system.url}api/v1/cities/${system.hostile}/windows?size=${size}`)).json()).windows;

test('names of windows and flags', () => {
  assert.equal(windowName('1h', Date.parse('2026-11-30T12:00Z'), 'Asia/Kathmandu'), '1h@2026-11-30T12:00Z');
  assert.equal(windowName('1d', Date.parse('2026-11-30T18:15Z'), 'Asia/Kathmandu'), '1d@2026-12-01');
  assert.equal(windowName('24h/1h', 0, 'UTC'), '');
  assert.deepEqual(flagOf('source_suspect_wind'), { test: 'source_suspect', group: 'wind' });
  assert.deepEqual(flagOf('range_dew_point'), { test: 'range', group: 'dew_point' });
  assert.deepEqual(flagOf('new_test'), { test: 'new_test', group: '' });
});

test('the newest window, and one before it that is final, as the API has them', async () => {
  const page = await open();
  assert.match(await what(page), /^\d+ \w+, \d\d:00 – \d\d:00: .+ °C is the mean of \d+ readings?\.$/);
  assert.match((await told(page)).Status, /^provisional: readings can still come$/);
  assert.equal(await button(page, 'later').isDisabled(), true);
  await button(page, 'earlier').focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press('Enter');
  const rows = await told(page);
  const [start] = (await page.locator('#why code').textContent()).match(/\d{4}-\d\d-\d\dT\d\d:\d\dZ/);
  const window = (await windows()).find(w => w.start === Date.parse(start));
  const { temperature } = window.metrics;
  assert.ok((await what(page)).includes(`${temperature.mean.toFixed(1).replace('-', '\u2212')} °C is the mean of ${temperature.count} readings`), await what(page));
  assert.match(rows.Status, /^final/);
  assert.equal(rows.Readings.split(' ')[0], String(window.rows));
  assert.equal(rows['Time they stand for'], `${Math.round(window.covered)} %`);
  assert.ok(rows.Min.startsWith(`${temperature.min.toFixed(1).replace('-', '\u2212')} °C, `), rows.Min);
  assert.equal(rows['Percentiles 50 / 90 / 99'].split(' / ').length, 3);
  assert.match(rows['Quality control'], /^newest reading, .+: nothing found$/);
  assert.doesNotMatch(await page.locator('#why').innerText(), /NaN|undefined|null|\[object|Invalid/);
  await page.context().close();
});

test('the command lists the readings, and they make the number', async () => {
  const page = await open();
  for (let i = 0; i < 2; i++) await button(page, 'earlier').click();
  const command = await page.locator('#why code').textContent();
  assert.match(command, new RegExp(`^isobarctl explain ${system.hostile} 1h@`));
  const { code, out } = await system.do('ctl', { command: `${command} --kafka ${(await system.do('kafka')).address}` });
  assert.equal(code, 0, out);
  await page.context().close();
});

test('the pointer chooses a window; rain tells how much of the time is known', async () => {
  const page = await open();
  const first = await what(page), box = await page.locator('#chart').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await until('another window', async () => await what(page) !== first);
  await button(page, 'later').click();
  await page.locator('#cards [data-metric=precipitation] button').click();
  await until('rain', async () => /is the sum of what fell\.$/.test(await what(page)));
  assert.match((await told(page))['Known of the time'], /^Rain \d+ %/);
  await page.context().close();
});

test('in Spanish, on a phone, without sideways scrolling', async () => {
  const page = await open('&lang=es', { viewport: { width: 320, height: 700 }, colorScheme: 'dark' });
  assert.match(await what(page), /es la media de \d+ lecturas?\.$/);
  assert.ok((await told(page))['Control de calidad']);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.context().close();
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
