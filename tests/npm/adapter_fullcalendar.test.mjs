// `syncline/fullcalendar` with doubles of both sides, one test for each trap of such adapters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bindFullCalendar } from 'syncline/fullcalendar';
import { FakeCalendar, FakeEvent, FakeRecord, FakeStore } from './support/fullcalendar.mjs';

const at = (day, hour = 0, minute = 0) => new Date(2026, 10, day, hour, minute);
const WEEK = { start: at(16), end: at(23) };

const MEETING = {
  key: 'a', name: 'Meeting', startDate: at(17, 9), endDate: at(17, 10), eventColor: '#123456',
};
const REVIEW = { key: 'b', name: 'Review', startDate: at(18, 14), endDate: at(18, 15) };

function setUp({ rows = [MEETING, REVIEW], version = 7, options = {} } = {}) {
  const calendar = new FakeCalendar(WEEK, version);
  const store = new FakeStore(rows.map((row) => ({ ...row })));
  const unbind = bindFullCalendar(calendar, store, options);
  calendar.log.length = 0;
  return { calendar, store, unbind };
}

const moved = (day, from, to) => ({ range: { start: at(day, from), end: at(day, to) } });

test('the records of the shown range become events with their keys as ids', () => {
  const { calendar } = setUp({
    rows: [MEETING, REVIEW, { key: 'z', name: 'Later', startDate: at(27, 9), endDate: at(27, 10) }],
  });
  assert.deepEqual(calendar.events.map((event) => event.id), ['a', 'b']);
  const [event] = calendar.events;
  assert.deepEqual([event.title, event.color, event.allDay], ['Meeting', '#123456', false]);
  assert.deepEqual([event.start, event.end], [at(17, 9), at(17, 10)]);
});

test('a drop writes the new dates into the record once, and nothing echoes', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12));
  await sleep(5);
  const { sets } = store.get('a');
  assert.deepEqual(sets, [{ startDate: at(18, 11), endDate: at(18, 12), allDay: false }]);
});

test('a resize writes the new end', () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(17, 9, 12), { kind: 'Resize' });
  assert.deepEqual(store.get('a').endDate, at(17, 12));
});

test('a change by the server is painted and not written back', () => {
  const { calendar, store } = setUp();
  store.update('a', { name: 'Renamed', startDate: at(19, 9), endDate: at(19, 10) });
  const event = calendar.getEventById('a');
  assert.deepEqual([event.title, event.start], ['Renamed', at(19, 9)]);
  assert.deepEqual(store.get('a').sets, []);
});

test('a change touches its own event alone, and only what differs, without a refetch', () => {
  const { calendar, store } = setUp();
  const { fetches } = calendar;
  store.update('a', { name: 'Renamed' });
  assert.deepEqual(calendar.log, [['setProp', 'a', 'title', 'Renamed']]);
  assert.equal(calendar.fetches, fetches);
});

test('what the server refuses goes back by the store, never by revert', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12));
  await sleep(5);
  const refusal = { ...MEETING, isPending: false, syncError: 'This event is locked' };
  store.update('a', refusal, 'rollback');
  const event = calendar.getEventById('a');
  assert.deepEqual([event.start, event.end], [at(17, 9), at(17, 10)]);
  assert.equal(event.className, 'syncline-error');
});

test('an unconfirmed record is marked until it is confirmed', () => {
  const { calendar, store } = setUp({ options: { pendingClass: 'hatched' } });
  store.get('a').set({ name: 'Mine' });
  assert.equal(calendar.getEventById('a').className, 'hatched');
  store.update('a', { isPending: false });
  assert.equal(calendar.getEventById('a').className, '');
});

test('version 6 gets its class names as an array under its own name', () => {
  const { calendar, store } = setUp({ version: 6 });
  store.get('a').set({ name: 'Mine' });
  assert.deepEqual(calendar.getEventById('a').classNames, ['syncline-pending']);
  assert.deepEqual(calendar.getEventById('a').props, {});
});

