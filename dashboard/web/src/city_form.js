// "Add a city": the fields of `isobarctl cities add`, judged by the server, whose words stand beside the field.
import { Dialog, reason } from './dialog.js';
import { element } from './dom.js';
import { text } from './strings.js';

const FIELDS = [['name', { maxLength: 200 }], ['country', { maxLength: 2, autocapitalize: 'characters' }], ['lat', { inputMode: 'decimal', maxLength: 20 }], ['lon', { inputMode: 'decimal', maxLength: 20 }],
  ['zone', { maxLength: 63 }], ['elevation_m', { inputMode: 'numeric', maxLength: 6 }], ['station', { maxLength: 4, autocapitalize: 'characters' }]];

// The time zones that this browser knows, offered as one types.
function zones(input, content) {
  const list = element('datalist');
  list.id = 'zones';
  list.append(...(Intl.supportedValuesOf?.('timeZone') ?? []).map(zone => Object.assign(element('option'), { value: zone })));
  content.append(list);
  input.setAttribute('list', list.id);
}

// send(method, path, body): {ok, status, body}
export function addCity(send) {
  const t = text.addCity, fields = {};
  const dialog = new Dialog(t.title, t.add, async self => {
    const body = {};
    for (const [id, { input, fail }] of Object.entries(fields)) {
      fail('');
      const words = input.value.trim();
      if (words) body[id] = ['country', 'station'].includes(id) ? words.toUpperCase() : ['lat', 'lon'].includes(id) ? words.replace(',', '.') : words;
    }
    const answer = await send('POST', '/api/v1/cities', body);
    const wrong = fields[answer.body.field === 'ascii_name' ? 'name' : answer.body.field];
    if (answer.ok) {
      self.done(t.done[answer.body.what](answer.body.city.name));
    } else if (wrong) {
      wrong.fail(reason(answer));
      wrong.input.focus();
    } else {
      self.say(reason(answer));
    }
  });
  for (const [id, attributes] of FIELDS) fields[id] = dialog.field(id, t.fields[id], attributes, t.help[id]);
  zones(fields.zone.input, dialog.content);
  dialog.open();
}
