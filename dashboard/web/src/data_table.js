// The numbers of a chart as a table, folded; made only while it is open.
import { element } from './dom.js';
import { text } from './strings.js';

export class DataTable {
  // make(): { heads: [words…], rows: [[words…]…] }, the first of a row is its heading; `box` gets it as its last part
  constructor(box, make) {
    this.make = make;
    this.details = element('details', 'data-table');
    this.summary = element('summary');
    this.scroll = element('div', 'scroll');
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute('role', 'region');
    this.details.append(this.summary, this.scroll);
    this.scroll.setAttribute('aria-label', text.dataTable);
    this.details.addEventListener('toggle', () => this.draw());
    box.append(this.details);
  }

  // `of`: what the table is of.
  draw(of) {
    if (of !== undefined) this.of = of;
    if (this.summary.textContent !== text.dataTable) this.summary.textContent = text.dataTable;
    this.scroll.setAttribute('aria-label', `${text.dataTable}: ${this.of}`);
    if (!this.details.open) { this.scroll.replaceChildren(); return; }
    const { heads, rows } = this.make(), table = element('table'), head = element('thead'), body = element('tbody'), top = element('tr');
    top.append(...heads.map(words => Object.assign(element('th', '', words), { scope: 'col' })));
    head.append(top);
    body.append(...rows.map(([first, ...cells]) => {
      const tr = element('tr');
      tr.append(Object.assign(element('th', '', first), { scope: 'row' }), ...cells.map(words => element('td', '', words)));
      return tr;
    }));
    table.append(head, body);
    this.scroll.replaceChildren(table);
  }
}
