// Cards of a city as the user wants them: hidden, moved, by keyboard, in the URL, and at the next visit.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { arranged, moved } from '../../dashboard/web/src/card_order.js';
import { Browser, System, until } from './system.mjs';

let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('cards'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const shown = page => page.locator('#cards > li').evaluateAll(all => all.map(li => li.dataset.metric));
const ALL = ['temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'precipitation', 'cloud', 'visibility'];

test('an order of cards, pure', () => {
  assert.deepEqual(arranged(['a', 'b', 'c'], null), ['a', 'b', 'c']);
  assert.deepEqual(arranged(['a', 'b', 'c'], ['c', 'x', 'a']), ['c', 'a']);
  assert.deepEqual(arranged(['a', 'b'], ['x']), ['a', 'b'], 'some card there must be');
  assert.deepEqual(moved(['a', 'b', 'c'], 'b', -1), ['b', 'a', 'c']);
  assert.deepEqual([moved(['a', 'b'], 'a', -1), moved(['a', 'b'], 'b', 1), moved(['a'], 'x', 1)], [['a', 'b'], ['a', 'b'], ['a']]);
});

test('moved and hidden with the keyboard; a pasted link and the next visit show the same', async () => {
  const page = await browser.page();
  await page.goto(`${system.url}#view=city`);
  await until('the values', async () => /\d/.test(await page.locator('#cards .card-number').first().textContent()));
  assert.deepEqual(await shown(page), ALL);
  await page.locator('#card-order summary').focus();
  await page.keyboard.press('Enter');
  const control = (card, act) => page.locator(`#card-order [data-card="${card}"][data-act="${act}"]`);
  await control('wind_speed', 'up').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter'); // the focus has gone with it
  await page.keyboard.press('Enter');
  await control('humidity', 'show').focus();
  await page.keyboard.press('Space');
  const wanted = ['wind_speed', 'temperature', 'pressure_sea_level', 'precipitation', 'cloud', 'visibility'];
  assert.deepEqual(await shown(page), wanted);
  assert.equal(await control('wind_speed', 'up').isDisabled(), true);
  assert.match(new URL(page.url()).hash, /cards=wind_speed,temperature,/);
  const pasted = await browser.page(), hash = new URL(page.url()).hash;
  await pasted.goto(system.url + hash);
  await until('the same cards', async () => JSON.stringify(await shown(pasted)) === JSON.stringify(wanted));
  await pasted.context().close();
  const again = await page.context().newPage();
  await again.goto(`${system.url}#view=city`);
  await until('kept', async () => JSON.stringify(await shown(again)) === JSON.stringify(wanted));
  await again.close();
  await page.locator('#card-order > button').click();
  assert.deepEqual(await shown(page), ALL);
  assert.doesNotMatch(new URL(page.url()).hash, /cards/);
  for (const name of ALL.slice(1)) await control(name, 'show').uncheck();
  assert.equal(await control('temperature', 'show').isDisabled(), true, 'one stays');
  await page.context().close();
});

test('what is kept by something else is not believed; 320 px, in Spanish', async () => {
  const page = await browser.page({ viewport: { width: 320, height: 700 } });
  await page.addInitScript(() => localStorage.setItem('isobar.cards', '{"a":[1'));
  await page.goto(`${system.url}#view=city&lang=es`);
  await until('the cards', async () => (await shown(page)).length === ALL.length);
  await page.locator('#card-order summary').click();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.equal(await page.locator('#card-order [data-card=humidity][data-act=up]').getAttribute('aria-label'), 'Subir Humedad');
  await page.context().close();
});

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
