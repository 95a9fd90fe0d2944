// A table whose cells are changed in place, so that focus, selection and scroll stay while it lives.
const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);

export class LiveTable {
  // columns: [{ id, left, cell(row): text, mark(row): class or '' }], or with fill(td, row) instead of cell for what is more than
  // text, and shown(), asked when labels() is called; keyOf(row)
  constructor(columns, keyOf) {
    this.all = columns;
    this.columns = columns.filter(c => c.shown?.() ?? true);
    this.keyOf = keyOf;
    this.rows = new Map();
    this.head = make('tr');
    this.body = make('tbody');
    this.note = make('p', { className: 'muted empty', hidden: true });
    this.table = make('table');
    const thead = make('thead');
    thead.append(this.head);
    this.table.append(thead, this.body);
    this.scroll = make('div', { className: 'scroll', tabIndex: 0 });
    this.scroll.setAttribute('role', 'region');
    this.scroll.append(this.table);
    this.element = make('div', { className: 'live-table' });
    this.element.append(this.scroll, this.note);
  }

  // label: what the table is of; heads: heading by column; empty: what is said instead of no rows.
  labels(label, heads, empty) {
    this.scroll.setAttribute('aria-label', label);
    this.note.textContent = empty;
    const columns = this.all.filter(c => c.shown?.() ?? true);
    if (columns.length !== this.columns.length) { // rows are made anew with the next update
      this.rows.clear();
      this.body.replaceChildren();
    }
    this.columns = columns;
    this.head.replaceChildren(...this.columns.map(c => make('th', { scope: 'col', className: `${c.left ? 'left ' : ''}${c.fill ? 'sticks' : ''}`.trim(), textContent: heads[c.id] })));
  }

  update(list) {
    const kept = new Set();
    let at = this.body.firstElementChild;
    for (const row of list) {
      const key = String(this.keyOf(row));
      kept.add(key);
      const cells = this.rows.get(key) ?? this.add(key);
      for (const [i, column] of this.columns.entries()) {
        if (column.fill) {
          column.fill(cells[i], row);
          continue;
        }
        const words = column.cell(row), mark = `${column.left ? 'left ' : ''}${column.mark?.(row) ?? ''}`.trim();
        if (cells[i].textContent !== words) cells[i].textContent = words;
        if (cells[i].className !== mark) cells[i].className = mark;
      }
      const { parentElement: tr } = cells[0];
      if (tr === at) at = at.nextElementSibling;
      else this.body.insertBefore(tr, at);
    }
    for (const [key, cells] of this.rows) {
      if (kept.has(key)) continue;
      cells[0].parentElement.remove();
      this.rows.delete(key);
    }
    this.scroll.hidden = list.length === 0;
    this.note.hidden = list.length > 0;
  }

  add(key) {
    const tr = make('tr'), cells = this.columns.map((c, i) => (i === 0 ? make('th', { scope: 'row' }) : make('td', { className: c.fill ? 'left sticks' : '' })));
    tr.append(...cells);
    this.rows.set(key, cells);
    return cells;
  }
}
