// The table of all cities: rows are made once and updated in place; sort, search and keyboard.
import * as format from './format.js';
import { fold } from './dom.js';
import { state } from './address.js';
import { text } from './strings.js';

const COLUMNS = ['name', 'temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'precipitation', 'cloud', 'age'];
const VALUES = COLUMNS.slice(1, -1);
const element = (tag, className, content) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
};

export class CityTable {
  // onSelect(id), onSort()
  constructor(onSelect, onSort) {
    this.head = document.getElementById('columns');
    this.body = document.getElementById('rows');
    this.note = document.getElementById('list-note');
    this.table = document.getElementById('cities');
    this.rows = new Map();
    this.onSelect = onSelect;
    this.onSort = onSort;
  }

  // Headings and all cells anew, in the present language and units.
  labels() {
    this.table.setAttribute('aria-label', text.tableLabel);
    this.head.replaceChildren(...COLUMNS.map(name => {
      const th = element('th');
      const button = element('button', '', text.columns[name]);
      th.scope = 'col';
      th.dataset.column = name;
      button.type = 'button';
      button.title = text.sortBy(text.columns[name]);
      if (VALUES.includes(name)) button.append(' ', element('span', 'unit', format.unit(name)));
      button.addEventListener('click', () => {
        state.descending = state.sort === name ? !state.descending : false;
        state.sort = name;
        this.onSort();
      });
      th.append(button);
      return th;
    }));
    for (const row of this.rows.values()) {
      if (row.latest) this.fill(row);
      row.paused.textContent = row.city.paused ? text.cityPaused : '';
    }
    this.order();
  }

  // The catalogue as it is now: new cities come, others go.
  setCities(cities) {
    const ids = new Set(cities.map(c => c.id));
    this.changeCities(cities, [...this.rows.keys()].filter(id => !ids.has(id)));
  }

  // What of it has changed.
  changeCities(cities, gone) {
    for (const id of gone) {
      this.rows.get(id)?.tr.remove();
      this.rows.delete(id);
    }
    for (const city of cities) {
      const row = this.rows.get(city.id) ?? this.make(city);
      row.city = city;
      row.key = fold(`${city.name} ${city.ascii_name} ${city.country}`);
      row.name.textContent = city.name;
      row.country.textContent = city.country;
      row.paused.textContent = city.paused ? text.cityPaused : '';
    }
  }

  make(city) {
    const tr = element('tr'), th = element('th'), button = element('button', 'city');
    const name = element('span'), country = element('span', 'country'), paused = element('span', 'paused');
    th.scope = 'row';
    button.type = 'button';
    button.append(name, ' ', country, ' ', paused);
    th.append(button);
    tr.append(th);
    tr.dataset.city = city.id;
    tr.addEventListener('click', () => this.onSelect(city.id));
    const cells = {};
    for (const column of COLUMNS.slice(1)) {
      const cell = element('td');
      cell.dataset.column = column;
      cells[column] = { cell, number: element('span', 'number', format.MISSING) };
      cell.append(cells[column].number);
      if (column === 'wind_speed') cell.append(' ', cells[column].direction = element('span', 'direction'));
      tr.append(cell);
    }
    const row = { city, tr, button, name, country, paused, cells, key: '', latest: null };
    this.rows.set(city.id, row);
    return row;
  }

  update(latest) {
    for (const reading of latest) {
      const row = this.rows.get(reading.city);
      if (!row) continue;
      const { number } = row.cells.temperature, before = row.latest && number.textContent;
      row.latest = reading;
      this.fill(row);
      if (before !== null && before !== number.textContent) this.flash(row.cells.temperature.cell);
    }
    if (state.sort !== 'name' && !this.body.matches(':hover, :focus-within')) this.order(); // nothing moves under a hand
  }

  flash(cell) {
    cell.classList.remove('moved');
    requestAnimationFrame(() => cell.classList.add('moved'));
  }

  fill(row) {
    const { values } = row.latest;
    for (const column of VALUES) {
      const words = format.value(column, format.observed(column, values));
      if (row.cells[column].number.textContent !== words) row.cells[column].number.textContent = words;
    }
    row.cells.wind_speed.direction.textContent = format.compass(values);
  }

  // Ages tick; an old row is greyed and says so.
  tick(now, lost) {
    for (const row of this.rows.values()) {
      if (row.tr.hidden) continue;
      const age = row.latest ? now - row.latest.observed_at : null;
      const stale = age !== null && age > format.STALE_MS;
      const words = age === null ? format.MISSING : text.ago(format.span(age)) + (stale ? ` (${text.stale})` : '');
      const { number } = row.cells.age;
      if (number.textContent !== words) number.textContent = words;
      row.tr.classList.toggle('stale', stale || lost);
    }
  }

  compare() {
    const sign = state.descending ? -1 : 1;
    const known = COLUMNS.includes(state.sort) ? state.sort : 'name';
    const amount = row => (!row.latest ? undefined : known === 'age' ? -row.latest.observed_at : format.observed(known, row.latest.values));
    const byName = (a, b) => a.city.name.localeCompare(b.city.name);
    if (known === 'name') return (a, b) => sign * byName(a, b);
    return (a, b) => {
      const x = amount(a), y = amount(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || byName(a, b); // not known: last
      return sign * (x - y) || byName(a, b);
    };
  }

  order() {
    const rows = [...this.rows.values()].sort(this.compare());
    let at = this.body.firstElementChild;
    for (const { tr } of rows) { // moves only what is out of place, so focus and scroll stay
      if (tr === at) at = at.nextElementSibling;
      else this.body.insertBefore(tr, at);
    }
    for (const th of this.head.children) {
      if (th.dataset.column === state.sort) th.setAttribute('aria-sort', state.descending ? 'descending' : 'ascending');
      else th.removeAttribute('aria-sort');
    }
    this.filter();
  }

  filter() {
    const words = fold(state.search).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of this.rows.values()) {
      row.tr.hidden = !words.every(w => row.key.includes(w));
      shown += !row.tr.hidden;
    }
    const note = this.rows.size === 0 ? text.waiting : shown === 0 ? text.noMatch : text.shown(shown, this.rows.size);
    if (this.note.textContent !== note) this.note.textContent = note;
  }

  select(id) {
    for (const row of this.rows.values()) {
      const on = row.city.id === id;
      row.tr.classList.toggle('selected', on);
      if (on) row.button.setAttribute('aria-current', 'true');
      else row.button.removeAttribute('aria-current');
    }
  }
}