test('while the user drags, the store is held, and let go only after the drop', async () => {
  const { calendar, store } = setUp();
  let startAtDrop;
  calendar.on('eventDrop', () => (startAtDrop = store.get('a').startDate));
  calendar.drag('a', moved(18, 11, 12), {
    during: () => {
      assert.equal(store.held, 1);
      store.remote(() => store.update('a', { name: 'By the server' }));
      store.remote(() => store.update('b', { name: 'Also' }));
      assert.equal(calendar.getEventById('b').title, 'Review');
    },
  });
  assert.equal(store.held, 1, 'the drop is still being handled');
  assert.deepEqual(startAtDrop, at(18, 11), 'the drop came before what was held back');
  await sleep(5);
  assert.equal(store.held, 0);
  assert.equal(calendar.getEventById('b').title, 'Also');
  assert.equal(calendar.getEventById('a').title, 'By the server');
  assert.deepEqual(calendar.getEventById('a').start, at(18, 11));
});

test('a second drag right after the first keeps the store held', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12));
  const event = calendar.getEventById('b');
  calendar.trigger('eventDragStart', { event });
  await sleep(5);
  assert.equal(store.held, 1);
  calendar.trigger('eventDragStop', { event });
  await sleep(5);
  assert.equal(store.held, 0);
});

test('a record deleted in mid-drag leaves no ghost and no error', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12), { during: () => store.remove('a', 'local') });
  await sleep(5);
  assert.equal(calendar.getEventById('a'), null);
  assert.deepEqual(calendar.events.map((event) => event.id), ['b']);
});

test('a record that the server deletes in mid-drag disappears after the drop', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12), { during: () => store.remote(() => store.remove('a')) });
  assert.notEqual(calendar.getEventById('a'), null);
  await sleep(5);
  assert.equal(calendar.getEventById('a'), null);
});

test('what changed in mid-drag is not overwritten by the event as it was at its start', async () => {
  const { calendar, store } = setUp();
  calendar.drag('a', moved(18, 11, 12), {
    during: () => store.update('a', { name: 'Renamed elsewhere' }, 'local'),
  });
  await sleep(5);
  assert.equal(calendar.getEventById('a').title, 'Renamed elsewhere');
});

test('an error of the record is thrown, but not into the calendar', (t) => {
  const { calendar, store } = setUp();
  const later = t.mock.method(globalThis, 'queueMicrotask', () => {});
  store.get('a').set = () => {
    throw new Error('no such field');
  };
  calendar.drag('a', moved(18, 11, 12));
  assert.equal(later.mock.callCount(), 1);
  assert.throws(later.mock.calls[0].arguments[0], /no such field/);
  assert.deepEqual(calendar.getEventById('a').start, at(17, 9), 'it stands where the record is');
});

test('onError hears why the store refused what the user did, once the event is back', (t) => {
  const later = t.mock.method(globalThis, 'queueMicrotask', () => {});
  const heard = [];
  const onError = (error, record) => {
    heard.push([error.code, record?.key ?? null, calendar.getEventById('a').start]);
    if (heard.length > 2) throw new Error('of the hook');
  };
  const { calendar, store } = setUp({ options: { onError } });
  const refuse = () => {
    throw Object.assign(new Error('Alice is editing this record'), { code: 'LOCKED' });
  };
  store.get('a').set = refuse;
  store.add = refuse;
  calendar.drag('a', moved(18, 11, 12));
  const event = calendar.addEvent({ title: 'From the list', start: at(19, 9), end: at(19, 10) });
  calendar.trigger('eventReceive', { event });
  assert.deepEqual(heard, [['LOCKED', 'a', at(17, 9)], ['LOCKED', null, at(17, 9)]]);
  assert.equal(later.mock.callCount(), 0);
  assert.ok(!calendar.events.includes(event), 'its stand-in goes all the same');
  calendar.drag('a', moved(17, 9, 12), { kind: 'Resize' });
  assert.throws(later.mock.calls[0].arguments[0], /of the hook/);
});

test('an event that the user may not move follows its record all the same', () => {
  const held = new Set();
  const toEvent = (record, event) => ({ ...event, editable: !held.has(record.key) });
  const { calendar, store, unbind } = setUp({ options: { toEvent } });
  held.add('a');
  unbind.refresh(['a']);
  store.update('a', { startDate: at(19, 9), endDate: at(19, 10) });
  assert.deepEqual(calendar.getEventById('a').start, at(19, 9));
  store.update('a', { startDate: at(20, 9), endDate: null });
  assert.deepEqual([calendar.getEventById('a').start, calendar.getEventById('a').end], [at(20, 9), null]);
  // Free again at the same time as it moves.
  store.update('a', { startDate: at(18, 9), endDate: at(18, 10) });
  held.delete('a');
  calendar.log.length = 0;
  store.update('a', { startDate: at(21, 9), endDate: at(21, 10) });
  const events = calendar.events.filter(({ id }) => id === 'a');
  assert.deepEqual(events.map(({ start, end }) => [start, end]), [[at(21, 9), at(21, 10)]]);
});

