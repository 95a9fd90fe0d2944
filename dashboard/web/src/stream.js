// The live stream: EventSource with a retry of our own, so that the page can say when it tries again, and a
// watchdog, since a half-open connection reports nothing. The server sends something at least every 15 s.
const SILENT_MS = 20000;
const RETRY_MS = [1000, 2000, 3000, 5000];

export class Stream {
  // handlers: event name -> function(data); onState(state, retryAt): 'connecting' | 'live' | 'lost'
  constructor(handlers, onState) {
    this.handlers = handlers;
    this.onState = onState;
    this.failures = 0;
    this.query = '';
    setInterval(() => this.watch(), 1000);
  }

  // Follows the windows of these cities from now on.
  follow(cities, size) {
    const query = cities.length ? `?cities=${cities.join(',')}&size=${size}` : '';
    if (query === this.query && this.source) return;
    this.query = query;
    this.open();
  }

  open() {
    this.source?.close();
    clearTimeout(this.timer);
    this.heard = Date.now();
    if (this.failures === 0) this.onState('connecting');
    const source = new EventSource('/api/v1/events' + this.query);
    this.source = source;
    source.onopen = () => { this.heard = Date.now(); };
    source.onerror = () => { if (source === this.source) this.lost(); };
    for (const [name, handle] of Object.entries(this.handlers)) {
      source.addEventListener(name, event => {
        if (source !== this.source) return;
        this.heard = Date.now();
        this.failures = 0;
        handle(JSON.parse(event.data));
        this.onState('live');
      });
    }
  }

  lost() {
    this.source.close();
    this.source = null;
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.onState('lost', Date.now() + wait);
    this.timer = setTimeout(() => this.open(), wait);
  }

  // Comments keep the connection but are not seen here; `cluster` events come every 2 s, updates whenever there are any.
  watch() {
    if (this.source && Date.now() - this.heard > SILENT_MS) this.lost();
  }
}
