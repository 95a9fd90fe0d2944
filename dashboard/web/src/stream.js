// The live stream: EventSource with a retry of our own, so that the page can say when it tries again, and a watchdog,
// since a half-open connection reports nothing. The server sends an event at least every two seconds.
//
// A browser opens six connections to a host, and each stream takes one for good: so a tab that nobody sees gives its stream
// up as soon as another one wants to open one, and goes on where it was when it is seen again. One such tab alone keeps it.
const SILENT_MS = 4500;
const RETRY_MS = [1000, 2000, 3000, 5000];
const WATCH_MS = 500;

export class Stream {
  // handlers: event name -> function(data); onState(state, retryAt): 'connecting' | 'live' | 'lost'; onOpen(): first event
  // of a connection came.
  constructor(handlers, onState, onOpen) {
    this.handlers = handlers;
    this.onState = onState;
    this.onOpen = onOpen;
    this.failures = 0;
    this.query = '';
    this.lastId = '';
    this.watched = Date.now();
    setInterval(() => this.watch(), WATCH_MS);
    addEventListener('online', () => { if (!this.source && !this.resting) this.open(); });
    this.tabs = new BroadcastChannel('isobar-streams');
    this.tabs.onmessage = () => { if (document.hidden) this.rest(); };
    document.addEventListener('visibilitychange', () => { if (!document.hidden && this.resting) this.open(); });
  }

  // Another tab opens a stream, and nobody sees this one.
  rest() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    this.timer = null;
    this.resting = true;
  }

  // Follows the windows of these cities from now on.
  follow(cities, size) {
    const query = cities.length ? `cities=${cities.join(',')}&size=${size}` : '';
    if (query === this.query && (this.source || this.timer || this.resting)) return;
    this.query = query;
    if (!this.resting) this.open();
  }

  open() {
    this.source?.close();
    clearTimeout(this.timer);
    this.timer = null;
    this.resting = false;
    this.tabs.postMessage('open');
    this.heard = Date.now();
    let fresh = true;
    if (this.failures === 0) this.onState('connecting');
    const last = this.lastId ? `&last_id=${encodeURIComponent(this.lastId)}` : '';
    const source = new EventSource(`/api/v1/events?${this.query}${last}`);
    this.source = source;
    source.onopen = () => { this.heard = Date.now(); };
    source.onerror = () => { if (source === this.source) this.lost(); };
    for (const [name, handle] of Object.entries(this.handlers)) {
      source.addEventListener(name, event => {
        if (source !== this.source) return;
        this.heard = Date.now();
        this.failures = 0;
        this.lastId = event.lastEventId;
        handle(JSON.parse(event.data));
        this.onState('live');
        if (fresh) this.onOpen();
        fresh = false;
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

  // After a sleep or a long task events wait behind this timer: they get one round to be heard first.
  watch() {
    const now = Date.now(), late = now - this.watched > 4 * WATCH_MS;
    this.watched = now;
    if (!late && this.source && now - this.heard > SILENT_MS) this.lost();
  }
}
