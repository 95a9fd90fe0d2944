// The page's state in the URL: #city=5809844&range=24h&sort=name&lang=es. A pasted link restores it.
export const state = { city: null, range: '24h', sort: 'name', descending: false, search: '', lang: '' };
const RANGES = ['6h', '24h', '48h'];

export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const id = Number(given.get('city'));
  state.city = Number.isSafeInteger(id) && id > 0 ? id : null;
  state.range = RANGES.includes(given.get('range')) ? given.get('range') : '24h';
  const sort = given.get('sort') ?? 'name';
  state.descending = sort.startsWith('-');
  state.sort = sort.replace(/^-/, '');
  state.search = given.get('q') ?? '';
  state.lang = given.get('lang') ?? '';
}

export function write() {
  const out = new URLSearchParams();
  if (state.city) out.set('city', state.city);
  if (state.range !== '24h') out.set('range', state.range);
  if (state.sort !== 'name' || state.descending) out.set('sort', (state.descending ? '-' : '') + state.sort);
  if (state.search) out.set('q', state.search);
  if (state.lang) out.set('lang', state.lang);
  history.replaceState(null, '', '#' + out);
}
