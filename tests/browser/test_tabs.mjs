// Many tabs of the page in one browser, which has six connections for all of them: each that is seen is live.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const TABS = 9;
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('tabs'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

// Headless tabs are all seen; what the page reads of that is set by hand.
const see = (page, seen) => page.evaluate(yes => {
  Object.defineProperty(document, 'hidden', { value: !yes, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}, seen);
const live = page => page.locator('#status').evaluate(e => e.textContent.trim() === 'Live');
const ages = page => page.locator('#rows td[data-column=age]').allTextContents();
const streams = async () => Number((await system.do('metric', { program: 'dashboard', name: 'isobar_dashboard_streams' })).value);

test('nine tabs: the one that is seen is live, the others rest and come back', async () => {
  const first = await browser.page(), pages = [first];
  await first.goto(system.url);
  await until('the first is live', () => live(first));
  await see(first, false);
  assert.equal(await streams(), 1, 'a hidden tab that is alone keeps its stream');
  for (let i = 1; i < TABS; i++) {
    const page = await first.context().newPage();
    page.on('pageerror', error => browser.complaints.push(error.stack));
    await page.goto(system.url);
    await until(`tab ${i} is live and has the table`, async () => await live(page) && (await ages(page)).length === 40);
    pages.push(page);
    if (i < TABS - 1) await see(page, false);
  }
  await until('the hidden ones have no stream', async () => await streams() === 1);
  await see(pages.at(-1), false);
  const reopened = first.waitForRequest(/api\/v1\/events.*last_id=/);
  await see(first, true);
  await reopened;
  await until('its values are new', async () => (await ages(first)).every(t => /^\d s ago$/.test(t)));
  assert.equal(await live(first), true);
  await until('one has a stream', async () => await streams() === 1);
  assert.equal(await first.locator('#banner').isVisible(), false);
  await first.context().close();
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
