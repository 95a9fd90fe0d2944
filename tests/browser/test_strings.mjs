// The languages are complete: every text of one is in the others, of the same kind, and every text is used.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const source = new URL('../../dashboard/web/src/', import.meta.url);
const files = readdirSync(new URL('strings/', source));
const languages = Object.fromEntries(await Promise.all(files.map(async f => [f.replace('.js', ''), (await import(new URL(`strings/${f}`, source))).default])));

// "views.table: string", "bannerRetry: function of 1", …
function shape(texts, path = '') {
  return Object.entries(texts).flatMap(([key, value]) => {
    const at = `${path}${key}`;
    if (typeof value === 'function') return [`${at}: function of ${value.length}`];
    if (Array.isArray(value)) return [`${at}: ${value.length} texts`];
    return typeof value === 'object' ? shape(value, `${at}.`) : [`${at}: ${typeof value}`];
  });
}

test('there are English and Spanish, and the page knows every file', () => {
  assert.ok('en' in languages && 'es' in languages);
  const list = readFileSync(new URL('strings.js', source), 'utf8');
  for (const tag of Object.keys(languages)) assert.match(list, new RegExp(`from './strings/${tag}\\.js'`));
});

test('every language has every text', () => {
  for (const [tag, texts] of Object.entries(languages)) assert.deepEqual(shape(texts).sort(), shape(languages.en).sort(), tag);
});

test('no text is empty, and few are the same in both', () => {
  const flat = texts => shape(texts).map(line => line.split(':')[0]).map(path => [path, path.split('.').reduce((o, k) => o[k], texts)]);
  for (const [tag, texts] of Object.entries(languages)) {
    for (const [path, value] of flat(texts)) assert.ok(typeof value !== 'string' || value.trim(), `${tag} ${path}`);
  }
  const same = flat(languages.en).filter(([path, value]) => typeof value === 'string' && value.length > 8 && value === path.split('.').reduce((o, k) => o[k], languages.es));
  assert.deepEqual(same.map(([path]) => path).sort(), ['legendOpen', 'ops.heads.commit', 'provisional', 'providers.open-meteo', 'providers.openweathermap'].sort());
});

test('every text is used, and none that does not exist', () => {
  const code = readdirSync(source).filter(f => f.endsWith('.js')).map(f => readFileSync(new URL(f, source), 'utf8')).join('\n');
  const used = new Set([...code.matchAll(/\btext\.(\w+)/g)].map(m => m[1]));
  const byName = new Set(['loading', 'noHistory', 'historyError', 'provisional', 'final', 'languageName']); // text[name]
  assert.deepEqual([...used].filter(name => !(name in languages.en)), []);
  assert.deepEqual(Object.keys(languages.en).filter(name => !used.has(name) && !byName.has(name)), []);
});
