// The alarms of operations: what is the case, what it means, and the command that resolves it, to be copied.
import { commandBox } from './command.js';
import * as format from './format.js';
import { text } from './strings.js';

const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);

export class AlarmList {
  // resolve(alarm): a button that does what the command does, or null.
  constructor(resolve = () => null) {
    this.resolve = resolve;
    this.list = make('ul', { id: 'ops-alarms', className: 'ops-alarms' });
    this.none = make('p', { className: 'calm' });
    this.element = make('div');
    this.element.append(this.none, this.list);
    this.items = new Map();
  }

  labels() {
    this.none.textContent = text.ops.noAlarms;
    this.items.clear(); // they are made anew in the present language
    this.list.replaceChildren();
  }

  // The alarms as they are; those that were there stay in place, so that a button keeps the focus.
  update(alarms, now) {
    this.none.hidden = alarms.length > 0;
    const kept = new Set();
    for (const alarm of alarms) {
      const key = `${alarm.key}\n${alarm.commands.join('\n')}`;
      kept.add(key);
      const item = this.items.get(key) ?? this.make(key, alarm);
      const words = text.ops.alarms[alarm.kind](this.shown(alarm, now));
      if (item.words.textContent !== words) item.words.textContent = words;
    }
    for (const [key, { li }] of this.items) {
      if (kept.has(key)) continue;
      li.remove();
      this.items.delete(key);
    }
  }

  // The parts of the sentence, as text.
  shown(alarm, now) {
    return { ...alarm, title: text.ops.sourceAlarms[alarm.name] ?? alarm.name, age: format.span(alarm.age ?? alarm.silence ?? now - alarm.since), list: alarm.partitions?.join(', ') };
  }

  make(key, alarm) {
    const li = make('li'), sign = make('span', { className: 'alert-sign', textContent: '▲' }), words = make('span');
    const meaning = text.ops.meanings[alarm.name ?? alarm.kind];
    sign.setAttribute('aria-hidden', 'true');
    li.append(sign, words);
    if (meaning) li.append(make('p', { className: 'muted', textContent: meaning }));
    for (const command of alarm.commands) li.append(commandBox(command));
    const resolve = this.resolve(alarm);
    if (resolve) li.append(resolve);
    this.list.append(li);
    const item = { li, words };
    this.items.set(key, item);
    return item;
  }
}
