// The operations view on the real programs: members, who holds what, alarms with what resolves them, and what is not current.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const PARTITIONS = 24;
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('operations'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const cluster = async () => (await fetch(`${system.url}api/v1/cluster`)).json();
const rows = (page, selector) => page.locator(`${selector} tbody tr`).evaluateAll(all => all.map(tr => [...tr.children].map(td => td.textContent)));
const figure = (page, name) => page.locator(`[data-figure=${name}] dd`).textContent();
const badge = (page, view = 'operations') => page.locator(`#views [data-view=${view}] .count:not([hidden])`);
const alarms = page => page.locator('#ops-alarms li').allInnerTexts();

async function open(hash = '', options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#view=operations${hash}`);
  await until('the view', async () => (await rows(page, '#ops-part-members')).length >= 2);
  return page;
}

test('it shows who runs, holds, lags and has spent', async () => {
  const page = await open();
  assert.match(await page.locator('#ops-head').textContent(), /^Leader coordinator-1 at tcp:.+, term \d+\. This view is \d s old\.$/);
  await until('all run', async () => (await figure(page, 'running')) === `${PARTITIONS} / ${PARTITIONS}`);
  assert.equal(await figure(page, 'members'), '2 / 2');
  assert.match(await figure(page, 'rate'), /^[\d.,]+$/);
  assert.match(await figure(page, 'watermarkAge'), /^\d+ (s|min|h)$/);
  const members = await rows(page, '#ops-part-members');
  assert.deepEqual(members.map(m => m.slice(0, 3)), [['worker-1', 'worker', 'live'], ['fetcher-1', 'fetcher', 'live']]);
  assert.equal(members[0][4], String(PARTITIONS));
  assert.match(members[0][3], /^\d s$/);
  const sources = await until('the ages of sources', async () => { const all = await rows(page, '#ops-part-sources'); return all.length && all; });
  assert.deepEqual(sources[0].slice(1, 5).map(t => /ago$|^\u2013$/.test(t)), [true, true, true, true], String(sources));
  assert.ok((await rows(page, '#ops-part-moves')).some(m => /^shard|^partition/.test(m[2]) && m[5].length > 5));
  assert.equal(await page.locator('.calm').innerText(), 'No alarms.');
  assert.equal(await badge(page).count(), 0);
  assert.equal(await page.locator('#ops-standbys').textContent(), 'No coordinator stands by: when the leader ends, nobody takes over.');
  assert.match(members[0][7], /^\d+ \/ \d+ ms$/, 'how long commits take');
  assert.match(await figure(page, 'commit'), /^\d+ ms$/);
  assert.deepEqual([members[0][8], members[1][7], members[1][8]], ['\u2013', '\u2013', '0 / 0'], 'calls are those of fetchers');
  assert.doesNotMatch(await page.locator('#view-operations').innerText(), /NaN|undefined|null|\[object|Invalid/);
  await page.context().close();
});

test('the matrix is read out by keyboard and pointer, and is a table as well', async () => {
  const page = await open();
  await page.locator('#ops-matrix').focus();
  const words = () => page.locator('#ops-matrix-words').textContent();
  assert.match(await words(), /^Partition 0: running, worker-1; \d+ records behind \(.+\), .+ records\/s, watermark .+ old\. .+/);
  await page.keyboard.press('ArrowRight');
  assert.match(await words(), /^Partition 1: /);
  await page.keyboard.press('End');
  assert.match(await words(), /^Partition 23: /);
  await page.keyboard.press('ArrowRight');
  assert.match(await words(), /^Partition 23: /);
  await page.keyboard.press('Home');
  assert.match(await words(), /^Partition 0: /);
  const box = await page.locator('#ops-matrix canvas').boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height - 8);
  await until('the pointer reads another', async () => /^Partition [1-9]\d?: /.test(await words()));
  await page.mouse.move(2, 2);
  assert.equal(await page.locator('#ops-partition_list table tbody tr').count(), 0, 'nothing is drawn that is not seen');
  await page.locator('#ops-partition_list summary').click();
  const table = await rows(page, '#ops-partition_list');
  assert.deepEqual(table.map(r => r[0]), Array.from({ length: PARTITIONS }, (_, i) => String(i)));
  assert.ok(table.every(r => r[1] === 'worker-1' && r[2] === 'running'));
  await page.locator('#ops-shard_list summary').click();
  assert.equal((await rows(page, '#ops-shard_list')).reduce((sum, r) => sum + Number(r[2]), 0), 40, 'all cities are held');
  await page.locator('#ops-shards').focus();
  assert.match(await page.locator('#ops-shards-words').textContent(), /^Shard 0: fetcher-1; \d+ cities, 0 failing\./);
  await page.context().close();
});

test('a member that comes takes its part, and the move is told with its reason', async () => {
  const page = await open();
  await system.do('start_worker', { name: 'worker-2' });
  await until('it is there and holds', async () => (await rows(page, '#ops-part-members')).some(m => m[0] === 'worker-2' && Number(m[4]) >= 8), 30000);
  const moves = await until('its moves', async () => { const all = (await rows(page, '#ops-part-moves')).filter(m => m[4] === 'worker-2'); return all.length >= 8 && all; });
  assert.match(moves[0][5], /worker-2/);
  await page.context().close();
});

test('a stopped partition shows its alarm and the command that resolves it, on every view', async () => {
  const page = await open();
  await until('all run', async () => (await figure(page, 'running')) === `${PARTITIONS} / ${PARTITIONS}`, 30000);
  const { partition } = (await cluster()).partition_list.reduce((a, b) => (b.offset > a.offset ? b : a));
  const command = `isobarctl partition resume ${partition}`;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await system.do('harm', { partition });
  const code = page.locator('#ops-alarms code', { hasText: command });
  await code.first().waitFor({ timeout: 60000 });
  assert.ok((await alarms(page)).some(a => a.includes(`Partition ${partition} has stopped: `)));
  assert.equal(await badge(page).textContent(), '1');
  assert.equal(await page.locator('#views [data-view=operations]').getAttribute('aria-label'), 'Operations, 1 alarm');
  await page.locator('#ops-matrix').focus();
  for (let i = 0; i < partition; i++) await page.keyboard.press('ArrowRight');
  assert.match(await page.locator('#ops-matrix-words').textContent(), new RegExp(`^Partition ${partition}: stopped`));
  const copy = page.getByRole('button', { name: `Copy the command ${command}`, exact: true });
  await copy.focus();
  await page.keyboard.press('Enter');
  await until('it says so', async () => /Copied/.test(await page.locator('#ops-alarms .command').first().innerText()));
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, command);
  await until('two more views', async () => { const at = (await cluster()).at_ms; await until('a later one', async () => (await cluster()).at_ms > at + 1500); return true; });
  assert.equal(await copy.evaluate(e => e === document.activeElement), true, 'the focus stays while views come');
  await page.evaluate(() => { location.hash = 'view=table'; });
  await until('the other view', () => page.evaluate(() => document.body.dataset.view === 'table'));
  assert.equal(await badge(page).isVisible(), true);
  await page.evaluate(() => { location.hash = 'view=operations&lang=es'; });
  await until('in Spanish', async () => (await alarms(page)).some(a => a.startsWith(`▲La partición ${partition} se ha parado: `)));
  await system.do('mend', { partition });
  const { code: exit, out } = await system.do('ctl', { command: copied });
  assert.equal(exit, 0, out);
  await until('the alarm goes', async () => (await alarms(page)).length === 0 && (await badge(page).count()) === 0, 20000);
  assert.equal(await page.locator('.calm').innerText(), 'Sin alarmas.');
  await page.context().close();
});