test('a record added, changed or moved outside of the shown range costs nothing', () => {
  const { calendar, store } = setUp();
  store.add({ key: 'y', name: 'Next month', startDate: at(27, 9), endDate: at(27, 10) });
  store.update('y', { name: 'Still next month' });
  assert.deepEqual(calendar.log, []);
});

test('an event that leaves the range goes, and comes back with its range', () => {
  const { calendar, store } = setUp();
  store.update('a', { startDate: at(27, 9), endDate: at(27, 10) });
  assert.equal(calendar.getEventById('a'), null);
  calendar.show({ start: at(23), end: at(30) });
  assert.deepEqual(calendar.events.map((event) => event.id), ['a']);
});

test('a record that comes into the range appears', () => {
  const { calendar, store } = setUp();
  store.add({ key: 'n', name: 'New', startDate: at(20, 9), endDate: at(20, 10) });
  assert.equal(calendar.getEventById('n').title, 'New');
  assert.equal(calendar.getEventById('n').className, 'syncline-pending');
});

test('a load is compared with what is shown, and nothing is fetched anew', () => {
  const { calendar, store } = setUp();
  const { fetches } = calendar;
  store.records.delete('b');
  store.records.set('c', new FakeRecord(store, { ...REVIEW, key: 'c', name: 'Third' }));
  store.emit('load', 'reset', null);
  assert.deepEqual(calendar.events.map((event) => event.id), ['a', 'c']);
  assert.equal(calendar.fetches, fetches);
  assert.deepEqual(calendar.log, [['addEvent', 'c'], ['remove', 'b']]);
});

test('an all-day record passes as plain dates, in any zone and over a clock change', () => {
  const fair = { key: 'f', name: 'Fair', startDate: at(17), endDate: at(19), allDay: true };
  const short = { key: 's', name: 'Part', startDate: at(18), endDate: at(18, 17), allDay: true };
  const { calendar, store } = setUp({ rows: [fair, short] });
  assert.deepEqual(calendar.getEventById('f').range, { start: '2026-11-17', end: '2026-11-19' });
  assert.deepEqual(calendar.getEventById('s').range, { start: '2026-11-18', end: '2026-11-19' });
  calendar.drag('f', { range: { start: '2026-11-19', end: '2026-11-21' } });
  const [values] = store.get('f').sets;
  assert.deepEqual(values, { startDate: at(19), endDate: at(21), allDay: true });
});

test('an event dropped without an end gets the length with which it is shown', () => {
  const { calendar, store } = setUp();
  calendar.drag('a', { range: { start: at(18, 11), end: null } });
  assert.deepEqual(store.get('a').endDate, at(18, 12, 30));
  calendar.drag('a', { range: { start: '2026-11-19', end: null }, allDay: true });
  assert.deepEqual(store.get('a').endDate, at(20));
  assert.equal(store.get('a').allDay, true);
});

test('a timed event without an end, or with one before its start, is shown all the same', () => {
  const { calendar } = setUp({
    rows: [
      { key: 'p', name: 'Point', startDate: at(17, 9), endDate: null },
      { key: 'q', name: 'Odd', startDate: at(17, 9), endDate: at(17, 8) },
      { key: 'r', name: 'Nothing', startDate: null, endDate: null },
      { key: 't', name: 'Nonsense', startDate: new Date(NaN), endDate: null },
    ],
  });
  const shown = calendar.events.map((event) => [event.id, event.end]);
  assert.deepEqual(shown, [['p', null], ['q', null]]);
});

test('events that move along with the dragged one are written too', () => {
  const { calendar, store } = setUp();
  const other = calendar.getEventById('b');
  other.range = { start: at(19, 14), end: at(19, 15) };
  calendar.drag('a', moved(18, 9, 10), { related: [other] });
  assert.deepEqual(store.get('b').startDate, at(19, 14));
});

