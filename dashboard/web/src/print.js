// A page on paper: a white ground also where the screen is dark, with what a screen says elsewhere: what this is, in which units and
// times, when it was printed, and whose data it is.
import { state } from './address.js';
import { element } from './dom.js';
import * as format from './format.js';
import { text } from './strings.js';
import { UNITS } from './units.js';

// app: title() and credit() of what is shown; redraw(): all charts at once, in the colours of now
export function printing(app) {
  const head = element('div', 'print-head'), title = element('p', 'print-title'), what = element('p'), whose = element('p');
  head.id = 'print-head';
  head.append(title, what, whose);
  document.body.prepend(head);
  const turn = on => {
    document.documentElement.classList.toggle('printing', on);
    app.redraw();
  };
  addEventListener('beforeprint', () => {
    const now = app.now();
    title.textContent = `Isobar · ${app.title()}`;
    what.textContent = [`${text.rangeLabel}: ${text.ranges[state.range]}`, state.until ? text.range.paused(format.dayTime(state.until, 'UTC') + ' UTC') : '',
      Object.values(state.units).map(code => UNITS[code].name).join(', '), text.printed(`${new Date(now).toISOString().slice(0, 16).replace('T', ' ')} UTC`)].filter(Boolean).join(' · ');
    whose.textContent = app.credit();
    turn(true);
  });
  addEventListener('afterprint', () => turn(false));
}
