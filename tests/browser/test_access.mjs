// Signing in, commands from the page and adding a city, with the real programs: by keyboard, in both languages, and with
// names that want to be more than text.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Browser, System, until } from './system.mjs';

const TOKEN = 'operators-token-of-the-test', READ = 'readers-token-of-the-test', HOSTILE = '<img src=x onerror=alert(2)>';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let system, browser;

const open = async (hash = '', options = {}) => {
  const page = await browser.page(options);
  await page.goto(`${system.url}#${hash}`);
  return page;
};
const ready = async (hash, options) => {
  const page = await open(hash, options);
  await page.waitForSelector(hash.includes('operations') ? '#ops-part-members tbody tr' : '#rows tr', { timeout: 30000 });
  return page;
};
const signIn = async (page, token = TOKEN, name = 'ana') => {
  await page.locator('#sign-in').click();
  await page.locator('#field-token').fill(token);
  await page.locator('#field-name').fill(name);
  await page.keyboard.press('Enter');
};
const cluster = async () => (await fetch(`${system.url}api/v1/cluster`)).json();
const held = async id => (await cluster()).partition_list.filter(p => p.owner === id && p.phase === 'running').length;
// What axe-core finds on the page as it is, a dialog included.
const findings = async page => {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(' ')}`));
};
const shot = (page, name) => page.screenshot({ path: `build/browser/shots/${name}.png` });
const inside = page => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

before(async () => {
  mkdirSync('build/browser/shots', { recursive: true });
  system = await System.start('access');
  browser = await Browser.start();
  await system.do('ready');
  await system.do('start_worker', { name: 'worker-2' });
}, { timeout: 180000 });
after(async () => {
  await browser?.stop();
  await system?.stop();
});

test('without a token the page is as it was', async () => {
  const page = await ready('view=operations');
  assert.equal(await page.locator('#account').isVisible(), false);
  assert.equal(await page.locator('.order:visible, #ops-part-audit:visible').count(), 0);
  await page.evaluate(() => { location.hash = 'view=table'; });
  await page.waitForSelector('#rows tr');
  assert.equal(await page.locator('#add-city').isVisible(), false);
  await page.context().close();
  await system.do('operated', { token: TOKEN });
});

test('one signs in and out by keyboard, and a wrong token is told', async () => {
  const page = await ready('view=operations', { quiet: true }); // a 401 is a line of the console
  assert.equal(await page.locator('.order:visible').count(), 0, 'nothing before');
  await page.locator('#sign-in').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'field-token');
  await page.keyboard.type('wrong-wrong-wrong-wrong');
  await page.keyboard.press('Enter');
  await page.getByText('This is none of the server’s tokens.').waitFor();
  assert.equal(await page.locator('#field-token').getAttribute('aria-invalid'), 'true');
  await shot(page, 'sign-in-wrong');
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('dialog').count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'sign-in', 'the focus is back');
  await page.keyboard.press('Enter');
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Tab');
  await page.keyboard.type('Ana <b>');
  await page.keyboard.press('Enter');
  await page.locator('#sign-out').waitFor();
  assert.equal(await page.locator('.who').textContent(), 'Ana <b>');
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script reads the session');
  assert.equal(await page.evaluate(token => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]).includes(token), TOKEN), false);
  await page.reload();
  await page.locator('#sign-out').waitFor();
  await page.locator('#sign-out').click();
  await page.locator('#sign-in').waitFor();
  await until('no order is left', async () => await page.locator('.order:visible').count() === 0);
  await page.context().close();
});

test('a member is drained after a question, with the leader’s answer, and the audit says who', async () => {
  const page = await ready('view=operations&lang=es');
  await signIn(page);
  const drain = page.getByRole('button', { name: 'Vaciar: worker-2', exact: true });
  await drain.click();
  const dialog = page.getByRole('dialog', { name: '¿Vaciar worker-2?' });
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /pasa a otros sin pérdida/);
  await page.keyboard.press('Escape');
  assert.notEqual(await held('worker-2'), 0, 'nothing without the answer');
  await drain.click();
  await dialog.getByRole('button', { name: 'Vaciar' }).click();
  await dialog.getByText('El líder dice: worker-2 is drained.').waitFor();
  await shot(page, 'drain-es');
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press('Enter');
  await until('the question is away', async () => await page.locator('dialog').count() === 0);
  await until('it holds nothing', async () => await held('worker-2') === 0, 20000);
  await until('the table says who', async () => (await page.locator('#ops-part-members').innerText()).includes('ana (token)'));
  const audit = page.locator('#ops-part-audit tbody tr', { hasText: 'vaciado' }).first();
  await audit.waitFor();
  assert.match(await audit.innerText(), /ana \(token\)\s+worker-2/);
  await page.getByRole('button', { name: 'Terminar el vaciado: worker-2' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Terminar el vaciado' }).click();
  await page.getByText('worker-2 is drained no more').waitFor();
  await page.keyboard.press('Enter');
  await until('it works again', async () => await held('worker-2') > 0, 20000);
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    assert.ok(await inside(page), `${width} px`);
  }
  await page.screenshot({ path: 'build/browser/shots/operations-signed-in.png', fullPage: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await findings(page), []);
  await page.context().close();
});

test('a stopped partition is resumed from its alarm', async () => {
  const page = await ready('view=operations');
  await signIn(page);
  await system.do('harm', { partition: 5 });
  const resume = page.getByRole('button', { name: 'Resume: partition 5' });
  await resume.waitFor({ timeout: 60000 });
  await system.do('mend', { partition: 5 });
  await resume.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.getByText(/The leader says: partition 5 is tried again by worker-/).waitFor();
  await page.keyboard.press('Enter');
  await until('the alarm goes', async () => await page.locator('#ops-alarms li').count() === 0, 20000);
  await page.context().close();
});

test('a city is added; what is wrong stands beside its field, and its name is text', async () => {
  const page = await ready('view=table', { quiet: true, viewport: { width: 320, height: 700 } });
  await signIn(page);
  await page.locator('#add-city').click();
  const dialog = page.getByRole('dialog', { name: 'Add a city' }), fill = async (id, words) => page.locator(`#field-${id}`).fill(words), error = id => page.locator(`#field-${id}-error`);
  for (const [id, words] of [['name', HOSTILE], ['country', 'ch'], ['lat', '91'], ['lon', '8,25'], ['zone', 'Europe/Zurich']]) await fill(id, words);
  await dialog.getByRole('button', { name: 'Add' }).click();
  await error('lat').waitFor();
  assert.match(await error('lat').textContent(), /degrees from -90 to 90/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'field-lat');
  assert.ok(await inside(page));
  await shot(page, 'add-city-320');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await findings(page), [], colorScheme);
  }
  await fill('lat', '46.5');
  await fill('zone', 'Europe/Nowhere');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await error('zone').waitFor();
  assert.equal(await error('lat').isVisible(), false);
  await fill('zone', 'Europe/Zurich');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await page.getByText(`${HOSTILE} was added, and is polled within a second.`).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#search').fill('alert(2)');
  await page.locator('#rows tr', { hasText: HOSTILE }).waitFor();
  const { cities } = await (await fetch(`${system.url}api/v1/cities`)).json(), city = cities.find(c => c.name === HOSTILE);
  assert.deepEqual([city.country, city.lat, city.lon], ['CH', 46.5, 8.25]);
  await until('it is polled', async () => (await (await fetch(`${system.url}api/v1/cities/${city.id}`)).json()).latest, 30000);
  assert.deepEqual(await page.evaluate(() => [globalThis.alerted ?? false, document.querySelectorAll('img').length]), [false, 0]);
  await page.context().close();
});

test('a page that needs a token shows nothing before, and everything after', async () => {
  await system.do('operated', { token: TOKEN, read: READ });
  const page = await open('view=table', { quiet: true });
  await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('#rows tr').count(), 0);
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('dialog').count(), 1, 'there is nothing behind it');
  await shot(page, 'sign-in-first');
  await page.locator('#field-token').fill(READ);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#rows tr');
  await page.locator('#sign-out').waitFor();
  assert.equal(await page.locator('.order:visible').count(), 0, 'who reads does not command');
  await page.locator('#sign-out').click();
  await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('#rows tr').count(), 0);
  await page.context().close();
});

test('nothing left this machine, broke the policy, or was complained of', () => {
  assert.deepEqual([browser.foreign, browser.violations, browser.complaints], [[], [], []]);
});
