// A page on paper: white also where the screen is dark, no controls, the charts within it, and what, when and whose it is; and alerts
// on the chart, by sign and words.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const MINUTE = 60e3;
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('print', false), Browser.start()]);
  await system.do('rules', { text: '[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n[alert frost]\nmetric = temperature\nbelow = 0\nclear = 1.5\nfor = 10m\n' });
  const at = Math.floor(Date.now() / MINUTE) * MINUTE;
  await system.do('produce', { city: system.hostile, rows: Array.from({ length: 72 }, (_, i) => ({ at: at - (71 - i) * 10 * MINUTE, temperature_centi_c: Math.round(300 - i * 9 + 20 * Math.sin(i)), rain_um: 100 })) });
  await until('the alert', async () => (await (await fetch(`${system.url}api/v1/alerts?state=raised`)).json()).alerts_total === 1, 30000);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

async function open(options = {}) {
  const page = await browser.page({ colorScheme: 'dark', ...options });
  await page.goto(`${system.url}#view=city&city=${system.hostile}&units=f&time=utc`);
  await until('the chart', async () => Number(await page.locator('#chart').getAttribute('data-points')) > 8);
  return page;
}

test('an alert is told on the chart by sign, words and value', async () => {
  const page = await open();
  await until('the alert', async () => (await page.locator('#chart-alerts li').count()) === 1);
  assert.match(await page.locator('#chart-alerts li').textContent(), /^▲ Raised: frost, \u2212?[\d.]+ °F, \d+ \w+, \d\d:\d\d$/);
  await page.locator('#cards [data-metric=humidity] button').click();
  assert.equal(await page.locator('#chart-alerts li').count(), 0, 'it is of the temperature');
  await page.context().close();
});

test('on paper', async () => {
  const page = await open();
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--panel').trim());
  const dark = await ground(), picture = () => page.locator('#chart canvas').first().evaluate(c => c.toDataURL()), before = await picture();
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  assert.equal(await ground(), '#ffffff');
  assert.notEqual(await picture(), before, 'the chart has dark ink');
  const head = await page.locator('#print-head').innerText();
  assert.ok(head.includes(system.name), head);
  assert.match(head, /Time range: 24 h.*°F.*printed \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  assert.match(head, /Source: Station.*GeoNames/);
  for (const control of ['.top', '#range-bar', '#card-order', '#why']) assert.ok(await page.locator(control).first().isHidden(), control);
  await page.setViewportSize({ width: 700, height: 1000 });
  const box = await page.locator('#chart canvas').first().boundingBox();
  assert.ok(box.width > 400 && box.x + box.width <= 701, JSON.stringify(box));
  assert.ok((await page.pdf({ format: 'A4' })).length > 10000);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await page.emulateMedia({ media: 'screen' });
  assert.equal(await ground(), dark);
  assert.ok(await page.locator('#print-head').isHidden());
  await page.context().close();
});

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
