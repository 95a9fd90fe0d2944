// Any metric can be charted, those of the operator's own, too, and a page that is open learns of them; how unusual the
// temperature is stands beside it. One city, with readings that the test makes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const MINUTE = 60e3, STEPS = 26 * 6; // ten minutes each
const WINDOWS = '[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n';
const own = (name, unit) => `${WINDOWS}[metric ${name}]\nnumber = 0\nunit = ${unit}\nscale = 1000\n[metric rain_tips]\nnumber = 1\nunit = tips\ncombine = sum\n`;
const begin = Math.floor(Date.now() / MINUTE) * MINUTE - STEPS * 10 * MINUTE;
let system, browser, sent = 0;

const reading = at => ({ at, temperature_centi_c: 1210 - Math.round((begin + STEPS * 10 * MINUTE - at) / MINUTE / 2), humidity_centi_percent: 6000 - 100 * (Math.round(at / MINUTE / 10) % 6),
  wind_speed_cm_s: 1029, rain_um: 200, custom_0: 31250, custom_1: 2 });
// One more reading of the city, a second after the last.
const produce = () => system.do('produce', { city: system.hostile, rows: [reading(begin + STEPS * 10 * MINUTE - MINUTE + 1000 * sent++)] });

before(async () => {
  [system, browser] = await Promise.all([System.start('metric', false), Browser.start()]);
  await system.do('produce', { city: system.hostile, rows: Array.from({ length: STEPS }, (_, i) => reading(begin + i * 10 * MINUTE)) });
  await until('the history', async () => {
    const answer = await fetch(`${system.url}api/v1/cities/${system.hostile}/windows?size=1h`);
    return answer.ok && (await answer.json()).windows.length > 25;
  }, 60000);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const chart = page => page.locator('#chart');
const card = (page, name) => page.locator(`#cards [data-metric=${name}] button`);
const charted = (page, name) => until(`a chart of ${name}`, async () => (await chart(page).getAttribute('data-metric')) === name && Number(await chart(page).getAttribute('data-points')) > 20);
const table = page => page.locator('#chart-data tr').evaluateAll(all => all.map(tr => [...tr.children].map(td => td.textContent)));

async function open(hash = '', name = 'temperature', options = {}) {
  const page = await browser.page(options);
  await page.goto(`${system.url}#view=city&city=${system.hostile}${hash}`);
  await charted(page, name);
  await page.locator('#data-summary').click();
  return page;
}

// What is charted is told everywhere: the pressed card, title, sentence and heading of the table.
async function tells(page, name, title, heads, sentence) {
  await charted(page, name);
  assert.deepEqual(await page.locator('#cards [aria-pressed=true]').evaluateAll(all => all.map(b => b.parentElement.dataset.metric)), [name]);
  assert.equal(await page.locator('#chart-title').textContent(), title);
  assert.match(await chart(page).getAttribute('aria-label'), sentence);
  assert.deepEqual((await table(page))[0], ['Start', ...heads, 'Readings', 'Status']);
  assert.equal(await page.locator('#legend-band').isVisible(), heads.length === 3);
}

test('a card charts its metric, and the URL restores it', async () => {
  const page = await open();
  await tells(page, 'temperature', 'Temperature, °C', ['Mean °C', 'Min °C', 'Max °C'], /^Temperature, °C\. Lowest .+ °C, highest .+ °C, last .+ °C\.$/);
  await card(page, 'humidity').focus();
  await page.keyboard.press('Enter');
  const humidity = [page, 'humidity', 'Humidity, %', ['Mean %', 'Min %', 'Max %'], /^Humidity, %\. Lowest 55 %, highest 60 %, last \d\d %\.$/];
  await tells(...humidity);
  assert.equal(await page.evaluate(() => document.activeElement.parentElement.dataset.metric), 'humidity', 'the focus stays');
  const full = (await table(page))[12];
  assert.deepEqual(full.slice(1, 5), ['58', '55', '60', '6'], String(full));
  const box = await chart(page).boundingBox(), picture = () => page.locator('#chart canvas').first().evaluate(c => c.toDataURL());
  const plain = await picture();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
  await until('the tooltip', async () => await picture() !== plain);
  const { hash } = new URL(page.url());
  assert.equal(hash, `#view=city&city=${system.hostile}&metric=humidity`);
  const pasted = await browser.page();
  await pasted.goto(system.url + hash);
  await charted(pasted, 'humidity');
  await pasted.locator('#data-summary').click();
  await tells(pasted, ...humidity.slice(1));
  await card(pasted, 'temperature').click();
  await charted(pasted, 'temperature');
  assert.equal(new URL(pasted.url()).hash, `#view=city&city=${system.hostile}`);
  await pasted.evaluate(() => { location.hash += '&metric=wind_speed&units=kn'; }); // a link followed on the open page
  await tells(pasted, 'wind_speed', 'Wind, kn', ['Mean kn', 'Min kn', 'Max kn'], /^Wind, kn\. Lowest 20 kn, highest 20 kn, last 20 kn\.$/);
  await page.context().close();
  await pasted.context().close();
});

test('what has fallen is a sum of its window, without a band', async () => {
  const page = await open('&metric=precipitation', 'precipitation');
  await tells(page, 'precipitation', 'Rain and snow, mm', ['Sum mm'], /^Rain and snow, mm\. Lowest .+ mm, highest 1\.2 mm, last .+ mm\.$/);
  assert.equal(await page.locator('#legend-line').textContent(), 'Sum of each hour');
  assert.deepEqual((await table(page))[12].slice(1, 3), ['1.2', '6']);
  await page.context().close();
});

test('a name that no metric has shows the temperature', async () => {
  const page = await open('&metric=nonsense');
  for (const name of ['nonsense', '__proto__', 'constructor', 'soil_moisture', '<img src=x>']) {
    const go = hash => page.evaluate(to => { location.hash = to; }, `view=city&city=${system.hostile}&${hash}`);
    await go('metric=humidity');
    await charted(page, 'humidity');
    await go(`metric=${encodeURIComponent(name)}`);
    await until('the link is followed', async () => (await chart(page).getAttribute('data-metric')) === 'temperature');
    assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('metric'), name, 'it may be defined later');
    await tells(page, 'temperature', 'Temperature, °C', ['Mean °C', 'Min °C', 'Max °C'], /^Temperature/);
  }
  await page.context().close();
});

test('an open page learns the operator\'s own metrics, and charts them', async () => {
  const page = await open('&metric=soil_moisture');
  await page.evaluate(() => { globalThis.sameDocument = true; });
  assert.equal(await page.locator('#cards li').count(), 7);
  await system.do('rules', { text: own('soil_moisture', '%') });
  const learned = async name => { await produce(); return await card(page, name).count() === 1; };
  await until('its card', () => learned('soil_moisture'), 30000, 300);
  await tells(page, 'soil_moisture', 'Soil moisture, %', ['Mean %', 'Min %', 'Max %'], /^Soil moisture, %\. Lowest 31\.250 %, highest 31\.250 %, last 31\.250 %\.$/);
  await until('its value and age', async () => /^Soil moisture\s+31\.250 %\s+\d+ .+ ago$/.test(await card(page, 'soil_moisture').innerText()));
  assert.deepEqual((await table(page))[12].slice(1, 5), ['31.250', '31.250', '31.250', '6']);
  await card(page, 'rain_tips').focus();
  await page.keyboard.press('Space');
  await tells(page, 'rain_tips', 'Rain tips, tips', ['Sum tips'], /^Rain tips, tips\. Lowest \d+ tips, highest 1\d tips, last \d+ tips\.$/);
  assert.deepEqual((await table(page))[12].slice(1, 3), ['12', '6']);
  assert.ok(new URL(page.url()).hash.endsWith('&metric=rain_tips'));

  await card(page, 'soil_moisture').click();
  await system.do('rules', { text: own('soil_water', 'g') }); // another name of the same number
  await until('its new name', () => learned('soil_water'), 30000, 300);
  await tells(page, 'temperature', 'Temperature, °C', ['Mean °C', 'Min °C', 'Max °C'], /^Temperature/);
  assert.equal(await card(page, 'soil_moisture').count(), 0);
  await card(page, 'soil_water').click();
  await charted(page, 'soil_water'); // the history has the new name, too
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  await page.context().close();
});

test('a page asks again when the stream resumes', async () => {
  const page = await open('&metric=soil_water', 'soil_water', { quiet: true });
  assert.equal(await page.locator('#chart-title').textContent(), 'Soil water, g');
  await system.do('kill', { name: 'dashboard' });
  await page.locator('#banner').waitFor({ state: 'visible' });
  await system.do('rules', { text: own('soil_water', 'kg') });
  await system.do('dashboard');
  await until('the new unit', async () => (await page.locator('#chart-title').textContent()) === 'Soil water, kg', 30000);
  await page.context().close();
});

test('how unusual the temperature is stands beside it, asked for once a minute at most', async () => {
  const more = page => page.locator('#cards [data-metric=temperature] .card-more:not(.card-other)').innerText();
  const plain = await open();
  assert.equal(await more(plain), '');
  await plain.context().close();
  const days = [-1, 0, 1].map(n => new Date(Date.now() + n * 86400e3)).map(d => `${d.getUTCMonth() + 1},${d.getUTCDate()},temperature,10,2\n`).join('');
  await system.do('normals', { city: system.hostile, text: `month,day,metric,mean,sd\n${days}` });
  const about = `${system.url}api/v1/cities/${system.hostile}`;
  const { climate } = await until('the normals', async () => { const city = await (await fetch(about)).json(); return city.climate && city; }, 30000);
  assert.ok(climate.temperature.departure > 2 && climate.temperature.departure <= 2.1, JSON.stringify(climate));
  const page = await browser.page(), asked = [];
  page.on('request', request => { if (request.url() === about) asked.push(request.url()); });
  await page.goto(`${system.url}#view=city&city=${system.hostile}`);
  await until('the departure', async () => /^\+2\.1 °C from normal · 85th percentile$/.test(await more(page)));
  const age = () => page.locator('#cards [data-metric=temperature] .card-age').textContent();
  const latest = async () => (await (await fetch(about)).json()).latest.observed_at;
  for (let i = 0; i < 3; i++) {
    const before = await latest();
    await produce();
    await until('a newer reading', async () => await latest() > before);
    await until('its age', async () => /ago$/.test(await age()));
  }
  assert.equal(asked.length, 1);
  await page.evaluate(() => { location.hash += '&lang=es&units=f'; });
  await until('the other language', async () => /^\+3,8 °F respecto a lo normal · percentil 85$/.test(await more(page)));
  await page.context().close();
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
