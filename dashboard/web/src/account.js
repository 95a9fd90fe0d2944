// Signing in and out, in the head of the page: there only when the server has tokens, or somebody is known.
import { addCity } from './city_form.js';
import { Dialog, reason } from './dialog.js';
import { element } from './dom.js';
import { loadSession, mayCommand, mayRead, onSession, send, session, signIn, signOut } from './session.js';
import { text } from './strings.js';

const box = document.getElementById('account');
const add = document.getElementById('add-city');
let dialog = null;

function openSignIn() {
  if (dialog?.box.isConnected) return;
  const t = text.account, could = mayRead();
  dialog = new Dialog(t.signIn, t.signIn, async self => {
    token.fail('');
    const answer = await signIn(token.input.value.trim(), name.input.value.trim());
    if (!answer.ok) {
      if (answer.status === 401) token.fail(t.wrong);
      else self.say(answer.status === 429 ? t.limited : reason(answer));
      token.input.focus();
      return;
    }
    token.input.value = '';
    self.close();
    if (!could) location.reload(); // everything begins now
  }, { close: could });
  const token = dialog.field('token', t.token, { type: 'password', autocomplete: 'current-password', required: true, maxLength: 256 }, could ? t.tokenHelp : t.readHelp);
  const name = dialog.field('name', t.name, { type: 'text', autocomplete: 'username', maxLength: 64 }, t.nameHelp);
  dialog.open();
}

function button(id, words, act) {
  const made = Object.assign(element('button', '', words), { id, type: 'button' });
  made.addEventListener('click', act);
  return made;
}

// Draws it anew, in the present language.
export function showAccount() {
  const t = text.account, known = session.via === 'session' || session.via === 'proxy', held = document.activeElement?.id;
  box.hidden = !session.sign_in && !known;
  box.replaceChildren();
  if (known) box.append(element('span', 'who', session.who.replace(/ \((token|proxy)\)$/, '')));
  if (session.via === 'session') box.append(button('sign-out', t.signOut, async () => {
    await signOut();
    if (!mayRead()) location.reload();
  }));
  else if (session.sign_in && !mayCommand()) box.append(button('sign-in', t.signIn, openSignIn));
  add.textContent = text.addCity.title;
  add.hidden = !mayCommand();
  if (['sign-in', 'sign-out'].includes(held)) (document.getElementById(held) ?? box.querySelector('button'))?.focus();
}

// A session may have ended while the page was open.
export async function checkSession() {
  await loadSession();
  if (!mayRead() && session.sign_in) openSignIn();
}

// Asks who one is; true when there is something to be read.
export async function startAccount() {
  onSession(showAccount);
  add.addEventListener('click', () => addCity(send));
  await checkSession();
  return mayRead();
}
