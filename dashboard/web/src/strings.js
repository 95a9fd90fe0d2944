// The page's language: `text` holds its strings, `language` its tag. A further language is one more row here.
import en from './strings/en.js';
import es from './strings/es.js';

export const languages = { en, es };
export let language = 'en';
export let locale = 'en'; // for Intl: the browser's own variant of the language, when it has one
export let text = en;

// Picks the language: asked for in the URL, else the browser's, else English.
export function chooseLanguage(asked) {
  const wanted = [asked, ...(navigator.languages ?? [])].map(l => (l ?? '').slice(0, 2).toLowerCase());
  language = wanted.find(l => Object.hasOwn(languages, l)) ?? 'en';
  text = languages[language];
  locale = (navigator.languages ?? []).find(l => l.toLowerCase().startsWith(`${language}-`)) ?? language;
  document.documentElement.lang = language;
}
