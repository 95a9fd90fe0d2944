// The operations view: who runs, who holds what, how far behind, what is spent, and what is wrong with the command that
// resolves it. All of it is the leader's view, and as old as that; what it does not tell is said to be unknown.
import { AlarmList } from './alarm_list.js';
import { alarmsOf, OLD_MS, ownersOf, Rates, watermarkAge } from './cluster.js';
import * as format from './format.js';
import { LiveTable } from './live_table.js';
import { Matrix } from './matrix.js';
import { Orders } from './orders.js';
import { mayCommand } from './session.js';
import { text } from './strings.js';

const LAGGING_MS = 5000; // a partition whose newest unread record is older is shown as behind
const NONE = '\u2013';
const make = (tag, more = {}) => Object.assign(document.createElement(tag), more);
const count = n => (Number.isFinite(n) && n >= 0 ? format.number(n, 0) : NONE);
const rate = n => (Number.isFinite(n) ? format.number(n, n < 10 ? 1 : 0) : NONE);
const span = ms => (Number.isFinite(ms) && ms >= 0 ? format.span(ms) : NONE);
// Median and 99th percentile, ms.
const commitOf = ({ since_start: s }) => (s?.commit_p50_ms >= 0 && s.commits > 0 ? `${format.number(s.commit_p50_ms, 0)} / ${format.number(s.commit_p99_ms, 0)} ms` : NONE);
const commitMs = ms => (ms >= 0 ? `${format.number(ms, 0)} ms` : NONE);
const zone = () => format.zoneOf(null);
const when = ms => (ms > 0 ? `${format.dayTime(ms, zone())}` : NONE);

export class Operations {
  static id = 'operations';

  constructor(section, app) {
    this.section = section;
    this.app = app;
    this.rates = new Rates();
    this.asked = false;
    this.title = make('h2', { id: 'view-operations-title' });
    this.head = make('p', { className: 'muted', id: 'ops-head' });
    this.standbys = make('p', { className: 'muted', id: 'ops-standbys' });
    this.words = make('p', { className: 'muted', id: 'ops-words' });
    this.figures = make('dl', { className: 'figures', id: 'ops-figures' });
    this.orders = new Orders(app.now);
    this.alarms = new AlarmList(alarm => this.orders.resolve(alarm));
    this.partitions = new Matrix('ops-matrix', cell => this.tellPartition(cell));
    this.shards = new Matrix('ops-shards', cell => this.tellShard(cell));
    this.tables = this.makeTables();
    this.parts = {};
    section.append(this.title, this.head, this.standbys, this.figures, this.part('alarms', this.alarms.element), this.part('members', this.tables.members.element),
      this.part('partitions', this.partitions.element, this.folded('partition_list')), this.part('shards', this.shards.element, this.folded('shard_list')),
      this.part('quota', this.tables.quota.element), this.part('sources', this.tables.sources.element), this.part('moves', this.tables.moves.element), this.part('audit', this.orders.audit.element), this.words);
    section.classList.add('ops');
  }

  part(id, ...content) {
    const title = make('h3'), note = make('p', { className: 'muted' }), part = make('div', { className: 'part', id: `ops-part-${id}` });
    part.append(title, note, ...content);
    this.parts[id] = { title, note };
    return part;
  }

  folded(id) {
    const box = make('details', { className: 'data-table', id: `ops-${id}` });
    box.append(make('summary'), this.tables[id].element);
    box.addEventListener('toggle', () => this.draw());
    this[`${id}_box`] = box;
    return box;
  }

