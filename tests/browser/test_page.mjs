// The page in a real browser, on a whole running system: what it shows, that it stays live, and that it is safe.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const CITIES = 40;
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('page'), Browser.start()]);
  await system.do('ready');
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const texts = (page, selector) => page.locator(selector).allTextContents();
const loaded = page => until('the table is filled', async () => {
  const shown = await texts(page, '#rows td[data-column=temperature] .number');
  return shown.length === CITIES && shown.every(t => /^\u2212?\d+[.,]\d$/.test(t));
});
const charted = page => until('the chart has its history', async () => Number(await page.locator('#chart').getAttribute('data-points')) > 20);

async function open(hash = '', options = {}) {
  const page = await browser.page(options);
  await page.goto(system.url + hash);
  await loaded(page);
  await charted(page);
  return page;
}

// How many pixels of the chart have (nearly) the colour of a CSS variable.
const pixels = (page, variable) => page.evaluate(name => {
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  const want = probe.getImageData(0, 0, 1, 1).data;
  const canvas = document.querySelector('#chart canvas');
  Object.assign(probe.canvas, { width: canvas.width, height: canvas.height });
  probe.drawImage(canvas, 0, 0);
  const { data } = probe.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) count += [0, 1, 2].every(k => Math.abs(data[i + k] - want[k]) < 12) && data[i + 3] > 200;
  return count;
}, variable);

test('forty cities, each with values and their age', async () => {
  const page = await open();
  assert.equal((await texts(page, '#rows th .city')).length, CITIES);
  const ages = await until('ages', async () => {
    const all = await texts(page, '#rows td[data-column=age]');
    return all.every(t => /^\d+ (s|min) ago$/.test(t)) && all;
  });
  assert.equal(ages.length, CITIES);
  for (const column of ['humidity', 'pressure_sea_level', 'wind_speed']) {
    const cells = await texts(page, `#rows td[data-column=${column}] .number`);
    assert.ok(cells.filter(t => /^[\d,.]+$/.test(t)).length >= CITIES / 2, `${column}: ${cells}`);
  }
  const cards = await texts(page, '#cards .card-age');
  assert.ok(cards.filter(t => /ago$/.test(t)).length >= 4, String(cards));
  const words = await page.locator('body').innerText();
  assert.doesNotMatch(words, /NaN|undefined|null|\[object|Invalid/);
  assert.match(await page.title(), /°C .+ · Isobar/);
  await page.context().close();
});

test('live values arrive without a reload', async () => {
  const page = await open();
  await page.evaluate(() => { globalThis.sameDocument = true; });
  const cells = () => texts(page, '#rows td[data-column=temperature] .number');
  const first = await cells();
  await until('some cities move', async () => (await cells()).filter((t, i) => t !== first[i]).length >= 3, 45000, 200);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  assert.equal(await page.locator('#status-text').textContent(), 'Live');
  await page.context().close();
});

test('the chart draws line and min–max band, has its data as a table, and updates', async () => {
  const page = await open('#view=city&range=24h');
  await until('the line is drawn', async () => await pixels(page, '--series') > 300);
  assert.ok(await pixels(page, '--band') > 1000, 'the band is drawn');
  const picture = () => page.locator('#chart canvas').first().evaluate(c => c.toDataURL());
  const plain = await picture(), box = await page.locator('#chart').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3); // what the tooltip breaks, the last test finds
  await until('the tooltip', async () => await picture() !== plain);
  assert.equal(await page.evaluate(() => document.querySelectorAll('#chart [style*="pointer-events"]').length), 0, 'it is drawn, not HTML');
  await page.mouse.move(5, 5);
  await page.locator('#data-summary').click();
  const rows = () => page.locator('#chart-data tbody tr').evaluateAll(all => all.map(tr => [...tr.children].map(td => td.textContent)));
  const table = await until('the table', async () => { const all = await rows(); return all.length && all; });
  assert.ok(table.length >= 24 && table.length <= 26, `${table.length} hours in 24 h`);
  for (const [start, mean, min, max, readings, status] of table) {
    assert.match(start, /^\d+ \w+, \d\d:\d\d$/);
    assert.ok(Number(min.replace('\u2212', '-')) <= Number(mean.replace('\u2212', '-')) && Number(mean.replace('\u2212', '-')) <= Number(max.replace('\u2212', '-')), `${min} ${mean} ${max}`);
    assert.ok(Number(readings) >= 1);
    assert.match(status, /^(provisional|final|revised \d+×)$/);
  }
  assert.equal(table[0][5], 'provisional');
  assert.equal(table[12][5].replace(/revised.*/, 'final'), 'final');
  const before = JSON.stringify(table[0]), drawn = await picture();
  await until('the newest window changes', async () => JSON.stringify((await rows())[0]) !== before, 45000, 200);
  await until('it is drawn', async () => await picture() !== drawn, 45000, 200); // one more reading may move the line by less than a pixel
  assert.match(await page.locator('#chart').getAttribute('aria-label'), /Temperature, °C\. Lowest .+ °C, highest .+ °C, last .+ °C\./);
  assert.match(await page.locator('#chart-zone').textContent(), /^Times: \w+/);
  await page.locator('#range-bar button[data-range="6h"]').click(); // in windows of ten minutes
  await until('the shorter range', async () => (await rows()).length >= 35 && (await rows()).length <= 38);
  const short = JSON.stringify((await rows())[0]);
  await until('the newest ten minutes change', async () => JSON.stringify((await rows())[0]) !== short, 45000, 200);
  await page.context().close();
});

