// Who is signed in, as the server says, and requests in his name. The token is never kept: it is changed into a cookie
// that scripts cannot read.
const nobody = { role: 'reader', via: 'none', who: '', sign_in: false, commands: false, public: true };
const listeners = [];
export let session = nobody;

export const mayCommand = () => session.role === 'operator' && session.commands;
export const mayRead = () => session.role !== 'nobody';

// `changed` is called whenever somebody else is there, or nobody any more.
export const onSession = changed => listeners.push(changed);

function take(next) {
  const other = ['role', 'via', 'who', 'sign_in', 'commands'].some(key => session[key] !== next[key]);
  session = next;
  if (other) for (const changed of listeners) changed();
}

// Asks who one is. What is not answered is as before.
export async function loadSession() {
  try {
    const answer = await fetch('/api/v1/session');
    if (answer.ok) take(await answer.json());
  } catch {
    // the stream tells that there is no connection
  }
}

// Sends a request that writes: {ok, status, body}, where `body` is the answer or the problem; status 0: no connection.
export async function send(method, path, body, token) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  else if (session.csrf) headers['X-Isobar-CSRF'] = session.csrf;
  try {
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const said = await answer.json();
    if (answer.status === 401 && !token) loadSession();
    return { ok: answer.ok, status: answer.status, body: said };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

export async function signIn(token, name) {
  const answer = await send('POST', '/api/v1/session', name ? { name } : {}, token);
  if (answer.ok) take(answer.body);
  return answer;
}

export async function signOut() {
  const answer = await send('DELETE', '/api/v1/session');
  await loadSession();
  return answer;
}