  makeTables() {
    const now = row => this.view.at_ms - row;
    const bad = row => (row.phase === 'stopped' || row.phase === 'unassigned' ? 'bad' : '');
    return {
      members: new LiveTable([
        { id: 'id', cell: m => m.id }, { id: 'role', left: true, cell: m => text.ops.roles[m.role] ?? m.role },
        { id: 'state', left: true, cell: m => (text.ops.states[m.state] ?? m.state) + (m.drained_by ? ` (${m.drained_by})` : ''), mark: m => (m.state === 'live' ? '' : 'bad') },
        { id: 'heartbeat', cell: m => span(m.heartbeat_age_ms + this.age()) }, { id: 'held', cell: m => count(m.held) },
        { id: 'rate', cell: m => (m.role === 'worker' ? rate(m.records_per_s) : NONE) }, { id: 'lag', cell: m => (m.role === 'worker' ? count(m.lag) : NONE) },
        { id: 'commit', cell: m => commitOf(m) }, { id: 'calls', cell: m => (m.role === 'fetcher' && m.since_start ? `${count(m.since_start.calls_refused)} / ${count(m.since_start.calls_failed)}` : NONE) },
        { id: 'load', cell: m => (m.load_percent >= 0 ? `${format.number(m.load_percent, 0)} %` : NONE) }, { id: 'capacity', cell: m => count(m.capacity) },
        { id: 'host', left: true, cell: m => [m.host, m.zone].filter(Boolean).join(', ') || NONE }, { id: 'version', left: true, cell: m => m.version || NONE }, this.orders.column()], m => `${m.role} ${m.id}`),
      partition_list: new LiveTable([
        { id: 'partition', cell: p => String(p.partition) }, { id: 'owner', left: true, cell: p => p.owner || text.ops.nobody, mark: bad }, { id: 'phase', left: true, cell: p => text.ops.phases[p.phase] ?? p.phase, mark: bad },
        { id: 'lag', cell: p => count(p.lag) }, { id: 'lagTime', cell: p => span(p.lag_ms) }, { id: 'rate', cell: p => rate(this.rates.of(p.partition)) },
        { id: 'watermark', cell: p => when(p.watermark_ms) }, { id: 'watermarkAge', cell: p => span(watermarkAge(this.view, p)) }, { id: 'progress', cell: p => span(p.progress_age_ms) },
        { id: 'offset', cell: p => count(p.offset) }, { id: 'reason', left: true, cell: p => p.reason || NONE }], p => p.partition),
      shard_list: new LiveTable([
        { id: 'shard', cell: s => String(s.shard) }, { id: 'owner', left: true, cell: s => s.owner || text.ops.nobody, mark: s => (s.owner ? '' : 'bad') }, { id: 'cities', cell: s => count(s.cities) },
        { id: 'failing', cell: s => count(s.failing), mark: s => (s.failing > 0 ? 'bad' : '') }, { id: 'since', cell: s => (s.since > 0 ? span(now(s.since)) : NONE) }, { id: 'reason', left: true, cell: s => s.reason || NONE }], s => s.shard),
      quota: new LiveTable([
        { id: 'account', cell: q => q.account + (q.plan ? ` (${q.plan})` : '') }, { id: 'window', left: true, cell: q => text.ops.windows[q.window] ?? q.window }, { id: 'spent', cell: q => rate(q.spent) },
        { id: 'open', cell: q => rate(q.open) }, { id: 'limit', cell: q => count(q.limit) }, { id: 'used', cell: q => (q.limit > 0 ? `${format.number(100 * q.spent / q.limit, 0)} %` : NONE), mark: q => (q.spent >= q.limit ? 'bad' : '') },
        { id: 'eases', cell: q => (q.eases_ms > 0 ? text.ops.within(span(q.eases_ms - this.view.at_ms)) : NONE) },
        { id: 'refused', left: true, cell: q => (q.limited_ms > 0 ? text.ops.refused(span(q.limited_ms)) : text.ops.notRefused), mark: q => (q.limited_ms > 0 ? 'bad' : '') }, { id: 'losses', cell: q => count(q.losses) }],
      q => `${q.account} ${q.window}`),
      sources: new LiveTable([
        { id: 'source', cell: s => text.providers[s.source] ?? s.source }, ...['observed', 'fetched', 'produced', 'committed'].map(stage => ({ id: stage, cell: s => (s[`${stage}_age_ms`] < 0 ? NONE : text.ago(span(s[`${stage}_age_ms`] + this.age()))) })),
        { id: 'alarms', left: true, cell: s => this.alarmsOfSource(s.source).map(a => text.ops.sourceAlarms[a.name] ?? a.name).join(', ') || text.ops.none, mark: s => (this.alarmsOfSource(s.source).length ? 'bad' : '') }], s => s.source),
      moves: new LiveTable([
        { id: 'at', cell: m => when(m.at_ms) }, { id: 'age', cell: m => text.ago(span(now(m.at_ms) + this.age())) }, { id: 'what', left: true, cell: m => `${text.ops.kinds[m.kind] ?? m.kind} ${m.index}` },
        { id: 'from', left: true, cell: m => m.from || text.ops.nobody }, { id: 'to', left: true, cell: m => m.to || text.ops.nobody }, { id: 'reason', left: true, cell: m => m.reason || NONE }], m => `${m.at_ms} ${m.kind} ${m.index} ${m.from} ${m.to}`),
    };
  }

  // ---- what the page calls

  show() { this.draw(); }
  hide() {}
  catalogue() {}
  take() {}

  labels() {
    const t = text.ops;
    this.title.textContent = t.title;
    for (const [id, { title, note }] of Object.entries(this.parts)) {
      title.textContent = t.parts[id];
      note.textContent = t.notes[id] ?? '';
      note.hidden = !note.textContent;
    }
    this.words.textContent = t.words;
    for (const [id, table] of Object.entries(this.tables)) table.labels(t.tables[id], t.heads, t.nothing[id]);
    for (const id of ['partition_list', 'shard_list']) this[`${id}_box`].firstElementChild.textContent = t.asTable;
    this.partitions.box.setAttribute('aria-label', t.matrix);
    this.shards.box.setAttribute('aria-label', t.shardMatrix);
    this.orders.labels(t.heads);
    this.alarms.labels();
    this.draw();
  }

