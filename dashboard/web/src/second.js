// What another source says of the city: its windows, asked for when a reading of it is new, but at most once a minute.
const EVERY_MS = 60e3;

export class SecondOpinion {
  // now(): the server's clock; changed(): there are other windows
  constructor(now, changed) {
    this.now = now;
    this.changed = changed;
    this.show(null, '', 0);
  }

  // Another city, window size or length of the history, in ms.
  show(city, size, length) {
    Object.assign(this, { city, size, length, askedAt: -Infinity, askedFor: null, windows: new Map() });
  }

  // The city's latest reading, now and then.
  tick(latest) {
    const second = latest.second_opinion;
    if (!second || second.observed_at === this.askedFor || performance.now() - this.askedAt < EVERY_MS) return;
    this.askedAt = performance.now();
    this.askedFor = second.observed_at;
    this.ask();
  }

  async ask() {
    const { city, windows, size } = this;
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}/windows?size=${size}&series=1&from=${Math.max(0, Math.round(this.now() - this.length))}&limit=2000`);
      if (!answer.ok) throw new Error(String(answer.status));
      const all = (await answer.json()).windows;
      windows.clear();
      for (const w of all) windows.set(w.start, w);
      if (windows === this.windows) this.changed();
    } catch {
      if (windows === this.windows) this.askedFor = null; // again in a minute
    }
  }
}
