// The operator's style sheet: it wins over the page's, within the policy, and what is wrong with the file is said.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const root = new URL('../../', import.meta.url);
const ACCENT = ':root { --accent: rgb(1, 2, 3); --page: rgb(4, 5, 6); }\n';
let system, browser;

before(async () => {
  [system, browser] = await Promise.all([System.start('style', false), Browser.start()]);
}, { timeout: 120000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

const page = async options => { const made = await browser.page(options); await made.goto(system.url); return made; };
const ground = p => p.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

test('it wins over ours in both schemes, and is one file with its hash in the name', async () => {
  const without = await (await fetch(system.url)).text();
  assert.doesNotMatch(without, /operator/);
  await system.do('styled', { text: ACCENT });
  for (const colorScheme of ['light', 'dark']) {
    const p = await page({ colorScheme });
    assert.equal(await ground(p), 'rgb(4, 5, 6)', colorScheme);
    await p.context().close();
  }
  const answer = await fetch(system.url), html = await answer.text();
  const links = [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(m => m[1]);
  assert.match(links[1], /^\/assets\/operator-[0-9a-f]{16}\.css$/);
  assert.equal(links.length, 2);
  assert.equal(html.replace(/<link rel="stylesheet" href="\/assets\/operator-.*>\n/, ''), without, 'nothing else of the page changed');
  const sheet = await fetch(new URL(links[1], system.url));
  assert.equal(sheet.headers.get('content-type'), 'text/css; charset=utf-8');
  assert.equal(await sheet.text(), ACCENT);
  assert.match(sheet.headers.get('content-security-policy'), /style-src 'self'/);
  assert.equal((await fetch(system.url, { headers: { 'If-None-Match': answer.headers.get('etag') } })).status, 304);
  await system.do('styled', { text: `${ACCENT}a { color: red; }` });
  assert.equal((await fetch(new URL(links[1], system.url))).status, 404, 'the old name is gone');
  assert.notEqual((await (await fetch(system.url)).text()).match(/operator-\w+/)[0], html.match(/operator-\w+/)[0]);
});

test('nothing that it names elsewhere is loaded', async () => {
  await system.do('styled', { text: '@import url("https://example.org/x.css");\nbody { background: url(https://example.org/x.png); }\n' });
  const p = await browser.page({ quiet: true }), failed = new Map();
  p.on('requestfailed', request => failed.set(request.url(), request.failure().errorText));
  await p.goto(system.url);
  await until('both are blocked by the policy', () => failed.get('https://example.org/x.css') === 'csp' && failed.get('https://example.org/x.png') === 'csp');
  assert.deepEqual([...new Set(browser.violations.map(v => v.split(' ')[1]))].sort(), ['https://example.org/x.css', 'https://example.org/x.png']);
  await p.context().close();
});

test('a file that cannot be taken ends the program with its name', async () => {
  for (const [style, reason] of [['no-such.css', 'No such file'], ['.', 'not a regular file'], ['large.css', 'larger than 64 KiB']]) {
    if (style === 'large.css') await system.do('file_of', { name: style, size: 65537 });
    const { code, out } = await system.do('unstyled', { style });
    assert.equal(code, 78, out);
    assert.ok(out.includes(style) && out.includes(reason), out);
  }
});

test('the documented variables are those of the page', () => {
  const css = readFileSync(new URL('dashboard/web/src/style.css', root), 'utf8').match(/^:root[^{\n]* \{.*?^\}/ms)[0];
  const document = readFileSync(new URL('docs/dashboard.md', root), 'utf8').match(/^\| variable \|.*/ms)[0];
  const names = words => [...new Set(words.match(/--[a-z-]*[a-z]/g))].sort();
  assert.deepEqual(names(document), names(css));
});
