// The first view, and what becomes of it when the server is killed: how soon each is there, and that the page then says what a
// page that is opened anew says.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const CITIES = 40, VIEWS = 5, KILLS = 3;
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('restart'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const note = (id, value, n) => system.do('result', { id, value: Math.round(value * 100) / 100, n });
const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// All that the first view shows: every city's value, the cards, and the chart with its history. Runs in the page.
const complete = count => {
  const numbers = [...document.querySelectorAll('#rows td[data-column=temperature] .number')];
  return numbers.length === count && numbers.every(e => /\d/.test(e.textContent)) && document.querySelectorAll('#cards .card-number').length > 4
    && Number(document.getElementById('chart').dataset.points) > 20 && document.getElementById('credit').textContent !== '';
};

test('the first view is complete within a second and a half, and weighs little', async () => {
  const times = [];
  let weight = 0;
  for (let i = 0; i < VIEWS; i++) { // each in a context of its own, with nothing kept
    const page = await browser.page(), sizes = [];
    const client = await page.context().newCDPSession(page);
    await client.send('Network.enable');
    client.on('Network.loadingFinished', e => sizes.push(e.encodedDataLength));
    await page.addInitScript(`addEventListener('DOMContentLoaded', () => { const done = ${complete};
      const look = () => done(${CITIES}) ? globalThis.completeMs = performance.now() : requestAnimationFrame(look); look(); })`);
    await page.goto(system.url);
    times.push(await until('the first view', () => page.evaluate(() => globalThis.completeMs)));
    weight = Math.max(weight, sizes.reduce((a, b) => a + b, 0));
    await page.context().close();
  }
  console.log(`first view complete after, ms: ${times.map(t => t.toFixed(0))}; ${(weight / 1024).toFixed(0)} KB with its data`);
  await note('dashboard.first_view_s', median(times) / 1000, VIEWS);
  await note('dashboard.first_view_kb', weight / 1024, VIEWS);
  assert.ok(median(times) <= 10000, `${times}`); // how long is judged with the other figures: this machine may be busy
  assert.ok(weight <= 350 * 1024, `${weight}`);
});

// What the page says of every city, and of the one that is chosen.
const said = page => page.evaluate(() => JSON.stringify({
  rows: [...document.querySelectorAll('#rows tr')].map(tr => [tr.dataset.city, ...[...tr.querySelectorAll('.number')].slice(0, -1).map(e => e.textContent)]).sort(),
  cards: [...document.querySelectorAll('#cards .card-number')].map(e => e.textContent), name: document.getElementById('detail-name').textContent,
  points: document.getElementById('chart').dataset.points, credit: document.getElementById('credit').textContent }));

test('a server that is killed is told within five seconds; then the page says what a new one says', async () => {
  const page = await browser.page({ quiet: true });
  const asked = [];
  page.on('request', request => { if (request.url().includes('/events')) asked.push(new URL(request.url()).searchParams.get('last_id')); });
  await page.goto(system.url);
  await page.waitForFunction(complete, CITIES);
  const told = [], resumed = [];
  for (let i = 0; i < KILLS; i++) {
    await system.do('kill', { name: 'dashboard' });
    const killed = Date.now();
    await page.locator('#banner').waitFor({ state: 'visible', timeout: 6000 });
    told.push((Date.now() - killed) / 1000);
    await system.do('dashboard');
    const back = Date.now();
    await page.locator('#banner').waitFor({ state: 'hidden', timeout: 15000 });
    resumed.push((Date.now() - back) / 1000);
  }
  console.log(`told after ${told} s, live again ${resumed} s after the server`);
  assert.ok(asked.length > KILLS && asked.slice(1).every(id => /^[0-9a-f]+-\d+$/.test(id)), `${asked}`);
  await note('dashboard.banner_s', Math.max(...told), KILLS);
  await note('dashboard.resumed_s', Math.max(...resumed), KILLS);
  assert.ok(Math.max(...told) <= 5, `${told}`);
  await system.do('kill', { name: 'fetcher-1' }); // so that both see the same
  const fresh = await browser.page({ quiet: true });
  await until('the page says what a new one says', async () => {
    await fresh.goto(`${system.url}#city=${await page.locator('#rows tr.selected').getAttribute('data-city')}`);
    await fresh.reload();
    await fresh.waitForFunction(complete, CITIES);
    return await said(fresh) === await said(page);
  }, 30000, 500);
  await fresh.context().close();
  await page.context().close();
});

test('Redis away: what is shown grows old and says so, the page lives, and is right again', async () => {
  const page = await browser.page({ quiet: true });
  await page.goto(system.url);
  await page.waitForFunction(complete, CITIES);
  await system.do('kill', { name: 'redis' });
  const killed = Date.now();
  await page.locator('#banner').waitFor({ state: 'visible', timeout: 6000 });
  const told = (Date.now() - killed) / 1000;
  assert.equal(await page.locator('#rows tr.stale').count(), CITIES);
  const age = () => page.locator('#rows td[data-column=age]').first().textContent(), before = await age();
  await until('its age grows', async () => await age() !== before, 90000, 200);
  await page.locator('#search').fill('to'); // it answers
  assert.ok(await page.locator('#rows tr:not([hidden])').count() < CITIES);
  await page.locator('#search').fill('');
  await system.do('redis');
  await page.locator('#banner').waitFor({ state: 'hidden', timeout: 20000 });
  await note('dashboard.redis_told_s', told, 1);
  assert.ok(told <= 5, `${told} s`);
  await page.context().close();
});

test('no request left this machine, nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
  assert.deepEqual(browser.complaints, []);
});
