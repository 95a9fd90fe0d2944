// A command for a terminal, to be copied.
import { element } from './dom.js';
import { text } from './strings.js';

// A paragraph with the command and a button that copies it.
export function commandBox(command) {
  const box = element('p', 'command'), button = element('button', '', text.ops.copy), code = element('code', '', command), said = element('span', 'muted');
  button.type = 'button';
  said.setAttribute('role', 'status');
  button.setAttribute('aria-label', text.ops.copyCommand(command));
  button.addEventListener('click', async () => {
    said.textContent = await copy(command, code) ? text.ops.copied : text.ops.notCopied;
  });
  box.append(code, button, said);
  return box;
}

// To the clipboard; where a page may not (no https), the command is selected for a copy by hand, and it is false.
async function copy(words, code) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
