// What the leader's view means: its alarms with the commands that resolve them, and what follows from two views. Pure.
export const OLD_MS = 5000;      // a leader writes its view every second (as isobarctl status judges)
export const SILENCE_MS = 10000; // with records to read, no progress for so long is an alarm
const RATE_MS = 30000;           // throughput is that of this time

// The commands that the text of an alarm names, each once, without those that begin with nothing to copy.
export function commandsOf(alarm) {
  return [...new Set(alarm.match(/isobarctl (?:partition (?:resume|reset) \d+(?: --to \w+)?|rules (?:versions|set)|verify)/g) ?? [])];
}

// What ails a partition: 'stopped', 'unowned', 'stalled', or nothing. Acquiring and releasing pass by themselves.
export function ailment({ phase, alarm, lag, progress_age_ms: silence }) {
  if (phase === 'stopped' || alarm) return 'stopped';
  if (phase === 'unassigned') return 'unowned';
  return phase === 'running' && lag > 0 && silence > SILENCE_MS ? 'stalled' : undefined;
}

// Every alarm of the view, the gravest first: {kind, key, commands, …}. `age` of the view in ms; `view` may be null.
export function alarmsOf(view, age) {
  if (!view) return [{ kind: 'noView', key: 'noView', commands: ['isobar-coordinator --help'] }];
  const found = [];
  if (age > OLD_MS) found.push({ kind: 'noLeader', key: 'noLeader', age, commands: ['isobar-coordinator --help'] });
  const ill = view.partition_list.map(p => [ailment(p), p]);
  for (const [kind, p] of ill) {
    if (kind === 'stopped') found.push({ kind, key: `stopped ${p.partition}`, partition: p.partition, words: p.alarm, commands: commandsOf(p.alarm) });
  }
  const unowned = ill.filter(([kind]) => kind === 'unowned').map(([, p]) => p.partition);
  if (unowned.length) found.push({ kind: 'unowned', key: 'unowned', partitions: unowned, commands: [`isobarctl why ${unowned[0]}`] });
  for (const [kind, p] of ill) {
    if (kind === 'stalled') found.push({ kind, key: `stalled ${p.partition}`, partition: p.partition, lag: p.lag, silence: p.progress_age_ms, commands: [`isobarctl why ${p.partition}`] });
  }
  for (const m of view.members) if (m.state === 'suspect') found.push({ kind: 'suspect', key: `suspect ${m.id}`, member: m.id, silence: m.heartbeat_age_ms, commands: [] });
  for (const a of view.alarms ?? []) found.push({ kind: 'source', key: `${a.name} ${a.source} ${a.member}`, name: a.name, source: a.source, member: a.member, since: a.since, words: a.text, commands: [] });
  return found;
}

// Records a second by partition, from the offsets of views of the last half minute.
export class Rates {
  constructor() { this.views = []; }

  take(view) {
    const offsets = view.partition_list.map(p => (p.phase === 'running' ? p.offset : NaN));
    const last = this.views.at(-1);
    if (last && view.term !== last.term) this.views = [];
    if (last && view.term === last.term && view.at_ms <= last.at) return;
    this.views.push({ term: view.term, at: view.at_ms, offsets });
    while (this.views[0].at < view.at_ms - RATE_MS) this.views.shift();
  }

  // undefined: not known yet, or the partition began anew meanwhile.
  of(partition) {
    const [first, last] = [this.views[0], this.views.at(-1)];
    if (!first || last.at - first.at < 1000) return undefined;
    const rate = (last.offsets[partition] - first.offsets[partition]) / (last.at - first.at) * 1000;
    return rate >= 0 ? rate : undefined;
  }
}

// The workers of the view by name, with those that own something but are not listed; 'nobody' is not among them.
export function ownersOf(list, members, role) {
  const names = new Set(members.filter(m => m.role === role).map(m => m.id));
  for (const { owner } of list) if (owner) names.add(owner);
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

// Events' time that a partition's watermark is behind the view; undefined while it has none.
export const watermarkAge = (view, p) => (p.watermark_ms > 0 ? Math.max(0, view.at_ms - p.watermark_ms) : undefined);
