// What stands above a chart: its range of time, whether it goes on or is paused, and what is shown as a file.
import { RANGES, state, write } from './address.js';
import { element } from './dom.js';
import * as format from './format.js';
import { text } from './strings.js';

export class RangeBar {
  // `box` is filled. on: range(name) chosen; pause() or live again; csv() and png(), which save and may fail; now(): the server's clock
  constructor(box, on) {
    this.on = on;
    this.ranges = element('div', 'picker ranges');
    this.ranges.setAttribute('role', 'group');
    for (const name of Object.keys(RANGES)) {
      const button = this.button(() => on.range(name));
      button.dataset.range = name;
      this.ranges.append(button);
    }
    this.pause = this.button(() => this.toggle());
    this.pause.dataset.act = 'pause';
    this.csv = this.button(() => this.save(on.csv));
    this.csv.dataset.act = 'csv';
    this.png = this.button(() => this.save(on.png));
    this.png.dataset.act = 'png';
    this.said = element('span', 'muted range-said');
    this.said.setAttribute('role', 'status');
    const acts = element('div', 'picker');
    acts.append(this.pause, this.csv, this.png);
    box.classList.add('range-bar');
    box.append(this.ranges, acts, this.said);
  }

  button(act) {
    const button = element('button');
    button.type = 'button';
    button.addEventListener('click', act);
    return button;
  }

  toggle() {
    state.until = state.until === null ? Math.round(this.on.now()) : null;
    write();
    this.labels();
    this.on.pause();
  }

  async save(how) {
    let said = '';
    try {
      await how();
    } catch {
      said = text.range.notSaved;
    }
    this.labels(said);
  }

  // All texts anew; `said`: something else than whether it is paused.
  labels(said = '') {
    const { range } = text, paused = state.until !== null;
    this.ranges.setAttribute('aria-label', text.rangeLabel);
    for (const button of this.ranges.children) {
      button.textContent = text.ranges[button.dataset.range];
      button.setAttribute('aria-pressed', String(button.dataset.range === state.range));
    }
    this.pause.textContent = paused ? `▶ ${range.resume}` : `❚❚ ${range.pause}`;
    this.pause.title = paused ? range.resumeHelp : range.pauseHelp;
    for (const [button, words, help] of [[this.csv, 'CSV', range.csv], [this.png, 'PNG', range.png]]) {
      button.textContent = `↓ ${words}`;
      button.title = help;
      button.setAttribute('aria-label', help);
    }
    this.said.textContent = said || (paused ? range.paused(format.dayTime(state.until, state.time === 'browser' ? undefined : 'UTC') + (state.time === 'browser' ? '' : ' UTC')) : '');
  }
}
