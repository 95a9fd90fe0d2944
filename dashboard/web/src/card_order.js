// Which cards a city has and in what order, as the user wants it: in the URL, so that a pasted link shows the same, and kept in
// this browser for the next visit without one.
import { state, write } from './address.js';
import { element } from './dom.js';
import { text } from './strings.js';

const KEPT = 'isobar.cards';

// What of `names` is shown, in order; `chosen` null: all as they come.
export function arranged(names, chosen) {
  const known = (chosen ?? names).filter(name => names.includes(name));
  return known.length ? known : names;
}

// The list with one moved by `by` places.
export function moved(list, name, by) {
  const at = list.indexOf(name), to = at + by;
  return at < 0 || to < 0 || to >= list.length ? list : list.with(at, list[to]).with(to, name);
}

// What was kept, unless the URL says something else.
export function recall() {
  if (state.cards) return;
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT));
    if (Array.isArray(kept) && kept.length && kept.every(name => /^\w+$/.test(name))) state.cards = kept;
  } catch {
    // a browser that keeps nothing, or something else under this name
  }
}

function keep() {
  try {
    if (state.cards) localStorage.setItem(KEPT, JSON.stringify(state.cards));
    else localStorage.removeItem(KEPT);
  } catch {
    // the URL has it
  }
}

export class CardOrder {
  // `box` is a <details>; names(): of all cards; nameOf(name): as it is written; changed(): to be shown anew
  constructor(box, names, nameOf, changed) {
    Object.assign(this, { box, names, nameOf, changed });
    this.summary = element('summary');
    this.list = element('ul', 'card-order');
    this.usual = element('button', 'plain');
    this.usual.type = 'button';
    this.usual.addEventListener('click', () => { this.choose(null); this.summary.focus(); });
    box.append(this.summary, this.list, this.usual);
    box.addEventListener('toggle', () => this.draw());
  }

  shown() {
    return arranged(this.names(), state.cards);
  }

  choose(list) {
    state.cards = list;
    keep();
    write();
    this.changed();
    this.draw();
  }

  // The shown ones in their order, then the others.
  draw() {
    const held = document.activeElement?.dataset, { act, card } = this.box.contains(document.activeElement) ? held : {};
    this.summary.textContent = text.cards.title;
    this.usual.textContent = text.cards.usual;
    this.usual.hidden = state.cards === null;
    if (!this.box.open) { this.list.replaceChildren(); return; }
    const shown = this.shown(), hidden = this.names().filter(name => !shown.includes(name));
    this.list.replaceChildren(...[...shown, ...hidden].map(name => this.row(name, shown)));
    if (!card) return;
    const all = [...this.list.querySelectorAll(`[data-card="${card}"]`)];
    (all.find(e => e.dataset.act === act && !e.disabled) ?? all.find(e => !e.disabled))?.focus(); // at an end there is no further move
  }

  row(name, shown) {
    const item = element('li'), label = element('label'), at = shown.indexOf(name), words = this.nameOf(name);
    const box = Object.assign(element('input'), { type: 'checkbox', checked: at >= 0, disabled: at >= 0 && shown.length === 1 });
    Object.assign(box.dataset, { card: name, act: 'show' });
    box.addEventListener('change', () => this.choose(box.checked ? [...shown, name] : shown.filter(other => other !== name)));
    label.append(box, ' ', words);
    item.append(label, this.mover(name, -1, '↑', text.cards.up(words), at > 0), this.mover(name, 1, '↓', text.cards.down(words), at >= 0 && at < shown.length - 1));
    return item;
  }

  mover(name, by, sign, help, able) {
    const button = Object.assign(element('button', 'plain', sign), { type: 'button', title: help, disabled: !able });
    button.setAttribute('aria-label', help);
    Object.assign(button.dataset, { card: name, act: by < 0 ? 'up' : 'down' });
    button.addEventListener('click', () => this.choose(moved(this.shown(), name, by)));
    return button;
  }
}
