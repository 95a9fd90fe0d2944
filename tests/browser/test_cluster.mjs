// What the page concludes of the leader's view: alarms and their commands, and throughput.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ailment, alarmsOf, commandsOf, ownersOf, Rates, watermarkAge } from '../../dashboard/web/src/cluster.js';

const running = (partition, more = {}) => ({ partition, owner: 'worker-1', phase: 'running', alarm: '', lag: 0, lag_ms: 0, progress_age_ms: 20, offset: 100, watermark_ms: 0, ...more });
const viewOf = (partition_list, more = {}) => ({ term: 1, at_ms: 1e6, members: [], partition_list, alarms: [], ...more });

test('the commands of an alarm are those that it names, each once', () => {
  assert.deepEqual(commandsOf('the log is gone; isobarctl partition reset 3 --to low'), ['isobarctl partition reset 3 --to low']);
  assert.deepEqual(commandsOf('rules 7; what there is: isobarctl rules versions; or isobarctl rules set, then isobarctl partition resume 12'),
    ['isobarctl rules versions', 'isobarctl rules set', 'isobarctl partition resume 12']);
  assert.deepEqual(commandsOf('isobarctl partition resume 1, isobarctl partition resume 1'), ['isobarctl partition resume 1']);
  for (const words of ['', 'isobarctl partition reset $(reboot)', 'isobarctl partition resume all', 'rm -rf /; isobarctl']) assert.deepEqual(commandsOf(words), [], words);
});

test('what ails a partition', () => {
  assert.equal(ailment(running(0)), undefined);
  assert.equal(ailment(running(0, { phase: 'acquiring', owner: 'w' })), undefined);
  assert.equal(ailment(running(0, { phase: 'unassigned', owner: '' })), 'unowned');
  assert.equal(ailment(running(0, { phase: 'stopped' })), 'stopped');
  assert.equal(ailment(running(0, { alarm: 'x' })), 'stopped');
  assert.equal(ailment(running(0, { lag: 1, progress_age_ms: 10001 })), 'stalled');
  assert.equal(ailment(running(0, { lag: 1, progress_age_ms: 10000 })), undefined);
  assert.equal(ailment(running(0, { lag: 0, progress_age_ms: 99999 })), undefined, 'there is nothing to read');
});

test('alarms, the gravest first', () => {
  assert.deepEqual(alarmsOf(null, 0).map(a => a.kind), ['noView']);
  assert.deepEqual(alarmsOf(viewOf([running(0)]), 5000), []);
  const view = viewOf([running(0, { lag: 5, progress_age_ms: 20000 }), running(1, { phase: 'stopped', alarm: 'repair it, then isobarctl partition resume 1' }),
    running(2, { phase: 'unassigned', owner: '' }), running(3, { phase: 'unassigned', owner: '' })],
  { members: [{ id: 'worker-2', state: 'suspect', heartbeat_age_ms: 1500 }, { id: 'worker-1', state: 'live' }],
    alarms: [{ name: 'source_stale', source: 'metar', member: 'fetcher-1', since: 5, text: 'old' }] });
  const found = alarmsOf(view, 5001);
  assert.deepEqual(found.map(a => a.key), ['noLeader', 'stopped 1', 'unowned', 'stalled 0', 'suspect worker-2', 'source_stale metar fetcher-1']);
  assert.deepEqual(found[1].commands, ['isobarctl partition resume 1']);
  assert.deepEqual(found[2].partitions, [2, 3]);
  assert.deepEqual(alarmsOf({ ...viewOf([running(0)]), alarms: undefined }, 0), [], 'a view of a version without alarms of sources');
});

test('throughput is that of half a minute, and unknown while it cannot be known', () => {
  const rates = new Rates(), at = (ms, offset, more) => rates.take(viewOf([running(0, { offset, ...more })], { at_ms: ms }));
  assert.equal(rates.of(0), undefined);
  at(0, 100);
  assert.equal(rates.of(0), undefined);
  at(2000, 120);
  assert.equal(rates.of(0), 10);
  at(2000, 900); // the same view again
  assert.equal(rates.of(0), 10);
  for (let s = 3; s <= 60; s++) at(s * 1000, 120 + (s - 2) * 50);
  assert.equal(rates.of(0), 50);
  at(61000, 5); // begun anew
  assert.equal(rates.of(0), undefined);
  at(62000, 0, { phase: 'stopped' });
  assert.equal(rates.of(0), undefined);
  assert.equal(rates.of(7), undefined);
  rates.take(viewOf([running(0)], { term: 2, at_ms: 10 })); // another leader, with another clock
  assert.equal(rates.of(0), undefined);
});

test('owners are in the order of their numbers, and one that is gone is still shown', () => {
  const list = [{ owner: 'worker-10' }, { owner: '' }, { owner: 'worker-9' }];
  assert.deepEqual(ownersOf(list, [{ id: 'worker-2', role: 'worker' }, { id: 'fetcher-1', role: 'fetcher' }], 'worker'), ['worker-2', 'worker-9', 'worker-10']);
  assert.equal(watermarkAge({ at_ms: 100 }, { watermark_ms: 0 }), undefined);
  assert.equal(watermarkAge({ at_ms: 100 }, { watermark_ms: 30 }), 70);
  assert.equal(watermarkAge({ at_ms: 100 }, { watermark_ms: 130 }), 0, 'of a simulated time that is ahead');
});