test('events of other sources are left alone, also with a key of ours as their id', () => {
  const { calendar, store } = setUp();
  const foreign = calendar.addEvent({ id: 'x', title: 'Holiday', start: at(18, 9) }, 'holidays');
  calendar.trigger('eventDrop', { event: foreign, relatedEvents: [] });
  assert.ok(calendar.events.includes(foreign));
  foreign.id = 'c';
  store.add({ key: 'c', name: 'Ours', startDate: at(18, 9), endDate: at(18, 10) });
  store.remove('c');
  assert.ok(calendar.events.includes(foreign));
});

test('an event dragged in from outside becomes a record, and its stand-in goes', () => {
  const { calendar, store } = setUp();
  const event = calendar.addEvent({ title: 'From the list', start: at(19, 9), end: at(19, 10) });
  calendar.trigger('eventReceive', { event });
  assert.deepEqual(store.added, [
    { name: 'From the list', startDate: at(19, 9), endDate: at(19, 10), allDay: false },
  ]);
  const titles = calendar.events.filter((other) => other.title === 'From the list');
  assert.equal(titles.length, 1);
  assert.notEqual(titles[0], event);
});

test('toEvent completes events and leaves records out, and refresh asks it again', () => {
  let hidden = 'b';
  const toEvent = (record, event) =>
    record.key === hidden ? null : { ...event, editable: false, extendedProps: { hidden } };
  const { calendar, unbind } = setUp({ options: { toEvent } });
  assert.deepEqual(calendar.events.map((event) => event.id), ['a']);
  hidden = 'a';
  unbind.refresh();
  assert.deepEqual(calendar.events.map((event) => event.id), ['b']);
  hidden = 'nobody';
  unbind.refresh(['b']);
  assert.deepEqual(calendar.events.map((event) => event.id), ['b']);
  assert.deepEqual(calendar.getEventById('b').extendedProps, { hidden: 'nobody' });
});

test('toValues completes what is written, or refuses it at once', () => {
  const toValues = (values, event, record) =>
    record?.key === 'b' ? null : { ...values, manuallyScheduled: true };
  const { calendar, store } = setUp({ options: { toValues } });
  calendar.drag('a', moved(18, 11, 12));
  assert.equal(store.get('a').sets[0].manuallyScheduled, true);
  calendar.drag('b', moved(19, 11, 12));
  assert.deepEqual(store.get('b').sets, []);
  assert.deepEqual(calendar.getEventById('b').start, at(18, 14));
});

test('several changes are painted in one go where the calendar can', () => {
  const calendar = new FakeCalendar(WEEK);
  let depth = 0;
  calendar.batchRendering = (paint) => {
    depth += 1;
    paint();
    depth -= 1;
  };
  const setProp = FakeEvent.prototype.setProp;
  const depths = [];
  FakeEvent.prototype.setProp = function (...args) {
    depths.push(depth);
    setProp.apply(this, args);
  };
  const store = new FakeStore([{ ...MEETING }]);
  bindFullCalendar(calendar, store);
  store.update('a', { name: 'Renamed', eventColor: '#654321' });
  FakeEvent.prototype.setProp = setProp;
  assert.deepEqual(depths, [1, 1]);
});

test('after unbinding nothing is shown, heard or held any more', async () => {
  const { calendar, store, unbind } = setUp();
  const record = store.get('a');
  calendar.trigger('eventDragStart', { event: calendar.getEventById('a') });
  assert.equal(store.held, 1);
  const event = calendar.getEventById('a');
  unbind();
  unbind();
  unbind.refresh();
  assert.equal(store.held, 0);
  assert.deepEqual(calendar.events, []);
  assert.equal(store.listeners.size, 0);
  event.range = { start: at(20, 9), end: at(20, 10) };
  calendar.trigger('eventDrop', { event, relatedEvents: [] });
  assert.deepEqual(record.sets, []);
  store.update('a', { name: 'Unseen' });
  await sleep(5);
  assert.deepEqual(calendar.events, []);
});

test('two calendars on one store show each other’s changes', () => {
  const { calendar, store } = setUp();
  const second = new FakeCalendar(WEEK);
  bindFullCalendar(second, store);
  calendar.drag('a', moved(18, 11, 12));
  assert.deepEqual(second.getEventById('a').start, at(18, 11));
});