test('below a city\'s chart: its wind rose, the metric by hour and day, and what fell', async () => {
  const page = await open('#view=city&metric=precipitation');
  await until('the wind rose', async () => /^Wind: |^Wind, last 7 days: .*[NESW]+ \d+\u00a0%.*calm \d+\u00a0%$/.test(await page.locator('.pattern-rose svg').getAttribute('aria-label', { timeout: 15000 })));
  assert.ok(await page.locator('.pattern-rose .wedge').count() >= 3);
  const days = await page.locator('.heat tr').count() - 1;
  assert.ok(days >= 2 && days <= 4, `${days} days`);
  assert.ok(await page.locator('.heat td.known').count() >= 47);
  assert.match(await page.locator('.heat td.known').first().getAttribute('title'), /^\d+ \w+, \d+ h: [\d.]+ mm$/);
  assert.match(await page.locator('.pattern-rain figcaption').textContent(), /^Rain and snow: \d+\.\d mm in this range$/);
  assert.ok(await page.locator('.pattern-rain g').count() >= 24);
  assert.match(await page.locator('.pattern-rain g title').nth(3).textContent(), /mm, known of \d+\u00a0%$/);
  await page.locator('#cards [data-metric=humidity] button').click();
  await until('the other metric', async () => /%/.test(await page.locator('.heat td.known').first().getAttribute('title')));
  assert.ok(await page.locator('.pattern-rain').isHidden());
  await page.context().close();
});

test('zoom survives updates', async () => {
  const page = await open('#view=city&range=24h');
  const box = await page.locator('#chart').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
  await page.keyboard.down('Control');
  for (let i = 0; i < 6; i++) await page.mouse.wheel(0, -240);
  await page.keyboard.up('Control');
  await page.locator('#reset-zoom').waitFor({ state: 'visible' });
  await page.mouse.move(5, 5);
  // The picture without its newest part: ticks and line stay where they were.
  const picture = () => page.locator('#chart canvas').first().evaluate(c => c.toDataURL());
  let last = '';
  await until('the picture is still', async () => { const now = await picture(), same = now === last; last = now; return same; }, 10000, 300);
  const heard = () => page.evaluate(() => document.querySelector('#cards .card-age').textContent);
  for (let n = 0; n < 2; n++) { // two new readings of this city
    await until('an age grows', async () => Number.parseInt(await heard(), 10) >= 3, 30000, 100);
    await until('a new reading', async () => Number.parseInt(await heard(), 10) < 3, 30000, 100);
  }
  assert.equal(await picture(), last);
  assert.ok(await page.locator('#reset-zoom').isVisible());
  await page.locator('#reset-zoom').click();
  assert.notEqual(await picture(), last);
  await page.context().close();
});

