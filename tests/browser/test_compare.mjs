// Cities side by side: found by search, a line each, in the URL, and as a table.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('compare'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const names = page => page.locator('.compare-chosen [data-open]').allTextContents();
const lines = async (page, n) => until(`${n} lines`, async () => (await page.locator('#compare-chart').getAttribute('data-lines')) === String(n));
const hash = page => new URL(page.url()).hash;

async function open(more = '', options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#view=compare${more}`);
  await until('the cities', () => page.evaluate(() => document.title !== 'Isobar'));
  return page;
}

test('up to six cities by search, with the keyboard, in the URL, and away again', async () => {
  const page = await open();
  assert.equal(await page.locator('#view-compare > p.muted[role=status]').textContent(), 'Search for cities to compare.');
  for (const [i, words] of ['bogota', 'london', 'tokyo', 'cairo', 'lima', '<img'].entries()) {
    await page.locator('#compare-search').fill(words);
    await page.keyboard.press('Enter');
    await lines(page, i + 1);
  }
  assert.deepEqual(await names(page), ['Bogotá', 'London', 'Tokyo', 'Cairo', 'Lima', system.name]);
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(new Set(await page.locator('.compare-chosen path').evaluateAll(all => all.map(p => p.getAttribute('stroke-dasharray')))).size, 6, 'strokes differ without colour');
  await page.locator('#compare-search').fill('sydney');
  assert.equal(await page.locator('.compare-offers button').count(), 0, 'six are enough');
  assert.match(hash(page), /cities=\d+(,\d+){5}/);
  await page.getByRole('button', { name: 'Take London away' }).click();
  await lines(page, 5);
  await page.locator('#compare-metric').selectOption('humidity');
  await page.locator('#view-compare [data-range="6h"]').click();
  const pasted = await open(hash(page).replace('#view=compare', ''));
  await lines(pasted, 5);
  assert.equal(hash(pasted), hash(page));
  assert.deepEqual(await names(pasted), ['Bogotá', 'Tokyo', 'Cairo', 'Lima', system.name]);
  assert.match(await pasted.locator('#compare-chart').getAttribute('aria-label'), /Humidity, Mean, %\. Bogotá, Tokyo/);
  await pasted.locator('#view-compare .data-table summary').click();
  await until('the table', async () => await pasted.locator('#view-compare tbody tr').count() >= 35);
  assert.deepEqual((await pasted.locator('#view-compare thead th').allTextContents()).slice(1), await names(pasted));
  assert.match(await pasted.locator('#view-compare tbody tr').nth(3).textContent(), /\d\d:\d\d\d+/);
  await pasted.locator('[data-open]').first().click();
  assert.equal(await pasted.locator('#detail-name').textContent(), 'Bogotá');
  await page.context().close();
  await pasted.context().close();
});

test('no sideways scrolling at 320 px, in Spanish', async () => {
  const page = await open(`&lang=es&cities=${system.hostile}`, { viewport: { width: 320, height: 700 }, colorScheme: 'dark' });
  await lines(page, 1);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.doesNotMatch(await page.locator('#view-compare').innerText(), /NaN|undefined|null|\[object/);
  await page.context().close();
});

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
  assert.deepEqual(browser.complaints, []);
});
