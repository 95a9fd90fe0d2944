// Language, units and time zone: a small form behind a button. What is chosen goes into the URL.
import { TIMES, state } from './address.js';
import { languages, text } from './strings.js';
import { UNITS } from './units.js';

const box = document.getElementById('settings');
const form = document.getElementById('settings-form');

function choice(id, label, options, chosen, choose) {
  const row = document.createElement('label'), select = document.createElement('select');
  select.id = id;
  for (const [value, words] of options) select.add(new Option(words, value, false, value === chosen));
  select.addEventListener('change', () => choose(select.value));
  row.append(Object.assign(document.createElement('span'), { textContent: label }), select);
  return row;
}

let period = 20; // s, of the wall screen

function wallStart(wall) {
  const box = document.createElement('div'), button = Object.assign(document.createElement('button'), { type: 'button', id: 'wall-start', className: 'plain', textContent: text.wall.start });
  button.addEventListener('click', () => { box.closest('details').open = false; wall(period); });
  box.append(choice('set-wall', text.wall.each, [10, 20, 60, 300].map(s => [String(s), text.seconds(s)]), String(period), value => { period = Number(value); }), button);
  box.className = 'wall-start';
  return box;
}

// Makes the form anew, in the present language. `changed` is called after each choice, wall(seconds) to begin the wall screen.
export function showSettings(changed, wall) {
  const held = document.activeElement?.id;
  const units = dimension => Object.entries(UNITS).filter(([, u]) => u.dimension === dimension).map(([code, u]) => [code, u.name]);
  document.getElementById('settings-title').textContent = text.settings;
  form.replaceChildren(
    choice('set-lang', text.language, [['', text.automatic], ...Object.entries(languages).map(([tag, l]) => [tag, l.languageName])], state.lang,
      value => { state.lang = value; changed(); }),
    ...Object.keys(state.units).map(dimension => choice(`set-${dimension}`, text.dimensions[dimension], units(dimension), state.units[dimension],
      value => { state.units[dimension] = value; changed(); })),
    choice('set-time', text.dimensions.time, TIMES.map(t => [t, text.times[t]]), state.time, value => { state.time = value; changed(); }),
    wallStart(wall),
  );
  if (held) document.getElementById(held)?.focus();
}

const close = back => {
  if (!box.open) return;
  box.open = false;
  if (back) box.firstElementChild.focus();
};
box.addEventListener('keydown', event => { if (event.key === 'Escape') close(true); });
document.addEventListener('pointerdown', event => { if (!box.contains(event.target)) close(false); });
