// Below a city's chart: its wind rose, the chosen metric by hour and day, and bars of what fell with how much of it is known.
import { DataTable } from './data_table.js';
import * as format from './format.js';
import { element } from './dom.js';
import { roseOf, hoursOf, SECTORS } from './pattern.js';
import { classOf, scaleOver } from './scale.js';
import { text } from './strings.js';

const WEEK_MS = 7 * 24 * 3600e3, EVERY_MS = 5 * 60e3;
const ROSE = { limits: [2, 4, 8, 12], colours: ['#414487', '#2a788e', '#22a884', '#7ad151', '#fde725'] };
const RADIUS = 84, HUB = 14;
const HEIGHT = 120, WIDTH = 600;
const percent = share => `${format.number(100 * share, 0)}\u00a0%`;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const titled = words => { const t = svg('title', {}); t.textContent = words; return t; };

export class Patterns {
  // box: where the cards go; chart: the city's chart; now(): where the week ends
  constructor(box, chart, now) {
    Object.assign(this, { chart, now, city: null, windows: [], askedAt: -Infinity });
    this.cards = ['rain', 'rose', 'heat'].map(name => {
      const card = element('figure', `pattern pattern-${name}`), title = element('figcaption'), body = element('div', 'pattern-body');
      card.append(title, body);
      card.hidden = true;
      return { name, card, title, body, table: new DataTable(card, () => this.tables[name]()) };
    });
    box.append(...this.cards.map(c => c.card));
    this.tables = { rain: () => this.rainTable(), rose: () => this.roseTable(), heat: () => this.heatTable() };
  }

  show(city) {
    Object.assign(this, { city, windows: [] });
    this.draw();
    this.ask();
  }

  // Each second: the week is read again now and then.
  tick() {
    if (performance.now() - this.askedAt > EVERY_MS) this.ask();
  }

