// A page left open: ten thousand cities for five minutes, and a day of seconds as fast as they go. `make soak`; with SHORT=1 a
// minute of both, to see that the test itself works.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { heap, longestTasks, quantile, StandIn } from './standin.mjs';
import { Browser, System, until } from './system.mjs';

const SHORT = process.env.SHORT === '1';
const SLICE_S = 20, SLICES = SHORT ? 1 : 15;     // five minutes, in parts that the browser's trace can hold
const TICKS = SHORT ? 2000 : 86400, MANY = 100; // a day of seconds
const STEADY = 10, MIB = 2 ** 20;                // percent that the heap may grow
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('soak', false), Browser.start()]);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const note = async (id, value, n) => { if (!SHORT) await system.do('result', { id, value: Math.round(value * 10) / 10, n }); };
const grown = (from, to) => Math.max(0, 100 * (to / from - 1));

test('ten thousand cities, two thousand new readings a second, for five minutes', async () => {
  const many = await StandIn.start(system.url, 10000), page = await browser.page({ quiet: true });
  many.every(2000);
  await page.goto(`${many.url}#view=map`);
  await until('the cities', async () => /of 10000/.test(await page.locator('.map-note').textContent()), 30000);
  await longestTasks(page, 3); // what comes once is over
  const tasks = [], heaps = [await heap(page)];
  for (let i = 0; i < SLICES; i++) {
    tasks.push(...await longestTasks(page, SLICE_S));
    heaps.push(await heap(page));
  }
  tasks.sort((a, b) => a - b);
  const quarter = heaps[Math.ceil(SLICES / 4)], p95 = quantile(tasks, 0.95);
  console.log(`longest tasks, ms: median ${quantile(tasks, 0.5).toFixed(1)}, p95 ${p95.toFixed(1)}, longest ${tasks.at(-1).toFixed(1)}; heap, MiB: ${heaps.map(h => (h / MIB).toFixed(1))}`);
  await note('dashboard.map_task_p95_ms', p95, tasks.length);
  await note('dashboard.map_heap_percent', grown(quarter, heaps.at(-1)), heaps.length);
  assert.ok(tasks.length >= (SLICE_S - 2) * SLICES, 'tasks were seen');
  assert.ok(p95 <= 50, `${tasks.slice(-20)}`);
  assert.ok(grown(quarter, heaps.at(-1)) <= STEADY, `${heaps}`);
  await page.context().close();
  many.stop();
});

test('a day of seconds of a hundred cities, as fast as they go', async () => {
  const day = await StandIn.start(system.url, MANY), page = await browser.page({ quiet: true });
  const start = Date.now() - TICKS * 1000;
  let tick = 0;
  day.now = () => start + 1000 * tick;
  await page.addInitScript(() => { // counts what the page has dealt with
    const add = EventSource.prototype.addEventListener;
    globalThis.dealt = 0;
    EventSource.prototype.addEventListener = function count(name, fn) { return add.call(this, name, e => { fn(e); globalThis.dealt += name === 'latest'; }); };
  });
  await page.goto(`${day.url}#view=overview`);
  await until('the table', async () => await page.locator('#rows tr').count() === MANY && day.clients.size === 1);
  const begun = Date.now(), heaps = [];
  let dealt = 0;
  for (let quarter = 1; quarter <= 4; quarter++) {
    for (const aim = TICKS * quarter / 4; dealt < aim; dealt = await page.evaluate(() => globalThis.dealt)) {
      for (const end = tick + Math.min(500, aim - dealt); tick < end; tick++) await day.tick();
    }
    heaps.push(await heap(page));
    console.log(`${dealt} ticks in ${((Date.now() - begun) / 1000).toFixed(0)} s, ${day.opened} streams`);
  }
  const seconds = (Date.now() - begun) / 1000;
  const latest = await page.locator('#rows td[data-column=temperature] .number').allTextContents();
  console.log(`${TICKS} ticks in ${seconds.toFixed(0)} s; heap after each quarter, MiB: ${heaps.map(h => (h / MIB).toFixed(1))}`);
  await note('dashboard.soak_s', seconds, TICKS);
  await note('dashboard.soak_heap_percent', grown(heaps[0], heaps[3]), TICKS);
  assert.equal(latest.length, MANY);
  assert.ok(latest.every(t => /^\u2212?\d+\.\d$/.test(t)), `${latest.slice(0, 3)}`);
  assert.ok(seconds <= 600, `${seconds} s`);
  assert.ok(grown(heaps[0], heaps[3]) <= STEADY, `${heaps}`);
  assert.equal(day.clients.size, 1);
  await page.context().close();
  day.stop();
});

test('no request left this machine, nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
  assert.deepEqual(browser.complaints, []);
});
