// The HTTP API as other clients see it: the live stream's snapshot, deltas, beats, resumption and slow readers; tags and
// gzip; CSV.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { System, until } from './system.mjs';

let system;
before(async () => {
  system = await System.start('stream');
  await system.do('ready');
}, { timeout: 120000 });
after(() => system?.stop());

// Opens the stream; `events` grows as they come, `comments` counts comment lines.
function stream(path, headers = {}) {
  const self = { events: [], comments: 0, bytes: 0 };
  const request = get(`${system.url}api/v1/events${path}`, { headers, agent: false }, response => {
    self.status = response.statusCode;
    self.type = response.headers['content-type'];
    self.response = response;
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', text => {
      self.bytes += text.length;
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const event = { at: Date.now() };
        for (const line of block.split('\n')) {
          if (line.startsWith(':')) self.comments++;
          else event[line.slice(0, line.indexOf(':'))] = line.slice(line.indexOf(':') + 1).trimStart();
        }
        if (event.data) self.events.push({ ...event, body: JSON.parse(event.data) });
      }
    });
  });
  request.on('error', () => {});
  self.close = () => request.destroy();
  self.of = name => self.events.filter(e => e.event === name);
  return self;
}

test('a snapshot first, then deltas with ids, and a beat at least every two seconds', async () => {
  const live = stream(`?cities=${system.hostile}&size=10m`);
  await until('events of all kinds', () => live.of('latest').length > 3 && live.of('windows').length && live.of('cluster').length && live.of('state').length > 2, 30000);
  live.close();
  assert.equal(live.status, 200);
  assert.equal(live.type, 'text/event-stream');
  const [first] = live.events;
  assert.equal(first.event, 'snapshot');
  assert.equal(first.retry, '2000');
  assert.equal(first.body.latest.length, 40);
  assert.equal(first.body.redis, 'up');
  assert.ok(live.events.every(e => /^[0-9a-f]+-\d+$/.test(e.id)));
  const numbers = live.of('latest').map(e => Number(e.id.split('-')[1]));
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  assert.ok(live.of('latest').every(e => e.body.latest.length >= 1 && e.body.latest.length < 40), 'only what changed');
  const beats = live.of('state').map(e => e.at);
  for (let i = 1; i < beats.length; i++) assert.ok(beats[i] - beats[i - 1] < 3000, `${beats[i] - beats[i - 1]} ms`);
  const { body } = live.of('windows')[0];
  assert.equal(body.city, system.hostile);
  assert.equal(body.size, '10m');
  assert.ok(body.windows.length >= 1 && body.windows.every(w => w.end - w.start === 600000 && w.metrics.temperature.min <= w.metrics.temperature.max));
  assert.equal(body.windows.at(-1).status, 'provisional');
});

test('a client that comes back with its last id gets what changed since, not a snapshot', async () => {
  const first = stream('');
  await until('some deltas', () => first.of('latest').length > 2, 20000);
  first.close();
  const last = first.events.at(-1).id;
  for (const again of [stream('', { 'Last-Event-ID': last }), stream(`?last_id=${last}`)]) {
    await until('an event', () => again.events.length > 0);
    again.close();
    assert.equal(again.events[0].event, 'latest');
    assert.ok(again.events[0].body.latest.length < 40);
  }
  const stranger = stream('', { 'Last-Event-ID': 'ffff-1' });
  await until('an event', () => stranger.events.length > 0);
  stranger.close();
  assert.equal(stranger.events[0].event, 'snapshot');
});

test('a client that does not read holds nobody up', async () => {
  const slow = Array.from({ length: 20 }, () => stream(''));
  await until('all are open', () => slow.every(s => s.response));
  for (const s of slow) s.response.pause();
  const quick = stream('');
  await until('deltas for the others', () => quick.of('latest').length > 5, 30000);
  const gaps = quick.events.slice(1).map((e, i) => e.at - quick.events[i].at);
  assert.ok(Math.max(...gaps) < 3000, `${Math.max(...gaps)} ms`);
  quick.close();
  for (const s of slow) s.response.resume();
  const newest = Math.max(...quick.events.map(e => Number(e.id.split('-')[1])));
  await until('the slow ones end with the newest state', () => slow.every(s => Number(s.events.at(-1)?.id.split('-')[1]) >= newest), 20000);
  for (const s of slow) s.close();
});

test('lists have a tag, and are packed for those who take it', async () => {
  const cities = `${system.url}api/v1/cities`;
  const first = await new Promise(resolve => get(cities, { headers: { 'Accept-Encoding': 'gzip' }, agent: false }, response => {
    const parts = [];
    response.on('data', part => parts.push(part)).on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
  }));
  assert.equal(first.headers['content-encoding'], 'gzip');
  assert.equal(JSON.parse(gunzipSync(first.body)).cities.length, 40);
  const plain = await fetch(cities, { headers: { 'Accept-Encoding': 'identity' } });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.equal(plain.headers.get('etag'), first.headers.etag);
  const again = await fetch(cities, { headers: { 'If-None-Match': `"other", ${first.headers.etag}` } });
  assert.equal(again.status, 304);
});

test('windows as CSV, with the hostile name as text', async () => {
  const answer = await fetch(`${system.url}api/v1/cities/${system.hostile}/windows?size=1h&limit=5`, { headers: { Accept: 'text/csv' } });
  assert.match(answer.headers.get('content-type'), /^text\/csv/);
  assert.match(answer.headers.get('content-disposition'), /^attachment; filename="isobar-\d+-1h\.csv"$/);
  const lines = (await answer.text()).split('\r\n');
  assert.match(lines[0], /^city,name,start,end,status,revision,rows,metric,unit,count,mean,sd,min,/);
  assert.ok(lines.slice(1, -1).every(l => l.startsWith(`${system.hostile},${system.name},20`)));
  assert.equal(new Set(lines.slice(1, -1).map(l => l.split(',')[2])).size, 5);
});

test('what cannot be answered is a problem that names the input', async () => {
  for (const [path, status, words] of [['cities/1', 404, /catalogue/], ['cities/x', 400, /positive whole number/], [`cities/${system.hostile}/windows?size=7m`, 400, /10m, 1h, 1d/],
    [`cities/${system.hostile}/windows?limit=99999`, 400, /from 1 to 2000/], ['events?cities=1,2,3,4,5,6,7', 400, /at most 6/], ['events?size=9h', 400, /size/], ['<script>', 404, /u003cscript/]]) {
    const answer = await fetch(`${system.url}api/v1/${path}`);
    const text = await answer.text();
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.doesNotMatch(text, /</);
    assert.match(path === '<script>' ? text : JSON.parse(text).detail, words);
  }
  const post = await fetch(`${system.url}api/v1/latest`, { method: 'POST' });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get('allow'), 'GET, HEAD');
});
