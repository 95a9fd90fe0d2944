// What is shown as a file: windows as CSV, as the server writes it, and a chart as a picture with its title.
import { css } from './time_axis.js';

function save(blob, name) {
  const a = document.createElement('a'), url = URL.createObjectURL(blob);
  Object.assign(a, { href: url, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60e3); // a browser that asks where to put it reads it later
}

const stamp = ms => new Date(ms).toISOString().slice(0, 16).replace(/[-:]/g, '');

// isobar-bogota-1h-20261130T1200Z-20261201T1200Z.csv
export function fileName(cities, what, [from, to], ending) {
  const plain = cities.map(c => c.ascii_name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || String(c.id));
  const who = plain.length > 3 ? `${plain.length}-cities` : plain.join('-');
  return `isobar-${who}-${what.replaceAll(/[^\w-]+/g, '-')}-${stamp(from)}Z-${stamp(to)}Z.${ending}`;
}

// The windows of the cities that begin in the range, as one table: the server writes each city's, with the same heading. More
// of an installation's namespace can be given in `more` ("&namespace=…").
export async function saveCsv(cities, size, [from, to], more = '') {
  const parts = [];
  for (const { id } of cities) {
    const answer = await fetch(`/api/v1/cities/${id}/windows?size=${size}&from=${Math.round(from)}&to=${Math.round(to)}${more}`, { headers: { Accept: 'text/csv' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const words = await answer.text();
    parts.push(parts.length ? words.slice(words.indexOf('\n') + 1) : words);
  }
  save(new Blob(parts, { type: 'text/csv' }), fileName(cities, size, [from, to], 'csv'));
}

const EDGE = 16, LINE = 20;

// The chart as it is shown, without the strip of its zoom, on its ground, below a title and above a line of credit. `keys`:
// what lines are, with their colours.
export function savePng(chart, name, { title, foot, keys = [] }) {
  const ratio = 2, font = getComputedStyle(document.body).fontFamily;
  chart.setOption({ dataZoom: [{}, { show: false }] });
  const picture = chart.renderToCanvas({ pixelRatio: ratio, backgroundColor: css('--panel') });
  chart.setOption({ dataZoom: [{}, { show: true }] });
  const head = EDGE + LINE * (keys.length ? 2 : 1) + 8, canvas = document.createElement('canvas'), brush = canvas.getContext('2d');
  Object.assign(canvas, { width: picture.width + 2 * EDGE * ratio, height: picture.height + (head + LINE + EDGE) * ratio });
  brush.scale(ratio, ratio);
  brush.fillStyle = css('--panel');
  brush.fillRect(0, 0, canvas.width, canvas.height);
  const say = (words, x, y, size, colour) => { brush.font = `${size}px ${font}`; brush.fillStyle = colour; brush.fillText(words, x, y); return brush.measureText(words).width; };
  say(title, EDGE, EDGE + 14, 15, css('--text'));
  let x = EDGE;
  for (const { words, colour } of keys) {
    brush.fillStyle = colour;
    brush.fillRect(x, EDGE + LINE + 8, 16, 3);
    x += 22 + say(words, x + 22, EDGE + LINE + 14, 12, css('--text')) + 14;
  }
  brush.drawImage(picture, EDGE, head, picture.width / ratio, picture.height / ratio);
  say(foot, EDGE, head + picture.height / ratio + 12, 11, css('--muted'));
  return new Promise((resolve, reject) => canvas.toBlob(blob => { if (!blob) { reject(new Error('no picture')); return; } save(blob, name); resolve(); }, 'image/png'));
}
