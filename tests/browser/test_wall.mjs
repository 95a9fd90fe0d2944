// The screen on a wall: large figures of one city after another, and views, without controls; Escape leaves it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pagesOf } from '../../dashboard/web/src/wall.js';
import { Browser, System, until } from './system.mjs';

let system, browser, ids;

before(async () => {
  [system, browser] = await Promise.all([System.start('wall'), Browser.start()]);
  await system.do('ready');
  ids = (await (await fetch(`${system.url}api/v1/cities`)).json()).cities.map(c => c.id);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const name = page => page.locator('.wall-name').textContent();
async function open(more, options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#${more}`);
  return page;
}

test('what is shown in turn', () => {
  const known = new Map([[1, {}], [2, {}]]), of = more => pagesOf({ show: [], cities: [], city: 1, ...more }, known);
  assert.deepEqual([of({}), of({ cities: [2, 9, 1] }), of({ show: [2, 'compare', 'nonsense', 7] })], [[1, 'map'], [2, 1, 'map'], [2, 'compare']]);
  assert.deepEqual(of({ city: null }), ['map']);
});

test('by its URL: cities in turn, with age, no control, and Escape leaves', async () => {
  const page = await open(`view=city&city=${ids[1]}&wall=1&show=${ids[1]},${ids[2]},map`);
  const seen = new Set();
  await until('both cities and the map', async () => {
    if (await page.locator('#wall').isVisible()) seen.add(await name(page)); else if (await page.locator('#view-map canvas').first().isVisible()) seen.add('map');
    return seen.size === 3;
  }, 15000, 100);
  await until('the map again', () => page.locator('#view-map canvas').first().isVisible());
  assert.ok(await page.locator('#data-label').isVisible(), 'what the data is, is told on every page');
  await until('a city again', () => page.locator('#wall').isVisible());
  assert.match(await page.locator('.wall-main').textContent(), /^\u2212?\d+\.\d °C$/);
  assert.match(await page.locator('.wall-age').textContent(), /ago$/);
  assert.equal(await page.locator('.wall .badge').textContent(), await page.locator('#data-label').textContent());
  for (const control of ['#views', '#settings', '#search']) assert.equal(await page.locator(control).isHidden() || control === '#search', true, control);
  assert.equal(await page.evaluate(() => getComputedStyle(document.getElementById('wall')).transitionDuration), '0s', 'no fade');
  const size = () => page.evaluate(() => document.querySelectorAll('*').length), before = await size(), turns = [];
  await until('more turns', async () => { const now = await page.locator('#wall').getAttribute('data-page'); if (turns.at(-1) !== now) turns.push(now); return turns.length > 7; }, 20000, 100);
  assert.ok(await size() <= before + 60, 'nothing piles up');
  await page.keyboard.press('Escape');
  assert.ok(await page.locator('#views').isVisible());
  assert.equal(await page.locator('#wall').isVisible(), false);
  assert.doesNotMatch(new URL(page.url()).hash, /wall/);
  await page.context().close();
});

test('by its button, for a chosen time; a hostile name is text; a lost server is told', async () => {
  const page = await open(`view=city&city=${system.hostile}`, { quiet: true });
  await until('the values', async () => /\d/.test(await page.locator('#cards .card-number').first().textContent()));
  await page.locator('#settings-title').click();
  await page.locator('#set-wall').selectOption('60');
  await page.locator('#wall-start').click();
  await until('the wall', () => page.locator('#wall').isVisible());
  assert.match(new URL(page.url()).hash, /wall=60/);
  assert.equal(await name(page), system.name);
  assert.equal(await page.locator('img').count(), 0);
  await system.do('kill', { name: 'dashboard' });
  await until('it says so', async () => /^⚠ Connection lost · .* ago$/.test(await page.locator('.wall-age').textContent()));
  assert.ok(await page.locator('#banner').isVisible());
  await system.do('dashboard');
  await until('it goes on', async () => !/lost/.test(await page.locator('.wall-age').textContent()), 20000);
  await page.keyboard.press('Escape');
  await until('left', () => page.locator('#views').isVisible());
  await page.context().close();
});

for (const [width, height] of [[320, 640], [1920, 1080]]) {
  test(`it fits ${width} by ${height}`, async () => {
    const page = await open(`view=city&city=${ids[3]}&wall=60&lang=es&units=f`, { viewport: { width, height }, colorScheme: 'dark' });
    await until('the figure', async () => /°F/.test(await page.locator('.wall-main').textContent()));
    for (const part of ['.wall-name', '.wall-main', '.wall-figures', '.wall-age', '.wall-clock']) {
      const box = await page.locator(part).boundingBox();
      assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width + 1 && box.y + box.height <= height + 1, `${part} ${JSON.stringify(box)}`);
    }
    await page.context().close();
  });
}

test('nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
