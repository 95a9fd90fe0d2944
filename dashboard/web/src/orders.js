// What an operator who has signed in can have done from the operations view: drains, their end, and the resumption of a
// stopped partition, each after a question, with the leader's answer; and the audit. Without him none of it is seen.
import { Dialog, reason } from './dialog.js';
import { element } from './dom.js';
import * as format from './format.js';
import { LiveTable } from './live_table.js';
import { mayCommand, send } from './session.js';
import { text } from './strings.js';

const AUDIT_MS = 10000;
const AUDIT_SHOWN = 50;

// Asks, has it done, and shows what the leader says. kind: drain, undrain or resume.
function order(kind, name, path, after) {
  const t = text.orders;
  const dialog = new Dialog(t.ask[kind](name), t[kind], async self => {
    const answer = await send('POST', path);
    if (answer.ok) self.done(t.says(answer.body.text));
    else self.say(reason(answer));
    after();
  });
  dialog.content.append(element('p', '', t.means[kind]));
  dialog.open();
}

export class Orders {
  constructor(now) {
    this.now = now;
    this.askedAt = -AUDIT_MS;
    this.audit = new LiveTable([
      { id: 'at', cell: e => format.dayTime(e.at, format.zoneOf(null)) }, { id: 'age', cell: e => text.ago(format.span(Math.max(0, this.now() - e.at))) },
      { id: 'act', left: true, cell: e => text.orders.acts[e.what] ?? e.what }, { id: 'who', left: true, cell: e => e.who }, { id: 'detail', left: true, cell: e => e.detail }], e => `${e.at} ${e.what} ${e.who} ${e.detail}`);
  }

  // A column of the table of members.
  column() {
    return { id: 'orders', left: true, shown: mayCommand, fill: (cell, member) => this.member(cell, member) };
  }

  member(cell, member) {
    const kind = member.drained_by ? 'undrain' : 'drain', words = text.orders[kind];
    let button = cell.firstChild;
    if (!button) {
      cell.append(button = Object.assign(element('button', 'order'), { type: 'button' }));
      button.addEventListener('click', () => order(button.dataset.kind, button.dataset.member, `/api/v1/members/${button.dataset.member}/${button.dataset.kind}`, () => this.load()));
    }
    if (button.textContent === words && button.dataset.member === member.id) return;
    Object.assign(button.dataset, { kind, member: member.id });
    button.textContent = words;
    button.setAttribute('aria-label', text.orders.of(words, member.id));
  }

  // What an alarm can be resolved with, beside its command; null: nothing.
  resolve(alarm) {
    if (alarm.kind !== 'stopped' || !mayCommand()) return null;
    const button = Object.assign(element('button', 'order', text.orders.resume), { type: 'button' });
    button.setAttribute('aria-label', text.orders.of(text.orders.resume, text.orders.partition(alarm.partition)));
    button.addEventListener('click', () => order('resume', text.orders.partition(alarm.partition), `/api/v1/partitions/${alarm.partition}/resume`, () => this.load()));
    return button;
  }

  labels(heads) {
    this.audit.labels(text.orders.audit, heads, text.orders.noAudit);
  }

  // Reads the audit when it is due.
  tick() {
    if (mayCommand() && performance.now() - this.askedAt >= AUDIT_MS) this.load();
  }

  async load() {
    if (!mayCommand()) return;
    this.askedAt = performance.now();
    try {
      const answer = await fetch(`/api/v1/audit?limit=${AUDIT_SHOWN}`);
      if (answer.ok) this.audit.update((await answer.json()).audit);
    } catch {
      // asked again
    }
  }
}