  // A view of the leader, its age in `age_ms`; null: the server has none, and one that was there only grows old (the server
  // may have just begun).
  cluster(view) {
    this.asked = true;
    if (!view && this.view) return;
    this.view = view;
    this.heard = this.app.now();
    if (view) this.rates.take(view);
    this.draw();
  }

  // How old the view is now, ms.
  age() { return this.view ? this.view.age_ms + Math.max(0, this.app.now() - this.heard) : 0; }

  problems() { return this.asked ? alarmsOf(this.view, this.age()) : []; }

  // What the navigation says of this view: {count, words}.
  badge() {
    const n = this.problems().length;
    return { count: n, words: text.ops.badge(n) };
  }

  tick(now, lost) {
    this.section.classList.toggle('old', lost || this.age() > OLD_MS);
    this.say();
    if (this.view) this.alarms.update(this.problems(), this.app.now());
    this.orders.tick();
  }

  // ---- drawing

  alarmsOfSource(source) {
    return (this.view.alarms ?? []).filter(a => a.source === source || a.source === `${source}-air`);
  }

  say() {
    const t = text.ops, v = this.view;
    const words = !this.asked ? t.waiting : !v ? t.noView : t.head(v.leader, v.endpoint, v.term, format.span(this.age()));
    if (this.head.textContent !== words) this.head.textContent = words;
    const others = v?.standbys ? t.standbys(v.standbys.map(s => `${s.id} (${s.endpoint})`)) : '';
    if (this.standbys.textContent !== others) this.standbys.textContent = others;
  }

  draw() {
    if (this.section.hidden || !text.ops) return;
    this.say();
    this.alarms.update(this.problems(), this.app.now());
    for (const part of this.section.querySelectorAll('.part:not(#ops-part-alarms)')) part.hidden = !this.view || (part.id === 'ops-part-audit' && !mayCommand());
    this.figures.hidden = !this.view;
    if (!this.view) return;
    const v = this.view;
    this.tables.members.update([...v.members].sort((a, b) => b.role.localeCompare(a.role) || a.id.localeCompare(b.id, 'en', { numeric: true })));
    this.tables.quota.update(v.quota.accounts.flatMap(a => a.windows.map(w => ({ ...a, ...w }))));
    this.tables.sources.update(v.sources ?? []);
    this.tables.moves.update(v.rebalances);
    for (const id of ['partition_list', 'shard_list']) if (this[`${id}_box`].open) this.tables[id].update(v[id]);
    this.partitions.update(v.partition_list.map(p => ({ ...p, state: p.phase === 'running' && p.lag > 0 && p.lag_ms > LAGGING_MS ? 'lagging' : p.phase })),
      ownersOf(v.partition_list, v.members, 'worker'), text.ops.nobody);
    this.shards.update(v.shard_list.map(s => ({ ...s, state: !s.owner ? 'unassigned' : s.failing > 0 ? 'failing' : 'running' })), ownersOf(v.shard_list, v.members, 'fetcher'), text.ops.nobody);
    this.drawFigures(v);
  }

  drawFigures(v) {
    const known = v.partition_list.filter(p => p.phase === 'running'), most = list => (list.length ? Math.max(...list) : undefined);
    const workers = v.members.filter(m => m.role === 'worker'), live = v.members.filter(m => m.state === 'live').length;
    const figures = { running: `${count(known.length)} / ${count(v.partition_list.length)}`, members: `${count(live)} / ${count(v.members.length)}`,
      rate: rate(workers.reduce((sum, m) => sum + m.records_per_s, 0)), lag: count(known.reduce((sum, p) => sum + Math.max(p.lag, 0), 0)),
      lagTime: span(most(known.map(p => p.lag_ms))), watermarkAge: span(most(known.map(p => watermarkAge(v, p)).filter(a => a !== undefined))),
      commit: commitMs(most(workers.filter(m => m.since_start?.commits > 0).map(m => m.since_start.commit_p99_ms))) };
    if (this.figures.children.length === 0) {
      for (const name of Object.keys(figures)) {
        const box = make('div');
        box.append(make('dt'), make('dd'));
        box.dataset.figure = name;
        this.figures.append(box);
      }
    }
    for (const box of this.figures.children) {
      const { figure } = box.dataset;
      for (const [e, words] of [[box.firstChild, text.ops.figures[figure]], [box.lastChild, figures[figure]]]) if (e.textContent !== words) e.textContent = words;
    }
  }

  tellPartition(p) {
    if (!p) return text.ops.matrixHint;
    return text.ops.tellPartition(p.partition, text.ops.phases[p.phase] ?? p.phase, p.owner || text.ops.nobody, count(p.lag), span(p.lag_ms), rate(this.rates.of(p.partition)), span(watermarkAge(this.view, p)), p.reason);
  }

  tellShard(s) {
    return s ? text.ops.tellShard(s.shard, s.owner || text.ops.nobody, count(s.cities), count(s.failing), s.reason) : text.ops.shardHint;
  }
}
