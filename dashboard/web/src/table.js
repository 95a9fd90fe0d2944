// The table of all cities: rows are made once and updated in place; sort, search and keyboard.
import * as format from './format.js';
import { state } from './address.js';
import { text } from './strings.js';

const COLUMNS = ['name', 'temperature', 'humidity', 'pressure_sea_level', 'wind_speed', 'rain', 'cloud', 'age'];
const fold = s => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

export class CityTable {
  // onSelect(id), onSort()
  constructor(onSelect, onSort) {
    this.head = document.getElementById('columns');
    this.body = document.getElementById('rows');
    this.note = document.getElementById('list-note');
    this.rows = new Map();
    this.onSelect = onSelect;
    this.onSort = onSort;
    this.units = {};
  }

  labels() {
    this.head.replaceChildren(...COLUMNS.map(name => {
      const th = document.createElement('th');
      const button = document.createElement('button');
      th.scope = 'col';
      th.dataset.column = name;
      button.type = 'button';
      button.textContent = text.columns[name];
      button.title = text.sortBy(text.columns[name]);
      button.addEventListener('click', () => {
        state.descending = state.sort === name ? !state.descending : false;
        state.sort = name;
        this.onSort();
      });
      th.append(button);
      return th;
    }));
  }

  addCities(cities) {
    for (const city of cities) {
      if (this.rows.has(city.id)) { this.rows.get(city.id).city = city; continue; }
      const tr = document.createElement('tr');
      const name = document.createElement('th');
      const button = document.createElement('button');
      const country = document.createElement('span');
      name.scope = 'row';
      button.type = 'button';
      button.className = 'city';
      button.textContent = city.name;
      country.className = 'country';
      country.textContent = city.country;
      button.append(' ', country);
      button.addEventListener('click', () => this.onSelect(city.id));
      name.append(button);
      tr.append(name);
      tr.dataset.city = city.id;
      tr.addEventListener('click', () => this.onSelect(city.id));
      const cells = {};
      for (const column of COLUMNS.slice(1)) {
        cells[column] = document.createElement('td');
        cells[column].dataset.column = column;
        tr.append(cells[column]);
      }
      this.rows.set(city.id, { city, tr, cells, key: fold(`${city.name} ${city.ascii_name} ${city.country}`), latest: null });
    }
  }

  update(latest) {
    for (const reading of latest) {
      const row = this.rows.get(reading.city);
      if (!row) continue;
      const before = row.latest?.values.temperature;
      row.latest = reading;
      this.fill(row);
      if (before !== undefined && before !== reading.values.temperature) {
        row.cells.temperature.classList.remove('moved');
        void row.cells.temperature.offsetWidth; // restarts the highlight
        row.cells.temperature.classList.add('moved');
      }
    }
  }

  fill(row) {
    const values = row.latest.values;
    for (const column of COLUMNS.slice(1, -1)) {
      const shown = format.value(column, column === 'rain' && values.snow > 0 ? (values.rain ?? 0) + values.snow : values[column], this.units);
      const wind = column === 'wind_speed' ? ` ${format.compass(values.wind_direction)}` : '';
      row.cells[column].textContent = shown.number + (shown.unit ? ` ${shown.unit}` : '') + wind;
    }
  }

  // Ages tick; a stale row is greyed and says so.
  tick(now, lost) {
    for (const row of this.rows.values()) {
      if (!row.latest || row.tr.hidden) continue;
      const age = now - row.latest.observed_at;
      const stale = age > format.STALE_MS;
      const words = text.ago(format.span(age)) + (stale ? ` (${text.stale})` : '');
      if (row.cells.age.textContent !== words) row.cells.age.textContent = words;
      row.tr.classList.toggle('stale', stale || lost);
    }
  }

  order() {
    const sign = state.descending ? -1 : 1;
    const known = COLUMNS.includes(state.sort) ? state.sort : 'name';
    const value = row => known === 'age' ? -(row.latest?.observed_at ?? 0) : row.latest?.values[known];
    const rows = [...this.rows.values()].sort((a, b) => {
      if (known === 'name') return sign * a.city.name.localeCompare(b.city.name);
      const x = value(a), y = value(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined); // unknown last
      return sign * (x - y) || a.city.name.localeCompare(b.city.name);
    });
    this.body.append(...rows.map(r => r.tr));
    for (const th of this.head.children) {
      th.ariaSort = th.dataset.column === known ? (state.descending ? 'descending' : 'ascending') : null;
      if (!th.ariaSort) th.removeAttribute('aria-sort');
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
    this.note.textContent = this.rows.size === 0 ? text.waiting : shown === 0 ? text.noMatch : text.shown(shown, this.rows.size);
  }

  select(id) {
    for (const row of this.rows.values()) {
      const on = row.city.id === id;
      row.tr.classList.toggle('selected', on);
      row.tr.firstChild.firstChild.toggleAttribute('aria-current', on);
    }
  }
}