test('it says that the data is simulated, and credits its source next to it', async () => {
  const page = await open();
  assert.match(await page.locator('#data-label').innerText(), /^(Simulated|Replayed|Simulated and replayed) data$/);
  for (const box of ['#credit', '#list-credit']) {
    await until('credit', async () => /Source: .*(Simulated|Replayed) data.*NOAA.*GeoNames \(CC BY 4\.0\)/.test(await page.locator(box).innerText()));
    assert.ok((await page.locator(`${box} a`).evaluateAll(all => all.map(a => a.href))).every(h => h.startsWith('https://')));
  }
  await page.context().close();
});

test('a hostile city name is text', async () => {
  const page = await open(`#city=${system.hostile}`);
  assert.equal(await page.locator(`#rows tr[data-city="${system.hostile}"] .city > span`).first().textContent(), system.name);
  assert.equal(await page.locator('#detail-name').textContent(), system.name);
  assert.ok((await page.title()).includes(system.name));
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.alerted), undefined);
  await page.context().close();
});

test('a new version of the catalogue is seen without a reload', async () => {
  const page = await open();
  const id = Number(await page.locator('#rows tr.selected').getAttribute('data-city'));
  const name = await page.locator('#detail-name').textContent();
  for (const wanted of [`${name} (renamed)`, name]) {
    await system.do('rename', { city: id, name: wanted });
    await until('the name in the table', async () => (await page.locator(`#rows tr[data-city="${id}"] .city > span`).first().textContent()) === wanted);
    await until('the name of the city', async () => (await page.locator('#detail-name').textContent()) === wanted);
  }
  await page.context().close();
});

test('the URL holds the state and restores it', async () => {
  const page = await open();
  await page.locator('#views button[data-view=city]').click();
  await page.locator('#range-bar button[data-range="6h"]').click();
  await page.locator('#settings-title').click();
  await page.locator('#set-lang').selectOption('es');
  await page.locator('#set-temperature').selectOption('f');
  await page.locator('#set-wind').selectOption('kn');
  await page.locator('#set-time').selectOption('utc');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#settings').getAttribute('open'), null);
  await page.locator('#views button[data-view=overview]').click();
  await page.locator('#search').fill('to');
  const chosen = await page.locator('#rows tr:not([hidden])').first().getAttribute('data-city');
  await page.locator(`#rows tr[data-city="${chosen}"] .city`).click();
  await page.locator('#columns th[data-column=temperature] button').click();
  await page.locator('#columns th[data-column=temperature] button').click();
  const hash = new URL(page.url()).hash;
  assert.equal(hash, `#city=${chosen}&range=6h&sort=-temperature&q=to&units=f,kn&time=utc&lang=es`);
  const look = async p => ({
    hash: new URL(p.url()).hash, name: await p.locator('#detail-name').textContent(), range: await p.locator('#range-bar [aria-pressed=true]').textContent(),
    language: await p.locator('html').getAttribute('lang'), title: await p.locator('#list-title').textContent(), units: await texts(p, '#columns .unit'),
    sort: await p.locator('#columns th[aria-sort=descending]').getAttribute('data-column'), zone: await p.locator('#chart-zone').textContent(),
    search: await p.locator('#search').inputValue(), shown: await texts(p, '#rows tr:not([hidden]) .city'), view: await p.locator('#views [aria-current]').textContent(),
  });
  const here = await look(page);
  assert.equal(here.zone, 'Horas: UTC');
  assert.deepEqual(here.units, ['°F', '%', 'hPa', 'kn', 'mm', '%']);
  const pasted = await browser.page();
  await pasted.goto(system.url + hash);
  await until('the pasted link is there', async () => (await pasted.locator('#detail-name').textContent()) === here.name);
  const there = await look(pasted);
  assert.deepEqual({ ...there, shown: [...there.shown].sort() }, { ...here, shown: [...here.shown].sort() });
  await pasted.goto(`${system.url}#view=table`); // a link followed on the open page
  await until('the table alone', () => pasted.evaluate(() => document.body.dataset.view === 'table' && getComputedStyle(document.getElementById('detail')).display === 'none'));
  assert.equal(await pasted.locator('#list-title').textContent(), 'Cities');
  await page.context().close();
  await pasted.context().close();
});

