// A table whose cells are changed in place, so that focus, selection and scroll stay while it lives.
const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);

export class LiveTable {
  // columns: [{ id, left, cell(row): text, mark(row): class or '' }], or fill(td, row) instead of cell, for what is more than text;
  // hidden(): the column is not seen; keyOf(row)
  constructor(columns, keyOf) {
    this.columns = columns;
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
    this.head.replaceChildren(...this.columns.map(c => make('th', { scope: 'col', className: c.left ? 'left' : '', textContent: heads[c.id], hidden: c.hidden?.() ?? false })));
  }

  update(list) {
    const kept = new Set();
    let at = this.body.firstElementChild;
    for (const row of list) {
      const key = String(this.keyOf(row));
      kept.add(key);
      const cells = this.rows.get(key) ?? this.add(key);
      for (const [i, column] of this.columns.entries()) {
        cells[i].hidden = column.hidden?.() ?? false;
        if (column.fill) column.fill(cells[i], row);
        const words = column.fill ? cells[i].textContent : column.cell(row), mark = `${column.left ? 'left ' : ''}${column.mark?.(row) ?? ''}`.trim();
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
    const tr = make('tr'), cells = this.columns.map((c, i) => (i === 0 ? make('th', { scope: 'row' }) : make('td')));
    tr.append(...cells);
    this.rows.set(key, cells);
    return cells;
  }
}
