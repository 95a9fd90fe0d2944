// The alerts that are active, most urgent first: a sign and a word for each state, never its colour alone.
import * as format from './format.js';
import { text } from './strings.js';
import { state } from './address.js';
import { unitOf } from './units.js';

const SHOWN = 6;
export const SIGNS = { raised: '▲', stale: '◌', pending: '…' };
const element = (tag, className, content) => Object.assign(document.createElement(tag), { className, textContent: content ?? '' });

// The value in the chosen unit, or as the API has it.
export function valueOf(alert) {
  if (unitOf(alert.metric, state.units)) return format.withUnit(alert.metric, alert.value);
  return `${format.number(alert.value, 1)} ${alert.unit === 'degC' ? '°C' : alert.unit ?? ''}`.trim();
}

export class AlertList {
  // nameOf(id): the city's name, or nothing; onSelect(id)
  constructor(nameOf, onSelect) {
    this.box = document.getElementById('alerts');
    this.title = document.getElementById('alerts-title');
    this.list = document.getElementById('alerts-list');
    this.note = document.getElementById('alerts-note');
    this.nameOf = nameOf;
    this.onSelect = onSelect;
    this.alerts = [];
    this.total = 0;
  }

  update({ alerts, alerts_total: total }) {
    this.alerts = alerts;
    this.total = total;
    this.draw();
  }

  draw() {
    this.box.hidden = this.total === 0;
    this.title.textContent = text.alerts.title;
    this.list.replaceChildren(...this.alerts.slice(0, SHOWN).map(alert => this.item(alert)));
    const more = this.total - Math.min(this.alerts.length, SHOWN);
    this.note.hidden = more === 0;
    this.note.textContent = text.alerts.more(more);
  }

  item(alert) {
    const li = element('li', `alert ${alert.state}`), sign = element('span', 'alert-sign', SIGNS[alert.state]);
    const button = element('button', 'city', this.nameOf(alert.city) ?? String(alert.city));
    sign.setAttribute('aria-hidden', 'true');
    button.type = 'button';
    button.addEventListener('click', () => this.onSelect(alert.city));
    li.append(sign, ' ', element('strong', '', text.alerts.states[alert.state]), ' ', button, ' ', element('span', 'muted', `${alert.rule}: ${valueOf(alert)}`));
    return li;
  }
}
