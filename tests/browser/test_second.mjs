// What a second source says: beside the first on the cards, and on the chart as a line of its own with a band between the two.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const MINUTE = 60e3, STEPS = 12 * 6, OPEN_METEO = 2;
const begin = Math.floor(Date.now() / MINUTE) * MINUTE - STEPS * 10 * MINUTE;
let system, browser;

const rows = (degrees, humidity) => Array.from({ length: STEPS }, (_, i) => ({ at: begin + i * 10 * MINUTE, temperature_centi_c: degrees * 100, ...humidity && { humidity_centi_percent: humidity * 100 } }));

before(async () => {
  [system, browser] = await Promise.all([System.start('second', false), Browser.start()]);
  await system.do('produce', { city: system.hostile, rows: rows(12, 60) });
  await system.do('produce', { city: system.hostile, rows: rows(14), series: 1, provider: OPEN_METEO });
  await until('both histories', async () => {
    const answers = await Promise.all([0, 1].map(series => fetch(`${system.url}api/v1/cities/${system.hostile}/windows?size=1h&series=${series}`)));
    return answers.every(a => a.ok) && (await Promise.all(answers.map(a => a.json()))).every(a => a.windows.length > 11);
  }, 60000);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

async function open(hash = '') {
  const page = await browser.page();
  await page.goto(`${system.url}#view=city&city=${system.hostile}${hash}`);
  await until('the other source', () => page.locator('#second-switch').isVisible());
  return page;
}
const picture = page => page.locator('#chart canvas').first().evaluate(c => c.toDataURL());

test('the card says what the other source says, and the difference', async () => {
  const page = await open('&units=f');
  await until('the card', async () => (await page.locator('#cards [data-metric=temperature] .card-other').textContent()) === 'Open-Meteo 57.2 °F (+3.6)');
  assert.equal(await page.locator('#cards [data-metric=humidity] .card-other').textContent(), '', 'nothing is said where it says nothing');
  await page.context().close();
});

test('the chart has both and the band between them, until it is switched off', async () => {
  const page = await open();
  assert.equal(await page.locator('#second-name').textContent(), 'difference from Open-Meteo');
  const both = await picture(page);
  await page.locator('#data-summary').click();
  const heads = () => page.locator('#chart-data th').allTextContents();
  assert.deepEqual(await heads(), ['Start', 'Mean °C', 'Min °C', 'Max °C', 'Open-Meteo °C', 'Readings', 'Status']);
  assert.equal(await page.locator('#chart-data tbody tr').nth(5).locator('td').nth(4).textContent(), '14.0');
  await page.locator('#second').focus();
  await page.keyboard.press('Space');
  assert.match(new URL(page.url()).hash, /second=off/);
  assert.equal((await heads()).length, 6);
  assert.notEqual(await picture(page), both);
  const pasted = await open('&second=off');
  assert.equal(await pasted.locator('#second').isChecked(), false);
  await pasted.context().close();
  await page.locator('#cards [data-metric=humidity] button').click();
  await until('no switch where it says nothing', () => page.locator('#second-switch').isHidden());
  await page.context().close();
});

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
  assert.deepEqual(browser.complaints, []);
});
