// Doubles for the tests of `syncline/fullcalendar`. The calendar's double does what was observed of
// FullCalendar 6 and 7: see the comments at each of its peculiarities.

import assert from 'node:assert/strict';

export class FakeEvent {
  constructor(calendar, input, sourceId) {
    this.calendar = calendar;
    this.id = String(input.id ?? '');
    this.title = input.title ?? '';
    this.allDay = input.allDay === true;
    this.sourceId = sourceId;
    this.extendedProps = { ...input.extendedProps };
    this.props = 'editable' in input ? { editable: input.editable } : {};
    this.range = { start: input.start, end: input.end ?? null };
    const classes = (input.className ?? '').split(' ').filter(Boolean);
    if (calendar.version === 6) this.classNames = classes;
    else this.className = classes.join(' ');
    this.color = input.color ?? '';
  }

  get source() {
    return this.sourceId === null ? null : { id: this.sourceId };
  }

  get start() {
    return asDate(this.range.start);
  }

  get end() {
    return asDate(this.range.end);
  }

  get startStr() {
    return asText(this.range.start, this.allDay);
  }

  get endStr() {
    return this.range.end === null ? '' : asText(this.range.end, this.allDay);
  }

  setProp(name, value) {
    this.calendar.log.push(['setProp', this.id, name, value]);
    if (name === 'title') this.title = value;
    else if (name === 'color') this.color = value;
    else if (name === 'className' && this.calendar.version === 7) this.className = value;
    else if (name === 'classNames' && this.calendar.version === 6) this.classNames = value;
    // T10: version 6 takes `className` without effect, version 7 `classNames`.
    else this.props[name] = value;
    this.calendar.changed(this);
  }

  setExtendedProp(name, value) {
    this.calendar.log.push(['setExtendedProp', this.id, name]);
    this.extendedProps[name] = value;
    this.calendar.changed(this);
  }

  setDates(start, end, { allDay } = {}) {
    this.calendar.log.push(['setDates', this.id]);
    // T11: an event that the user may not move doesn't move for anybody.
    if (this.props.editable === false) return;
    this.range = { start, end };
    if (allDay !== undefined) this.allDay = allDay;
    this.calendar.changed(this);
  }

  remove() {
    this.calendar.log.push(['remove', this.id]);
    this.calendar.events = this.calendar.events.filter((event) => event !== this);
  }
}

function asDate(value) {
  if (value === null || value instanceof Date) return value;
  const [year, month, day] = value.split('-').map(Number);
  return new Date(year, month - 1, day);
}

function asText(value, allDay) {
  if (typeof value === 'string') return value;
  const pad = (number) => String(number).padStart(2, '0');
  const date = `${value.getFullYear()}-${pad(value.getMonth() + 1)}-${pad(value.getDate())}`;
  return allDay ? date : `${date}T${pad(value.getHours())}:${pad(value.getMinutes())}:00`;
}

export class FakeCalendar {
  events = [];
  sources = [];
  handlers = new Map();
  log = [];
  fetches = 0;

  constructor(range, version = 7) {
    this.version = version;
    this.range = range;
  }

  on(name, handler) {
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler]);
  }

  off(name, handler) {
    const left = (this.handlers.get(name) ?? []).filter((other) => other !== handler);
    this.handlers.set(name, left);
  }

  trigger(name, info) {
    for (const handler of this.handlers.get(name) ?? []) handler(info);
  }

  /** T1: `eventChange` fires for every change, also for those that the adapter paints. */
  changed(event) {
    this.trigger('eventChange', { event });
  }

  getOption(name) {
    return name === 'defaultTimedEventDuration' ? '01:30:00' : undefined;
  }

  addEventSource(source) {
    this.sources.push(source);
    this.fetch(source);
    return {
      id: source.id,
      remove: () => {
        this.sources = this.sources.filter((other) => other !== source);
        this.events = this.events.filter((event) => event.sourceId !== source.id);
      },
    };
  }

  fetch(source) {
    this.fetches += 1;
    source.events(this.range, (inputs) => {
      this.events = this.events.filter((event) => event.sourceId !== source.id);
      this.events.push(...inputs.map((input) => new FakeEvent(this, input, source.id)));
    });
  }

  show(range) {
    this.range = range;
    for (const source of this.sources) this.fetch(source);
  }

  addEvent(input, sourceId = null) {
    this.log.push(['addEvent', String(input.id)]);
    const event = new FakeEvent(this, input, sourceId);
    this.events.push(event);
    return event;
  }

  getEventById(id) {
    return this.events.find((event) => event.id === String(id)) ?? null;
  }

  /** A drag as FullCalendar does it: start; in between, anything; stop; then the drop. */
  drag(id, change, { during = () => {}, kind = 'Drag', related = [] } = {}) {
    const event = this.getEventById(id);
    this.trigger(`event${kind}Start`, { event });
    const snapshot = { ...event, range: { ...event.range } };
    during();
    // T10: the stop comes before the drop.
    this.trigger(`event${kind}Stop`, { event });
    // T4: the drop merges what was there at the start, whether or not it still exists.
    if (!this.events.includes(event)) this.events.push(event);
    event.title = snapshot.title;
    event.className = snapshot.className;
    Object.assign(event, change);
    const revert = () => assert.fail('revert() was called');
    const info = { event, relatedEvents: related, revert };
    this.trigger(kind === 'Drag' ? 'eventDrop' : 'eventResize', info);
    this.changed(event);
  }
}

export class FakeRecord {
  constructor(store, data) {
    Object.assign(this, { isPending: false, syncError: null, sets: [] }, data);
    Object.defineProperty(this, 'store', { value: store });
  }

  set(values) {
    if (!this.store.records.has(this.key)) throw new Error('the record is gone');
    this.sets.push(values);
    Object.assign(this, values, { isPending: true });
    this.store.emit('local', 'update', this);
  }
}

export class FakeStore {
  records = new Map();
  listeners = new Set();
  held = 0;
  queue = [];
  added = [];

  constructor(rows = []) {
    for (const row of rows) this.records.set(row.key, new FakeRecord(this, row));
  }

  range(start, end) {
    const rows = [...this.records.values()];
    return rows.filter((row) => row.startDate < end && (row.endDate ?? row.startDate) >= start);
  }

  get(key) {
    assert.equal(typeof key, 'string');
    return this.records.get(key);
  }

  add(data) {
    const record = new FakeRecord(this, { key: `n${this.records.size}`, isPending: true, ...data });
    this.records.set(record.key, record);
    this.added.push(data);
    this.emit('local', 'add', record);
    return [record];
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  hold(key) {
    assert.equal(key, '*');
    this.held += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.held -= 1;
      if (this.held === 0) for (const work of this.queue.splice(0)) work();
    };
  }

  /** A change by the server, which waits while the store is held. */
  remote(change) {
    if (this.held > 0) this.queue.push(change);
    else change();
  }

  update(key, values, origin = 'remote') {
    const record = this.records.get(key);
    if (!record) return;
    Object.assign(record, values);
    this.emit(origin, 'update', record);
  }

  remove(key, origin = 'remote') {
    const record = this.records.get(key);
    this.records.delete(key);
    this.emit(origin, 'remove', record);
  }

  emit(origin, op, record) {
    const reset = op === 'reset';
    const change = { key: record?.key ?? '', op, record: op === 'remove' ? null : record };
    const batch = { origin, changes: reset ? [] : [change], reset };
    for (const listener of this.listeners) listener(batch);
  }
}
