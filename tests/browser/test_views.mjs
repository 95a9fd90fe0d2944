// Every view in both themes and languages, wide and on a phone: axe-core finds nothing serious, and a picture to be looked at
// is in build/browser/pictures. Those that docs/dashboard.md shows are of the size that the page has now; `make pictures` puts
// new ones there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { VIEWS } from '../../dashboard/web/src/address.js';
import { Browser, System, until } from './system.mjs';

const ROOT = new URL('../../', import.meta.url);
const MADE = new URL('build/browser/pictures/', ROOT), KEPT = new URL('docs/pictures/', ROOT);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = ['serious', 'critical'];
const SIZES = { wide: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };
const SHOWN = { map: '.map-list button', compare: '#compare-chart', operations: '#view-operations table' };
const CHARTED = ['overview', 'city'], TABLED = ['overview', 'city', 'table']; // the table is filled on these, and not always seen
let system, browser, cities;

before(async () => {
  await mkdir(MADE, { recursive: true });
  [system, browser] = await Promise.all([System.start('views', true, true), Browser.start()]);
  await system.do('ready');
  ({ cities } = await (await fetch(`${system.url}api/v1/cities`)).json());
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

// The view with all that it shows, in a context of its own.
async function open(view, lang, options) {
  const page = await browser.page({ reducedMotion: 'reduce', ...options });
  const compared = view === 'compare' ? `&cities=${cities.slice(1, 6).map(c => c.id)}` : '';
  await page.goto(`${system.url}#view=${view}&city=${cities.at(-1).id}&lang=${lang}${compared}`);
  await page.locator(SHOWN[view] ?? '#rows tr').first().waitFor({ state: TABLED.includes(view) ? 'attached' : 'visible' });
  if (CHARTED.includes(view)) await until('the chart has its history', async () => Number(await page.locator('#chart').getAttribute('data-points')) > 20);
  if (view === 'compare') await until('all lines are there', async () => (await page.locator('#compare-chart').getAttribute('data-lines')) === '5');
  return page;
}

// What axe finds on the page as it is, all that can be unfolded unfolded, as lines: rule, where, why.
async function findings(page) {
  await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true; }));
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, 'axe has looked at something');
  return violations.filter(v => GRAVE.includes(v.impact)).flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.replace(/\s+/g, ' ')}`));
}

// Width and height of a PNG.
async function sizeOf(url) {
  const bytes = await readFile(url);
  assert.equal(bytes.toString('latin1', 1, 4), 'PNG', url.pathname);
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

// The newest of pictures that are taken until the page has kept its height and the amount of its words for a while.
async function picture(page, name) {
  const file = new URL(name, MADE);
  let before = '';
  await until('the layout is settled', async () => {
    await page.screenshot({ path: file.pathname });
    const now = String(await page.evaluate(() => [document.body.scrollHeight, document.body.innerText.length]));
    const settled = now === before;
    before = now;
    return settled;
  }, 20000, 300);
}

for (const view of VIEWS) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${view}, ${colorScheme}`, async () => {
      for (const [lang, size] of [['en', 'wide'], ['en', 'phone'], ['es', 'wide']]) {
        const page = await open(view, lang, { colorScheme, viewport: SIZES[size] });
        if (lang === 'en') await picture(page, `${view}-${colorScheme}-${size}.png`);
        assert.deepEqual(await findings(page), [], `${lang}, ${size}`);
        await page.context().close();
      }
    });
  }
}

test('axe sees what is wrong', async () => {
  const page = await open('table', 'en', { viewport: SIZES.wide });
  await page.evaluate(() => document.body.append(Object.assign(document.createElement('button'), { id: 'planted' })));
  assert.match(String(await findings(page)), /button-name: #planted/);
  await page.context().close();
});

test('docs/dashboard.md shows every view as it is', async () => {
  const words = await readFile(new URL('docs/dashboard.md', ROOT), 'utf8');
  const named = [...words.matchAll(/!\[([^\]]+)\]\(pictures\/([a-z0-9-]+\.png)\)/g)].map(([, alt, name]) => ({ alt, name }));
  for (const view of VIEWS) assert.ok(named.some(({ name }) => name.startsWith(`${view}-`)), `no picture of ${view}`);
  for (const { alt, name } of named) {
    assert.ok(alt.length > 10, `${name} has no words for those who do not see it`);
    if (process.env.KEEP) await copyFile(new URL(name, MADE), new URL(name, KEPT));
    assert.deepEqual(await sizeOf(new URL(name, KEPT)), await sizeOf(new URL(name, MADE)), name);
  }
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
