// What views make their parts with. Text from outside is only ever text.
export const element = (tag, className, content) => Object.assign(document.createElement(tag), { className: className ?? '', textContent: content ?? '' });

// A name as it is searched: without accents and capitals.
export const fold = s => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
