// Bundles the page with esbuild and writes it, and the description of the API, as C arrays: node build.mjs <assets.c>. Same input, same bytes.
// Only gzip is stored; names carry a hash of their content, so browsers may keep them for ever.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2];
if (!target) {
  console.error('usage: node build.mjs FILE.c');
  process.exit(2);
}

async function bundle(entry, options) {
  const out = await build({ entryPoints: [join(here, 'src', entry)], bundle: true, minify: true, write: false, legalComments: 'none', logLevel: 'warning', ...options });
  return Buffer.from(out.outputFiles[0].contents);
}

const hash = bytes => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const script = await bundle('main.js', { format: 'esm', target: 'es2022' });
const style = await bundle('style.css', { target: ['chrome110', 'firefox115', 'safari16'] });
const scriptPath = `/assets/isobar-${hash(script)}.js`;
const stylePath = `/assets/isobar-${hash(style)}.css`;
const icon = readFileSync(join(here, 'src', 'favicon.svg'));
const iconPath = `/assets/isobar-${hash(icon)}.svg`;
const page = Buffer.from(readFileSync(join(here, 'src', 'index.html'), 'utf8').replace('{{script}}', scriptPath).replace('{{style}}', stylePath).replace('{{icon}}', iconPath));

const assets = [
  { path: '/', type: 'text/html; charset=utf-8', immutable: false, bytes: page },
  { path: scriptPath, type: 'text/javascript; charset=utf-8', immutable: true, bytes: script },
  { path: stylePath, type: 'text/css; charset=utf-8', immutable: true, bytes: style },
  { path: '/api/v1/openapi.json', type: 'application/json', immutable: false, bytes: Buffer.from(JSON.stringify(JSON.parse(readFileSync(join(here, '..', 'openapi.json'), 'utf8')))) },
  { path: iconPath, type: 'image/svg+xml', immutable: true, bytes: icon },
];

let total = 0;
let c = '/* Made by dashboard/web/build.mjs. */\n#include "../../dashboard/asset.h"\n';
for (const [i, asset] of assets.entries()) {
  asset.gz = gzipSync(asset.bytes, { level: 9 });
  asset.gz[9] = 255; // the operating system byte, for the same bytes everywhere
  total += asset.gz.length;
  const lines = [];
  for (let at = 0; at < asset.gz.length; at += 24) lines.push([...asset.gz.subarray(at, at + 24)].join(','));
  c += `static const unsigned char bytes_${i}[] = {\n${lines.join(',\n')}};\n`;
}
c += 'const struct asset assets[] = {\n';
for (const [i, a] of assets.entries()) {
  c += `    {"${a.path}", "${a.type}", "W/\\"${hash(a.bytes)}\\"", ${a.immutable}, bytes_${i}, sizeof bytes_${i}, ${a.bytes.length}},\n`;
}
c += '    {0},\n};\n';
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, c);
console.log(`page: ${(total / 1024).toFixed(1)} KB gzipped in all`);
