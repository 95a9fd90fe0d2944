// Native dialogs of one form: the focus stays inside and comes back by itself, Escape closes, and nothing is sent by the
// form. One at a time; they are made when they are opened, in the present language.
import { element } from './dom.js';
import { text } from './strings.js';

let serial = 0;

export class Dialog {
  // title; act: the words of its button; run(dialog): what that does, a promise. `close` false: it cannot be left.
  constructor(title, act, run, { close = true } = {}) {
    this.box = element('dialog', 'dialog');
    this.form = element('form');
    this.form.noValidate = true; // the server judges
    this.heading = element('h2', '', title);
    this.heading.id = `dialog-${++serial}`;
    this.box.setAttribute('aria-labelledby', this.heading.id);
    this.content = element('div', 'dialog-content');
    this.said = element('p', 'dialog-said');
    this.said.setAttribute('role', 'alert');
    this.act = Object.assign(element('button', 'primary', act), { type: 'submit' });
    this.leave = Object.assign(element('button', '', text.account.cancel), { type: 'button', hidden: !close });
    const buttons = element('p', 'dialog-buttons');
    buttons.append(this.act, this.leave);
    this.form.append(this.heading, this.content, this.said, buttons);
    this.box.append(this.form);
    this.form.addEventListener('submit', async event => {
      event.preventDefault();
      if (this.act.disabled) return;
      this.act.disabled = true;
      this.say('');
      await run(this);
      this.act.disabled = false;
    });
    this.leave.addEventListener('click', () => this.close());
    this.box.addEventListener('cancel', event => { if (!close) event.preventDefault(); });
    this.box.addEventListener('close', () => this.box.remove());
  }

  open() {
    document.body.append(this.box);
    this.box.showModal();
  }

  close() { this.box.close(); }

  // A labelled input with its hint and, later, its error: {input, fail(words)}.
  field(id, label, attributes, hint = '') {
    const row = element('div', 'field'), name = element('label', '', label), help = element('p', 'muted', hint), error = element('p', 'field-error');
    const input = Object.assign(element('input'), { id: `field-${id}`, autocomplete: 'off', spellcheck: false, ...attributes });
    name.htmlFor = input.id;
    help.id = `${input.id}-help`;
    error.id = `${input.id}-error`;
    help.hidden = !hint;
    error.hidden = true;
    input.setAttribute('aria-describedby', `${error.id} ${help.id}`);
    row.append(name, input, help, error);
    this.content.append(row);
    const fail = words => {
      error.textContent = words;
      error.hidden = !words;
      if (words) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    };
    return { input, fail };
  }

  // What came of it, or what is wrong.
  say(words, good = false) {
    this.said.textContent = words;
    this.said.classList.toggle('good', good);
  }

  // It is done: only the way out is left.
  done(words) {
    this.say(words, true);
    this.content.hidden = this.act.hidden = true;
    this.leave.hidden = false;
    this.leave.textContent = text.account.close;
    this.leave.focus();
  }
}

// Why a request failed, in words: the server's own, or that there is no connection.
export const reason = answer => (answer.status === 0 ? text.account.noConnection : answer.body.detail || answer.body.title || String(answer.status));