test('at 320 px nothing is cut, in both languages, and both themes are readable', async () => {
  mkdirSync('build/browser/shots', { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    for (const lang of ['en', 'es']) {
      const page = await open(`&lang=${lang}`, { colorScheme, viewport: { width: 320, height: 700 } });
      for (const width of [320, 360, 768, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px, ${lang}`);
        if (width === 360 || width === 1280) await page.screenshot({ path: `build/browser/shots/operations-${colorScheme}-${lang}-${width}.png`, fullPage: true });
      }
      await page.context().close();
    }
  }
});

test('without a leader the view is grey with its age, and says what goes on', async () => {
  const page = await open();
  const old = () => page.locator('#view-operations').evaluate(e => e.classList.contains('old'));
  assert.equal(await old(), false);
  await system.do('kill', { name: 'coordinator-1' });
  await until('it is old', old, 15000);
  await until('it is told', async () => (await alarms(page)).some(a => /There is no leader: the view is \d+ s old/.test(a)));
  assert.equal(await badge(page).textContent(), '1');
  const age = async () => Number((await page.locator('#ops-head').textContent()).match(/view is (\d+) s/)[1]);
  const first = await age();
  await until('the age goes on', async () => await age() > first);
  await system.do('start_coordinator', { name: 'coordinator-2' });
  await until('another leads', async () => /Leader coordinator-2/.test(await page.locator('#ops-head').textContent()) && !await old(), 30000);
  await page.context().close();
});

test('a lost server greys it, too', async () => {
  const page = await open('', { quiet: true });
  await system.do('kill', { name: 'dashboard' });
  await until('it is grey', () => page.locator('#view-operations').evaluate(e => e.classList.contains('old')));
  assert.equal(await page.locator('#banner').isVisible(), true);
  await system.do('dashboard');
  await until('it is current', () => page.locator('#view-operations').evaluate(e => !e.classList.contains('old')), 20000);
  await page.context().close();
});

test('256 partitions of many workers, spent quota and a source that is stale', async () => {
  const real = await cluster(), at = Date.now();
  await system.do('kill', { name: 'coordinator-2' });
  const view = { ...real, at_ms: at, term: real.term + 1,
    members: Array.from({ length: 12 }, (_, i) => ({ ...real.members[0], id: `worker-${i + 1}`, role: 'worker', state: i ? 'live' : 'suspect' })),
    partition_list: Array.from({ length: 256 }, (_, i) => ({ ...real.partition_list[0], partition: i, owner: `worker-${1 + i % 12}`, phase: 'running', alarm: '' })),
    shard_list: Array.from({ length: 256 }, (_, i) => ({ ...real.shard_list[0], shard: i, owner: '' })),
    quota: { ...real.quota, accounts: [{ account: '<b>openweathermap', plan: 'free', limits: '60/m,1000000/mo', fetchers: 1, limited_ms: 65000, losses: 2,
      windows: [{ window: 'm', limit: 60, spent: 60, open: 0, eases_ms: 0 }, { window: 'mo', limit: 1000000, spent: 250000, open: 12.5, eases_ms: at + 7200e3 }] }] },
    alarms: [{ name: 'source_stale', source: 'openweathermap', member: 'fetcher-1', since: at - 600e3, text: 'the newest reading is 43 min old' }] };
  await system.do('view', { view });
  const page = await open('', { viewport: { width: 360, height: 800 } });
  const found = await until('the alarms', async () => { const all = await alarms(page); return all.some(a => a.includes('Source openweathermap')) && all; });
  assert.match(found.find(a => a.includes('Source')), /stale, says fetcher-1 for 1\d min: the newest reading is 43 min old\s*Calls succeed, but/);
  assert.ok(found.some(a => /worker-1 is suspect: heard .+ ago/.test(a)));
  const quota = await rows(page, '#ops-part-quota');
  assert.deepEqual(quota.map(q => [...q.slice(0, 6), q[8]]), [['<b>openweathermap (free)', 'minute', '60', '0.0', '60', '100 %', '2'], ['<b>openweathermap (free)', 'month', '250,000', '13', '1,000,000', '25 %', '2']]);
  assert.deepEqual([quota[0][6], quota[1][6], quota[0][7]], ['\u2013', 'in 2 h', 'yes, for 65 s more']);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.locator('#ops-matrix').focus();
  await page.keyboard.press('End');
  assert.match(await page.locator('#ops-matrix-words').textContent(), /^Partition 255: running, worker-4;/);
  await page.locator('#ops-shards').focus();
  assert.match(await page.locator('#ops-shards-words').textContent(), /^Shard 0: nobody;/);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.screenshot({ path: 'build/browser/shots/operations-256.png', fullPage: true });
  await page.context().close();
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
