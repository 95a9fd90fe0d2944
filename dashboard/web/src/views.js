// Views besides the table and the city. Each is a class with a static `id`, made with its section of the page and the app; it
// draws while it is shown only: show(), hide(), labels() (language, units or zone changed), catalogue() (cities came or
// went), take(readings) (the newest of some cities), tick(now, lost) (each second). The app has: cities and readings by id,
// now() (the server's clock), about() (what /api/v1/about said, or null), select(id) (shows a city), write() (state to the URL),
// search(words), metric(), metrics(), metricName(name), setMetric(name), setRange(name)
// and size(): what is searched, what is shown, and in windows of which size; window(): the same with its length and retention; end(): where
// the range ends; begin(): it was paused or goes on; follow(): other cities are followed.
// A view may have windows(event), while it is shown: what the stream says of a city's windows.
// A view may have as well: cluster(view) (the leader's view, or null when there is none; also while it is not shown), and
// badge() (how many things are wrong: {count, words}; the navigation shows it on all views).
import { CompareView } from './compare.js';
import { MapView } from './map.js';
import { Operations } from './operations.js';

const CLASSES = [MapView, CompareView, Operations];

// The views by id, with their sections at the end of `main`.
export function makeViews(main, app) {
  return new Map(CLASSES.map(Class => {
    const section = Object.assign(document.createElement('section'), { className: 'view', id: `view-${Class.id}`, hidden: true });
    section.setAttribute('aria-labelledby', `view-${Class.id}-title`);
    main.append(section);
    return [Class.id, Object.assign(new Class(section, app), { section })];
  }));
}
