// How far the temperature is from what is usual there, where a normal is known: asked for when a city is shown, and again
// when its reading is another one, but at most once a minute.
import * as format from './format.js';
import { text } from './strings.js';

const EVERY_MS = 60e3;

export class Departure {
  constructor(box) {
    this.box = box;
    this.city = null;
  }

  show(city) {
    this.city = city;
    this.askedAt = -Infinity; // by a clock that nobody sets
    this.askedFor = null;     // time of the reading that was asked about
    this.climate = null;
    this.draw();
  }

  // The city's latest reading, now and then.
  tick(latest) {
    if (latest.observed_at === this.askedFor || performance.now() - this.askedAt < EVERY_MS) return;
    this.askedAt = performance.now();
    this.askedFor = latest.observed_at;
    this.ask(this.city);
  }

  async ask(city) {
    try {
      const answer = await fetch(`/api/v1/cities/${city.id}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const { climate } = await answer.json();
      if (city === this.city) this.climate = climate?.temperature ?? null;
    } catch {
      if (city === this.city) this.askedFor = null; // again in a minute
    }
    this.draw();
  }

  draw() {
    const { climate } = this, parts = [];
    if (climate) parts.push(text.departure(`${format.difference('temperature', climate.departure)} ${format.unit('temperature')}`));
    if (climate?.percentile !== undefined) parts.push(text.percentile(Math.min(99, Math.max(1, Math.round(climate.percentile)))));
    this.box.textContent = parts.join(' · ');
  }
}