  async ask() {
    const { city } = this;
    this.askedAt = performance.now();
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=1h&from=${Math.round(this.now() - WEEK_MS)}&to=${Math.round(this.now())}`);
      const windows = answer.ok ? (await answer.json()).windows : [];
      if (city === this.city) this.windows = windows;
    } catch {
      // again in a while
    }
    this.draw();
  }

  draw() {
    const [rain, rose, heat] = this.cards, fallen = this.chart.metric === 'precipitation' ? this.chart.shown() : [];
    rain.card.hidden = !fallen.length;
    if (fallen.length) this.drawRain(rain, fallen.map(s => s.window));
    const wind = roseOf(this.windows, ROSE);
    rose.card.hidden = !wind.count;
    if (wind.count) this.drawRose(rose, wind);
    const days = hoursOf(this.windows, this.chart.metric, this.chart.zone);
    heat.card.hidden = !days.length;
    if (days.length) this.drawHeat(heat, days);
    for (const { card, title, table } of this.cards) if (!card.hidden) table.draw(title.textContent);
  }

  // ---- wind

  drawRose({ title, body }, { sectors, calm }) {
    const most = Math.max(...sectors.map(s => s.reduce((a, b) => a + b))) || 1, { patterns } = text;
    title.textContent = `${patterns.rose} · ${patterns.calm(percent(calm))}`;
    const picture = svg('svg', { viewBox: '-112 -106 224 212', role: 'img', 'aria-label': this.describeRose(sectors, calm) });
    for (const ring of [0.5, 1]) {
      picture.append(svg('circle', { r: HUB + (RADIUS - HUB) * ring, class: 'ring' }));
    }
    sectors.forEach((shares, i) => {
      let inner = HUB;
      const angle = i * 360 / SECTORS, sum = shares.reduce((a, b) => a + b);
      shares.forEach((share, k) => {
        const outer = inner + share / most * (RADIUS - HUB);
        if (share > 0) picture.append(svg('path', { d: this.wedge(inner, outer, angle), fill: ROSE.colours[k], class: 'wedge' }, titled(`${text.compass[i]}: ${percent(sum)}`)));
        inner = outer;
      });
    });
    for (const i of [0, 4, 8, 12]) {
      const turn = i * 2 * Math.PI / SECTORS, words = svg('text', { x: Math.sin(turn) * 97, y: -Math.cos(turn) * 97 + 4, class: 'point' });
      words.textContent = text.compass[i];
      picture.append(words);
    }
    const keys = element('ul', 'map-legend'), show = v => format.withUnit('wind_speed', v);
    keys.append(...ROSE.colours.map((colour, i) => this.key(colour, i ? `≥ ${show(ROSE.limits[i - 1])}` : `< ${show(ROSE.limits[0])}`)));
    body.replaceChildren(picture, keys, element('p', 'muted', `${patterns.ring(percent(most))}`));
  }

  roseTable() {
    const { sectors } = roseOf(this.windows, ROSE), show = v => format.withUnit('wind_speed', v);
    return {
      heads: [text.patterns.from, text.patterns.share, ...ROSE.colours.map((_, i) => (i ? `≥ ${show(ROSE.limits[i - 1])}` : `< ${show(ROSE.limits[0])}`))],
      rows: sectors.map((shares, i) => [text.compass[i], percent(shares.reduce((a, b) => a + b)), ...shares.map(percent)]),
    };
  }

  key(colour, words) {
    const item = element('li'), swatch = element('span', 'swatch');
    swatch.style.backgroundColor = colour;
    item.append(swatch, element('span', '', words));
    return item;
  }

  // A piece of a ring, around an angle in degrees clockwise from north.
  wedge(inner, outer, angle) {
    const half = 180 / SECTORS * 0.84, at = (r, turn) => `${(r * Math.sin(turn * Math.PI / 180)).toFixed(2)} ${(-r * Math.cos(turn * Math.PI / 180)).toFixed(2)}`;
    return `M${at(inner, angle - half)}L${at(outer, angle - half)}A${outer} ${outer} 0 0 1 ${at(outer, angle + half)}L${at(inner, angle + half)}A${inner} ${inner} 0 0 0 ${at(inner, angle - half)}Z`;
  }

  describeRose(sectors, calm) {
    const all = sectors.map((s, i) => [s.reduce((a, b) => a + b), i]).filter(([share]) => share >= 0.005).map(([share, i]) => `${text.compass[i]} ${percent(share)}`);
    return `${text.patterns.rose}: ${[...all, text.patterns.calm(percent(calm))].join(', ')}`;
  }

  // ---- hour and day

  drawHeat({ title, body }, days) {
    const { metric, zone } = this.chart, scale = scaleOver(metric, days.flatMap(d => d.hours));
    title.textContent = `${text.patterns.heat} · ${this.chart.title()}`;
    const table = element('table', 'heat'), head = element('tr'), hours = [...Array(24).keys()];
    head.append(element('td'), ...hours.map(h => Object.assign(element('th', h % 6 ? 'minor' : '', String(h)), { scope: 'col' })));
    const rows = days.map(({ at, hours: values }) => {
      const tr = element('tr');
      tr.append(Object.assign(element('th', '', format.day(at, zone)), { scope: 'row' }), ...values.map((v, h) => this.cell(v, scale, `${format.day(at, zone)}, ${h} h: ${format.withUnit(metric, v)}`)));
      return tr;
    });
    table.setAttribute('aria-label', title.textContent);
    table.append(head, ...rows);
    const { colours, limits } = scale, show = v => format.withUnit(metric, v), last = limits.length, keys = element('ul', 'map-legend');
    keys.append(this.key(colours[0], `< ${show(limits[0])}`), this.key(colours[last], `≥ ${show(limits[last - 1])}`));
    body.replaceChildren(table, keys);
  }

  // A row an hour, a column a day.
  heatTable() {
    const { metric, zone } = this.chart, days = hoursOf(this.windows, metric, zone);
    return {
      heads: [`${text.patterns.hour} ${format.unit(metric)}`.trimEnd(), ...days.map(({ at }) => format.day(at, zone))],
      rows: [...Array(24).keys()].map(h => [String(h), ...days.map(({ hours }) => format.value(metric, hours[h]))]),
    };
  }

  cell(value, scale, words) {
    const td = element('td', Number.isFinite(value) ? 'known' : '');
    if (Number.isFinite(value)) td.style.backgroundColor = scale.colours[classOf(scale, value)];
    td.title = words;
    td.append(element('span', 'visually-hidden', format.value(this.chart.metric, value)));
    return td;
  }

  // ---- what fell

  drawRain({ title, body }, windows) {
    const [from, to] = this.chart.extent(), across = at => (at - from) / (to - from) * WIDTH;
    const sums = windows.map(w => (w.precipitation.rain ?? 0) + (w.precipitation.snow ?? 0)), most = Math.max(...sums, 0.1);
    const all = sums.reduce((a, b) => a + b, 0);
    title.textContent = text.patterns.rain(format.withUnit('precipitation', all));
    const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT + 10}`, preserveAspectRatio: 'none', class: 'bars', role: 'img', 'aria-label': title.textContent });
    windows.forEach((w, i) => {
      const { rain, snow, rain_coverage: a, snow_coverage: b } = w.precipitation, covered = Math.max(a ?? 0, b ?? 0) / 100;
      const left = Math.max(0, across(w.start)), width = Math.max(0.5, across(w.end) - left - 1), scale = HEIGHT / most;
      const words = `${format.dayTime(w.start, this.chart.zone)}: ${format.withUnit('precipitation', sums[i])}, ${text.patterns.covered(percent(covered))}`;
      picture.append(svg('g', {}, titled(words), svg('rect', { x: left, width, y: 0, height: HEIGHT + 10, fill: 'transparent' }),
        svg('rect', { x: left, width, y: HEIGHT - (rain ?? 0) * scale, height: (rain ?? 0) * scale, class: 'rain' }),
        svg('rect', { x: left, width, y: HEIGHT - sums[i] * scale, height: (snow ?? 0) * scale, class: 'snow' }),
        svg('rect', { x: left, width: width * covered, y: HEIGHT + 4, height: 5, class: 'covered' })));
    });
    body.replaceChildren(picture, element('p', 'muted', text.patterns.coverage(format.withUnit('precipitation', most))));
  }

  rainTable() {
    const show = v => format.value('precipitation', v ?? Number.NaN), unit = format.unit('precipitation'), known = v => percent((v ?? 0) / 100);
    return {
      heads: [text.table.start, `${text.metrics.precipitation} ${unit}`, text.patterns.knownOf, `${text.metrics.snowAlone} ${unit}`, text.patterns.knownOf],
      rows: this.chart.shown().reverse().map(({ window: { start, precipitation: p } }) => [format.dayTime(start, this.chart.zone), show(p.rain), known(p.rain_coverage), show(p.snow), known(p.snow_coverage)]),
    };
  }
}
