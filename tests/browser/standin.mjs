// The page of the real server, with a catalogue and a stream of its own: more cities, or faster, than the real one makes them.
import { createServer } from 'node:http';
import { once } from 'node:events';

const draw = seed => () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };

// One of these events.
const either = (emitter, ...names) => new Promise(resolve => {
  const done = () => { for (const name of names) emitter.off(name, done); resolve(); };
  for (const name of names) emitter.on(name, done);
});

export class StandIn {
  // `url`: of the real server; `count` cities.
  static async start(url, count) {
    const self = new StandIn();
    const random = self.random = draw(7);
    self.now = () => Date.now(); // of the readings
    self.cities = Array.from({ length: count }, (_, i) => ({ id: i + 1, name: `City ${i + 1}`, ascii_name: `City ${i + 1}`, country: 'XX', lat: random() * 130 - 55, lon: random() * 360 - 180,
      population: i, zone: 'UTC', partition: 0, paused: false }));
    self.clients = new Set();
    self.timers = [];
    self.id = self.opened = 0; // events, and streams
    self.server = createServer((request, response) => self.answer(url, new URL(request.url, 'http://x').pathname, response));
    await new Promise(resolve => self.server.listen(0, '127.0.0.1', resolve));
    self.url = `http://127.0.0.1:${self.server.address().port}/`;
    return self;
  }

  async answer(url, pathname, response) {
    const json = { '/api/v1/cities': { cities: this.cities, catalogue: 1 }, '/api/v1/about': { windows: ['10m', '1h'], custom: [], attribution: [], data: 'simulated' } };
    if (pathname === '/api/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(this.event('snapshot', { latest: this.cities.map(c => this.reading(c.id)), redis: 'up', since: 0, catalogue: 1, at: Date.now() }));
      this.clients.add(response);
      this.opened++;
      response.on('close', () => this.clients.delete(response));
    } else if (pathname.startsWith('/api/')) {
      const body = json[pathname] ?? (pathname.endsWith('/windows') && { windows: [] }); // no leader's view
      response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body || {}));
    } else {
      const from = await fetch(url.slice(0, -1) + pathname);
      const { 'content-security-policy': policy, 'content-type': type } = Object.fromEntries(from.headers);
      response.writeHead(200, { 'content-security-policy': policy, 'content-type': type }).end(Buffer.from(await from.arrayBuffer()));
    }
  }

  reading(city) {
    const at = this.now(), { random } = this;
    return { city, observed_at: at, fetched_at: at, provider: 'simulated', series: 0, values: { temperature: random() * 60 - 20, humidity: random() * 100, wind_speed: random() * 20 } };
  }

  event(event, data) {
    return `id: ${++this.id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  // So many new readings a second, of cities by chance, to every client.
  every(count) {
    this.timers.push(setInterval(() => {
      const text = this.event('latest', { latest: Array.from({ length: count }, () => this.reading(1 + Math.floor(this.random() * this.cities.length))), at: Date.now() });
      for (const client of this.clients) client.write(text);
    }, 1000));
  }

  // A tick, in which every city has a new reading, to the one client there is, as soon as it takes it.
  async tick() {
    const [client] = this.clients;
    if (!client) {
      await once(this.server, 'request'); // it comes again
      return;
    }
    const text = this.event('latest', { latest: this.cities.map(c => this.reading(c.id)), at: Date.now() });
    if (!client.write(text)) await either(client, 'drain', 'close');
  }

  stop() {
    this.timers.forEach(clearInterval);
    this.server.closeAllConnections();
    this.server.close();
  }
}

// The longest task of each second of `seconds`, ms of processor time, as the browser's own trace has them, ascending.
export async function longestTasks(page, seconds) {
  const client = await page.context().newCDPSession(page), tasks = [];
  client.on('Tracing.dataCollected', ({ value }) => { for (const e of value) if (e.name === 'RunTask' || e.name === 'ThreadControllerImpl::RunTask') tasks.push(e); });
  await client.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline', 'devtools.timeline', 'toplevel'] } });
  await new Promise(resolve => setTimeout(resolve, seconds * 1000)); // what is measured is this time
  const done = new Promise(resolve => client.once('Tracing.tracingComplete', resolve));
  await client.send('Tracing.end');
  await done;
  await client.detach();
  const first = Math.min(...tasks.map(e => e.ts)), longest = new Map();
  for (const e of tasks) {
    const second = Math.floor((e.ts - first) / 1e6), ms = (e.tdur ?? e.dur ?? 0) / 1000;
    longest.set(second, Math.max(longest.get(second) ?? 0, ms));
  }
  return [...longest.values()].sort((a, b) => a - b);
}

// What a share of `sorted` does not exceed.
export const quantile = (sorted, share) => sorted[Math.ceil(sorted.length * share) - 1];

// Bytes of the page's heap that are reachable.
export async function heap(page) {
  const client = await page.context().newCDPSession(page);
  for (let i = 0; i < 3; i++) await client.send('HeapProfiler.collectGarbage');
  const { usedSize } = await client.send('Runtime.getHeapUsage');
  await client.detach();
  return usedSize;
}