test('no sideways scrolling at 320 px, and nothing cut at 390', async () => {
  for (const lang of ['en', 'es']) {
    const page = await open(`#lang=${lang}`, { viewport: { width: 320, height: 700 } });
    for (const width of [320, 390, 768]) {
      await page.setViewportSize({ width, height: 700 });
      for (const view of ['overview', 'table', 'city']) {
        await page.evaluate(hash => { location.hash = hash; }, `view=${view}&lang=${lang}`);
        await until('the view', () => page.evaluate(v => document.body.dataset.view === v, view));
        const wide = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth, document.getElementById('table-box').scrollWidth - document.getElementById('table-box').clientWidth]);
        assert.deepEqual(wide.map(w => Math.max(w, 0)), [0, 0], `${width} px, ${view}, ${lang}`);
      }
    }
    await page.context().close();
  }
});

// WCAG's contrast of two CSS colours.
function contrast(a, b) {
  const luminance = rgb => rgb.match(/[\d.]+/g).slice(0, 3).map(v => { const c = v / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; })
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

test('dark and light are both readable', async () => {
  const pages = {};
  for (const colorScheme of ['light', 'dark']) {
    const page = await open('', { colorScheme });
    const colours = await page.evaluate(() => {
      const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(', 0)')) return c; } return 'rgb(255, 255, 255)'; };
      return ['#detail-name', '#detail-place', '.card-number', '.card-label', '.card-age', '#data-label', '#status-text', '#views [aria-current]', '#views button:not([aria-current])',
        '#columns button', '#rows td[data-column=age]', '#rows .country', '#credit a', '#credit', '#settings-title', '.selected .city', '.legend'].map(selector => {
        const e = document.querySelector(selector);
        return [selector, getComputedStyle(e).color, behind(e)];
      });
    });
    for (const [selector, colour, background] of colours) assert.ok(contrast(colour, background) >= 4.5, `${colorScheme} ${selector}: ${contrast(colour, background).toFixed(2)}`);
    pages[colorScheme] = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await until('the chart has the scheme\'s colour', async () => await pixels(page, '--series') > 100);
    await page.context().close();
  }
  assert.ok(contrast(pages.light, pages.dark) > 10, `${pages.light} and ${pages.dark}`);
});

test('everything can be reached and used by keyboard', async () => {
  const page = await open();
  const met = new Set();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    met.add(await page.evaluate(() => {
      const e = document.activeElement, style = getComputedStyle(e);
      const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      return `${e.id || e.dataset.view || e.dataset.range || e.parentElement.dataset.metric || e.className || e.parentElement.dataset.column || e.tagName}${shown ? '' : ' without a focus ring'}`;
    }));
  }
  for (const want of ['skip', 'overview', 'table', 'city', 'settings-title', '6h', '24h', '48h', 'humidity', 'visibility', 'data-summary', 'search', 'table-box', 'temperature']) assert.ok(met.has(want), `${want} in ${[...met]}`);
  const id = await page.locator('#rows tr:not(.selected)').nth(4).getAttribute('data-city');
  const city = page.locator(`#rows tr[data-city="${id}"] .city`);
  const name = await city.locator('span').first().textContent();
  await city.focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#detail-name').textContent(), name);
  assert.equal(await city.getAttribute('aria-current'), 'true');
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, input, select, [role=region], [role=group], nav, table')]
    .filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim())).map(e => e.outerHTML.slice(0, 80)));
  assert.deepEqual(unnamed, []);
  await page.context().close();
});

