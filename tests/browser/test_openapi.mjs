// dashboard/openapi.json is true: it has every route of the server, and what the real programs answer is what it says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { System, until } from './system.mjs';

const root = new URL('../../', import.meta.url);
const api = JSON.parse(readFileSync(new URL('dashboard/openapi.json', root), 'utf8'));
const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true, validateFormats: false });
ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'paths', 'components']);
ajv.addSchema({ ...api, $id: 'isobar' });
const TESTED = new Set();
const TOKEN = 'operators-token-of-the-test', BEARER = { Authorization: `Bearer ${TOKEN}` };
let system, cities;

const pointer = (...parts) => `isobar#/${parts.map(p => encodeURIComponent(p.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
function check(what, validate, value) {
  if (!validate(value)) assert.fail(`${what}: ${JSON.stringify(validate.errors.slice(0, 5))}`);
}
const checkSchema = (name, value) => check(name, ajv.getSchema(pointer('components', 'schemas', name)), value);

// Asks `url` and checks status, type and body against the description of `path`.
async function ask(path, url = path, status = 200, headers = {}, method = 'get', body = undefined) {
  if (method !== 'get') headers = { 'Content-Type': 'application/json', ...headers };
  const answer = await fetch(system.url.replace(/\/$/, '') + url, { method: method.toUpperCase(), headers, body: body && JSON.stringify(body) });
  assert.equal(answer.status, status, `${method} ${url}`);
  TESTED.add(`${method} ${path}${status < 300 ? '' : ` ${status}`}`);
  const operation = api.paths[path][method], described = operation.responses[String(status)], asked = operation.requestBody?.content['application/json'].schema.$ref;
  assert.ok(described, `${path} has no ${status}`);
  if (body && asked && status < 300) checkSchema(asked.split('/').at(-1), body);
  const type = answer.headers.get('content-type')?.split(';')[0];
  const content = described.$ref ? api.components.responses[described.$ref.split('/').at(-1)].content : described.content;
  if (status === 304) return null;
  assert.ok(type in content, `${url}: ${type}`);
  if (!type.endsWith('json')) return answer.text();
  const said = await answer.json();
  const at = described.$ref ? ['components', 'responses', described.$ref.split('/').at(-1)] : ['paths', path, method, 'responses', String(status)];
  check(`${method} ${url}`, ajv.getSchema(pointer(...at, 'content', type, 'schema')), said);
  return said;
}

before(async () => {
  system = await System.start('openapi');
  await system.do('ready');
  await system.do('operated', { token: TOKEN });
  await system.do('rules', { text: '[windows]\n10m = 2d\n1h = 30d\n1d = 2y\n[metric soil]\nnumber = 0\nunit = %\nscale = 100\n[alert any]\nmetric = temperature\nabove = -90\nclear = -91\n' });
  await system.do('kill', { name: 'coordinator-1' });
  await system.do('start_coordinator', { name: 'coordinator-2', extra: ['--quota', 'replay=1000000/d'] });
  await system.do('start_worker', { name: 'worker-2' });
  await until('a full view', async () => {
    const answer = await fetch(`${system.url}api/v1/cluster`), view = answer.ok && await answer.json();
    return view && view.leader === 'coordinator-2' && view.members.length === 3 && view.sources.length && view.rebalances.length && view.partition_list.every(p => p.phase === 'running');
  }, 60000);
  await until('alerts', async () => (await (await fetch(`${system.url}api/v1/alerts`)).json()).history?.length > 0, 60000);
}, { timeout: 180000 });
after(() => system?.stop());

test('the server gives the file as it is', async () => {
  const answer = await fetch(`${system.url}api/v1/openapi.json`);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.deepEqual(await answer.json(), api);
  assert.equal(api.openapi, '3.1.0');
  await ask('/api/v1/openapi.json');
});

test('every schema can be compiled, and every reference leads somewhere', () => {
  for (const name of Object.keys(api.components.schemas)) assert.equal(typeof ajv.getSchema(pointer('components', 'schemas', name)), 'function', name);
  for (const [, to] of JSON.stringify(api).matchAll(/"\$ref":"#\/components\/(\w+\/\w+)"/g)) {
    const [kind, name] = to.split('/');
    assert.ok(name in api.components[kind], to);
  }
});

test('it has every route of the server, and none besides', () => {
  const code = ['dashboard/api.c', 'dashboard/door.c', 'dashboard/desk.c', 'dashboard/web/build.mjs'].map(f => readFileSync(new URL(f, root), 'utf8')).join('\n');
  const routes = new Set([...code.matchAll(/['"](\/api\/v1\/[\w./]*)['"]/g)].map(m => m[1]));
  for (const one of ['cities', 'members', 'partitions']) assert.ok(routes.delete(`/api/v1/${one}/`), `that of one of ${one}`);
  assert.match(code, /\/api\/v1\/cities\/\{id\}\[\/windows\]/);
  const commands = ['members/{id}/drain', 'members/{id}/undrain', 'partitions/{partition}/resume'].map(command => `/api/v1/${command}`);
  for (const command of commands) assert.ok(code.includes(`"/${command.split('/').at(-1)}"`), command);
  assert.deepEqual([...routes, ...commands, '/api/v1/cities/{id}', '/api/v1/cities/{id}/windows'].sort(), Object.keys(api.paths).sort());
});

test('answers are as described', async () => {
  ({ cities } = await ask('/api/v1/cities'));
  const { catalogue } = await ask('/api/v1/cities');
  await ask('/api/v1/cities', `/api/v1/cities?since=${catalogue}`);
  await ask('/api/v1/latest');
  await ask('/api/v1/about');
  for (const state of ['', '?state=raised', '?state=cleared', `?city=${cities[3].id}&limit=5`]) await ask('/api/v1/alerts', `/api/v1/alerts${state}`);
  const view = await ask('/api/v1/cluster');
  assert.ok(view.members.length && view.rebalances.length && view.quota.accounts[0].windows.length && view.sources.length, 'nothing was checked that is empty');
  for (const { id } of cities) {
    await ask('/api/v1/cities/{id}', `/api/v1/cities/${id}`);
    for (const size of ['10m', '1h', '1d']) await ask('/api/v1/cities/{id}/windows', `/api/v1/cities/${id}/windows?size=${size}&limit=50`);
  }
  const csv = await ask('/api/v1/cities/{id}/windows', `/api/v1/cities/${cities[0].id}/windows`, 200, { Accept: 'text/csv' });
  assert.match(csv, /^city,name,start,/);
});

test('so are errors and what has not changed', async () => {
  await ask('/api/v1/cities', '/api/v1/cities?since=x', 400);
  await ask('/api/v1/cities/{id}', '/api/v1/cities/x', 400);
  await ask('/api/v1/cities/{id}', '/api/v1/cities/1', 404);
  await ask('/api/v1/cities/{id}/windows', '/api/v1/cities/1/windows', 404);
  await ask('/api/v1/cities/{id}/windows', `/api/v1/cities/${cities[0].id}/windows?size=7m`, 400);
  await ask('/api/v1/alerts', '/api/v1/alerts?limit=0', 400);
  await ask('/api/v1/events', '/api/v1/events?cities=x', 400);
  const { headers } = await fetch(`${system.url}api/v1/cities`);
  await ask('/api/v1/cities', '/api/v1/cities', 304, { 'If-None-Match': headers.get('etag') });
});

test('so is every event of the stream', async () => {
  const stop = new AbortController(), seen = new Map();
  const answer = await fetch(`${system.url}api/v1/events?cities=${cities.slice(0, 6).map(c => c.id)}&size=10m`, { signal: stop.signal });
  TESTED.add('get /api/v1/events');
  assert.equal(answer.headers.get('content-type').split(';')[0], 'text/event-stream');
  let left = '';
  for await (const bytes of answer.body.pipeThrough(new TextDecoderStream())) {
    const events = (left + bytes).split('\n\n');
    left = events.pop();
    for (const event of events) {
      const name = event.match(/^event: (\w+)$/m)?.[1];
      if (!name) continue;
      checkSchema(`Event${name[0].toUpperCase()}${name.slice(1)}`, JSON.parse(event.match(/^data: (.*)$/m)[1]));
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    if (['snapshot', 'latest', 'windows', 'cluster', 'state'].every(name => seen.has(name))) break;
  }
  stop.abort();
}, { timeout: 60000 });

test('what is described but wrong is found', () => {
  const good = { id: 1, name: 'a', ascii_name: 'a', country: 'CH', lat: 1, lon: 1, population: 1, zone: 'UTC', partition: 1, paused: false };
  checkSchema('City', good);
  const validate = ajv.getSchema(pointer('components', 'schemas', 'City'));
  for (const bad of [{ ...good, more: 1 }, { ...good, lat: '1' }, { ...good, id: 0 }, Object.fromEntries(Object.entries(good).slice(1))]) assert.equal(validate(bad), false);
});

test('so are sessions, commands and their refusals', async () => {
  const nobody = await ask('/api/v1/session');
  assert.deepEqual([nobody.role, nobody.sign_in, nobody.commands, nobody.public], ['reader', true, true, true]);
  assert.equal((await ask('/api/v1/session', '/api/v1/session', 201, BEARER, 'post', { name: 'ana' })).who, 'ana (token)');
  await ask('/api/v1/session', '/api/v1/session', 400, BEARER, 'post', { name: 5 });
  await ask('/api/v1/session', '/api/v1/session', 415, { ...BEARER, 'Content-Type': 'text/plain' }, 'post');
  await ask('/api/v1/session', '/api/v1/session', 401, {}, 'post');
  await ask('/api/v1/session', '/api/v1/session', 200, {}, 'delete');
  await ask('/api/v1/members/{id}/drain', '/api/v1/members/worker-2/drain', 200, BEARER, 'post');
  await ask('/api/v1/members/{id}/undrain', '/api/v1/members/worker-2/undrain', 200, BEARER, 'post');
  await ask('/api/v1/members/{id}/drain', '/api/v1/members/nobody/drain', 409, BEARER, 'post');
  await ask('/api/v1/members/{id}/drain', '/api/v1/members/a%20b/drain', 400, BEARER, 'post');
  await ask('/api/v1/members/{id}/drain', '/api/v1/members/worker-2/drain', 401, {}, 'post');
  await ask('/api/v1/partitions/{partition}/resume', '/api/v1/partitions/0/resume', 200, BEARER, 'post');
  await ask('/api/v1/cities', '/api/v1/cities', 400, BEARER, 'post', { name: '' });
  const form = { name: 'Hut', country: 'CH', lat: 46.5, lon: '8.25', zone: 'Europe/Zurich', elevation_m: 2000, station: null };
  const { city } = await ask('/api/v1/cities', '/api/v1/cities', 201, BEARER, 'post', form);
  assert.equal((await ask('/api/v1/cities', '/api/v1/cities', 200, BEARER, 'post', form)).what, 'unchanged');
  await ask('/api/v1/cities/{id}', `/api/v1/cities/${city.id}`, 200, BEARER, 'delete');
  await ask('/api/v1/cities/{id}', `/api/v1/cities/${city.id}`, 404, BEARER, 'delete');
  assert.equal((await ask('/api/v1/audit', '/api/v1/audit?limit=1', 200, BEARER)).audit[0].what, 'city_remove');
  await ask('/api/v1/audit', '/api/v1/audit?limit=0', 400, BEARER);
  await ask('/api/v1/audit', '/api/v1/audit', 401);
  await ask('/api/v1/latest', '/api/v1/latest', 401, { Authorization: 'Bearer wrong-wrong-wrong' });
});

test('everything was asked', () => {
  const all = Object.entries(api.paths).flatMap(([path, item]) => Object.keys(item).map(method => `${method} ${path}`));
  assert.deepEqual(all.filter(what => !TESTED.has(what)), []);
});
