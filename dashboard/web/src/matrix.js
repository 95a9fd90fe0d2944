// Who holds what: a row for each owner, a column for each partition or shard, in as many bands as the width asks for. Drawn,
// since 256 columns of many owners would be thousands of elements; arrow keys and the pointer read it out below.
const ROW = 20, HEAD = 18, GAP = 8, NARROW = 10, WIDE = 24, SPLIT = 0.3;
const SIGNS = { running: '', acquiring: '›', releasing: '‹', stopped: '×', unassigned: '?', lagging: '•', failing: '!' };
const COLOURS = { running: '--accent', acquiring: '--muted', releasing: '--muted', stopped: '--bad', unassigned: '--bad', lagging: '--series', failing: '--series' };

export class Matrix {
  // describe(cell or undefined): what is read out of the cell under cursor or pointer
  constructor(id, describe) {
    this.describe = describe;
    this.canvas = document.createElement('canvas');
    this.box = Object.assign(document.createElement('div'), { className: 'matrix', tabIndex: 0, id });
    this.box.setAttribute('role', 'application');
    this.box.append(this.canvas);
    this.words = Object.assign(document.createElement('p'), { className: 'muted matrix-words', id: `${id}-words` });
    this.words.setAttribute('role', 'status');
    this.element = document.createElement('div');
    this.element.append(this.box, this.words);
    this.cells = [];
    this.owners = [];
    this.cursor = -1;
    this.hover = -1;
    this.box.addEventListener('keydown', event => this.key(event));
    this.box.addEventListener('focus', () => { if (this.cursor < 0) this.move(0); this.draw(); this.say(); });
    this.box.addEventListener('blur', () => { this.draw(); this.say(); });
    this.box.addEventListener('pointermove', event => this.point(this.at(event)));
    this.box.addEventListener('pointerleave', () => this.point(-1));
    this.box.addEventListener('pointerdown', event => this.move(this.at(event)));
    new ResizeObserver(() => this.draw()).observe(this.box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  // cells: [{ owner, state, … }] by index; owners: names of the rows; nobody: name of the row of those without owner.
  update(cells, owners, nobody) {
    this.cells = cells;
    this.owners = cells.some(c => !owners.includes(c.owner)) ? [...owners, nobody] : owners;
    this.draw();
    this.say();
  }

  rowOf(cell) {
    const row = this.owners.indexOf(cell.owner);
    return cell.owner && row >= 0 ? row : this.owners.length - 1;
  }

  layout() {
    const width = this.box.clientWidth, names = Math.min(Math.floor(width * SPLIT), 130), room = Math.max(width - names, NARROW);
    const size = Math.max(NARROW, Math.min(WIDE, Math.floor(room / Math.max(this.cells.length, 1))));
    const columns = Math.max(1, Math.floor(room / size)), bands = Math.ceil(this.cells.length / columns);
    return { width, names, size, columns, bands, band: HEAD + this.owners.length * ROW + GAP };
  }

  draw() {
    if (!this.box.clientWidth || !this.cells.length) return;
    const l = this.layout(), scale = devicePixelRatio || 1, height = l.bands * l.band - GAP;
    Object.assign(this.canvas, { width: Math.round(l.width * scale), height: Math.round(height * scale) });
    Object.assign(this.canvas.style, { width: `${l.width}px`, height: `${height}px` });
    const style = getComputedStyle(this.box), pen = this.canvas.getContext('2d');
    pen.scale(scale, scale);
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = 'middle';
    const colour = name => style.getPropertyValue(name).trim();
    for (let band = 0; band < l.bands; band++) this.rows(pen, colour, l, band);
    for (const [i, cell] of this.cells.entries()) this.cell(pen, colour, l, i, cell);
  }

  // The names, lines and numbers of one band.
  rows(pen, colour, l, band) {
    const top = band * l.band, first = band * l.columns, count = Math.min(l.columns, this.cells.length - first);
    const step = Math.max(1, Math.ceil(26 / l.size));
    pen.fillStyle = colour('--muted');
    for (let i = 0; i < count; i += step) {
      const number = String(first + i), x = l.names + i * l.size + 1;
      if (x + pen.measureText(number).width <= l.width) pen.fillText(number, x, top + HEAD / 2);
    }
    for (const [row, owner] of this.owners.entries()) {
      const y = top + HEAD + row * ROW;
      pen.fillStyle = colour('--text');
      pen.fillText(fit(pen, owner, l.names - 8), 0, y + ROW / 2);
      pen.fillStyle = colour('--hover');
      for (let i = 0; i < count; i++) pen.fillRect(l.names + i * l.size + 1, y + 1, l.size - 2, ROW - 2);
    }
  }

  cell(pen, colour, l, index, cell) {
    const x = l.names + (index % l.columns) * l.size, y = Math.floor(index / l.columns) * l.band + HEAD + this.rowOf(cell) * ROW;
    const sign = SIGNS[cell.state] ?? '';
    pen.fillStyle = colour(COLOURS[cell.state] ?? '--muted');
    pen.fillRect(x + 1, y + 1, l.size - 2, ROW - 2);
    if (sign) {
      pen.fillStyle = colour('--panel');
      pen.textAlign = 'center';
      pen.fillText(sign, x + l.size / 2, y + ROW / 2);
      pen.textAlign = 'start';
    }
    if (index !== this.hover && !(index === this.cursor && document.activeElement === this.box)) return;
    pen.strokeStyle = colour('--text');
    pen.lineWidth = 2;
    pen.strokeRect(x, y, l.size, ROW);
  }

  at({ clientX, clientY }) {
    const l = this.layout(), box = this.canvas.getBoundingClientRect(), column = Math.floor((clientX - box.left - l.names) / l.size);
    const index = Math.floor((clientY - box.top) / l.band) * l.columns + column;
    return column >= 0 && column < l.columns && index >= 0 && index < this.cells.length ? index : -1;
  }

  point(index) {
    if (index === this.hover) return;
    this.hover = index;
    this.draw();
    this.say();
  }

  move(index) {
    if (index < 0 || index >= this.cells.length) return;
    this.cursor = index;
    this.draw();
    this.say();
  }

  key(event) {
    const { columns } = this.layout(), last = this.cells.length - 1;
    const to = { ArrowRight: this.cursor + 1, ArrowLeft: this.cursor - 1, ArrowDown: this.cursor + columns, ArrowUp: this.cursor - columns, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.move(Math.max(0, Math.min(last, to)));
  }

  say() {
    const index = this.hover >= 0 ? this.hover : document.activeElement === this.box ? this.cursor : -1;
    const words = this.describe(this.cells[index]);
    if (this.words.textContent !== words) this.words.textContent = words;
  }
}

// As much of the words as fits in `width` px.
function fit(pen, words, width) {
  if (pen.measureText(words).width <= width) return words;
  let end = words.length - 1;
  while (end > 1 && pen.measureText(`${words.slice(0, end)}…`).width > width) end--;
  return `${words.slice(0, end)}…`;
}
