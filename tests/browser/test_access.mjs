// No serious finding of axe-core on any view, in either theme and language, wide and on a phone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { VIEWS } from '../../dashboard/web/src/address.js';
import { Browser, System, until } from './system.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = ['serious', 'critical'];
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 360, height: 740 };
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('access'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

// What axe finds on the page as it is, as lines: rule, where, why.
async function findings(page) {
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, 'axe has looked at something');
  return violations.filter(v => GRAVE.includes(v.impact)).flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.replace(/\s+/g, ' ')}`));
}

const SHOWN = { map: '.map-list button', compare: '#view-compare canvas', operations: '#view-operations table', default: '#rows tr' };
async function open(view, { lang, ...options }) {
  const page = await browser.page(options);
  const cities = view === 'compare' ? `&cities=${await ids(2)}` : '';
  await page.goto(`${system.url}#view=${view}&lang=${lang}${cities}`);
  await page.locator(SHOWN[view] ?? SHOWN.default).first().waitFor({ state: ['city', 'overview', 'table'].includes(view) ? 'attached' : 'visible' });
  if (['city', 'overview'].includes(view)) await until('the chart has its history', async () => Number(await page.locator('#chart').getAttribute('data-points')) > 20);
  return page;
}

async function ids(n) {
  const { cities } = await (await fetch(`${system.url}api/v1/cities`)).json();
  return cities.slice(0, n).map(c => c.id);
}

for (const lang of ['en', 'es']) {
  for (const colorScheme of ['light', 'dark']) {
    test(`every view, ${lang}, ${colorScheme}`, async () => {
      for (const view of VIEWS) {
        for (const viewport of [WIDE, PHONE]) {
          const page = await open(view, { lang, colorScheme, viewport });
          await page.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true; }));
          assert.deepEqual(await findings(page), [], `${view}, ${viewport.width} wide`);
          await page.context().close();
        }
      }
    });
  }
}

test('axe sees what is wrong', async () => {
  const page = await open('table', { lang: 'en', viewport: WIDE });
  await page.evaluate(() => document.body.append(Object.assign(document.createElement('button'), { id: 'planted' })));
  assert.match(String(await findings(page)), /button-name: #planted/);
  await page.context().close();
});

test('nothing broke the policy', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
});