test('the page weighs little', async () => {
  const page = await browser.page();
  const client = await page.context().newCDPSession(page);
  const urls = new Map(), sizes = new Map();
  await client.send('Network.enable');
  client.on('Network.responseReceived', e => urls.set(e.requestId, new URL(e.response.url).pathname));
  client.on('Network.loadingFinished', e => sizes.set(urls.get(e.requestId), e.encodedDataLength));
  await page.goto(system.url);
  await loaded(page);
  const parts = [...sizes].filter(([path]) => path === '/' || path?.startsWith('/assets/'));
  assert.ok(parts.some(([path]) => path.endsWith('.js')) && parts.some(([path]) => path.endsWith('.css')) && parts.some(([path]) => path === '/'), String(parts));
  const kb = Math.round(parts.reduce((sum, [, size]) => sum + size, 0) / 102.4) / 10;
  await system.do('result', { id: 'light.page_gz_kb', value: kb, n: parts.length });
  assert.ok(kb > 20 && kb <= 350, `${kb} KB`);
  await page.context().close();
});

test('headers are strict', async () => {
  for (const path of ['', 'api/v1/latest', 'api/v1/nothing', 'api/v1/cities/1']) {
    const { headers } = await fetch(system.url + path);
    const policy = headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
});

test('a lost server is told at once, and the page resumes by itself', async () => {
  const page = await open('#view=overview', { quiet: true });
  const banner = page.locator('#banner');
  assert.equal(await banner.isVisible(), false);
  await page.evaluate(() => { globalThis.sameDocument = true; });
  const normal = await page.locator('#cards .card-number').first().evaluate(e => getComputedStyle(e).color);
  await system.do('kill', { name: 'dashboard' });
  await banner.waitFor({ state: 'visible', timeout: 5000 });
  assert.equal(await page.locator('#banner-text').innerText(), 'No connection to the server: values are not current.');
  await until('age and countdown', async () => /Last heard \d+ s ago\. Trying again in \d+ s\./.test(await page.locator('#banner-detail').innerText()));
  assert.equal(await page.locator('#status-text').textContent(), 'Connection lost');
  assert.notEqual(await page.locator('#cards .card-number').first().evaluate(e => getComputedStyle(e).color), normal);
  assert.equal(await page.locator('#rows tr.stale').count(), CITIES);
  const cells = () => texts(page, '#rows td[data-column=temperature] .number');
  const before = await cells();
  await system.do('dashboard');
  await until('the page is live again', async () => !await banner.isVisible() && (await page.locator('#status-text').textContent()) === 'Live', 20000);
  await until('values move again', async () => (await cells()).some((t, i) => t !== before[i]), 30000);
  assert.equal(await page.locator('#rows tr.stale').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  await page.context().close();
});

test('a server that only falls silent is told within five seconds, too', async () => {
  const page = await open('', { quiet: true });
  await system.do('signal', { name: 'dashboard', signo: 'SIGSTOP' });
  const started = Date.now();
  try {
    await page.locator('#banner').waitFor({ state: 'visible', timeout: 6000 });
    assert.ok(Date.now() - started <= 5500, `${Date.now() - started} ms`);
  } finally {
    await system.do('signal', { name: 'dashboard', signo: 'SIGCONT' });
  }
  await until('the page is live again', async () => !await page.locator('#banner').isVisible(), 20000);
  await page.context().close();
});

test('Redis away and back', async () => {
  const page = await open('', { quiet: true });
  await system.do('kill', { name: 'redis' });
  await page.locator('#banner').waitFor({ state: 'visible', timeout: 5000 });
  assert.equal(await page.locator('#banner-text').innerText(), 'The server does not reach its database: values are not current.');
  assert.equal(await page.locator('#rows tr.stale').count(), CITIES);
  assert.match(await page.locator('#rows td[data-column=age]').first().textContent(), /ago/);
  const answer = await fetch(`${system.url}api/v1/cities/${system.hostile}/windows`);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  await system.do('redis');
  const cells = () => texts(page, '#rows td[data-column=temperature] .number');
  const before = await cells();
  await until('the page is live again', async () => !await page.locator('#banner').isVisible(), 20000);
  await until('values move again', async () => (await cells()).some((t, i) => t !== before[i]), 60000, 200);
  await page.context().close();
});

test('no request left this machine, nothing broke the policy, nothing was complained of', () => {
  assert.deepEqual(browser.foreign, []);
  assert.deepEqual(browser.violations, []);
  assert.deepEqual(browser.complaints, []);
});
