// Dates without an offset belong to the zone of the host: each zone needs a process of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './support/package.mjs';

const PROGRAM = `
  import { Store, init } from 'syncline';
  await init();
  const pad = (n, to = 2) => String(n).padStart(to, '0');
  const fields = [
    'id', { name: 'at', type: 'date' }, { name: 'day', type: 'date', format: 'YYYY-MM-DD' },
    { name: 'stamp', type: 'date', format: 'YYYY-MM-DD HH:mm:ss' },
  ];
  const rows = [];
  const expected = [];
  for (let year = 1971; year < 2037; year += 5) {
    for (let day = 0; day < 366; day++) {
      const d = new Date(Date.UTC(year, 0, 1 + day));
      const date = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
      const hour = (day * 7) % 24;
      const minute = (day * 13) % 60;
      const text = pad(date[0], 4) + '-' + pad(date[1] + 1) + '-' + pad(date[2]);
      const time = pad(hour) + ':' + pad(minute) + ':00';
      rows.push({ id: rows.length, at: text + (day % 2 ? ' ' : 'T') + time, day: text, stamp: text + ' ' + time });
      expected.push([new Date(...date, hour, minute).getTime(), new Date(...date).getTime()]);
    }
  }
  const store = new Store({ id: 'd', fields, data: rows });
  const wrong = [];
  for (const record of store) {
    const [at, day] = expected[record.id];
    if (record.at.getTime() !== at || record.day.getTime() !== day || record.stamp.getTime() !== at) {
      wrong.push([rows[record.id].at, record.at.toISOString(), new Date(at).toISOString()]);
    }
  }
  console.log(JSON.stringify({ checked: rows.length, wrong: wrong.slice(0, 5), count: wrong.length }));
`;

for (const zone of [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Africa/Casablanca',
]) {
  test(`texts without an offset are read in ${zone} as Date does`, async () => {
    const env = { ...process.env, TZ: zone };
    const args = ['--input-type=module', '--eval', PROGRAM];
    const { checked, wrong, count } = JSON.parse(await run(process.execPath, args, { env }));
    assert.deepEqual(wrong, [], `${count} of ${checked} are wrong`);
  });
}

test('a plain date never shifts by a day on its way to the server and back', async () => {
  const program = `
    import { CrudManager, Store, init } from 'syncline';
    await init();
    const format = 'YYYY-MM-DD';
    const days = ['2026-03-08', '2026-03-29', '2026-10-25', '2026-11-01', '2026-12-31', '2024-02-29'];
    const store = new Store({ id: 'd', fields: ['id', 'n', { name: 'day', type: 'date', format }] });
    const manager = new CrudManager({ crudStores: [store], writeAllFields: true });
    store.loadData(days.map((day, id) => ({ id, day, n: 0 })));
    for (const record of store) record.n = 1;
    const echoed = manager.changes.d.updated.map(({ day }) => day);
    manager.acceptChanges();
    for (const record of store) record.day = new Date(record.day.getFullYear(), record.day.getMonth(), record.day.getDate() + 1, 23, 59);
    const late = manager.changes.d.updated.map(({ day }) => day);
    for (const record of store) record.day = new Date(record.day.getFullYear(), record.day.getMonth(), record.day.getDate() - 1, 0, 1);
    const back = manager.changes;
    console.log(JSON.stringify({ days, echoed, late, back }));
    manager.destroy();
  `;
  for (const TZ of [
    'Pacific/Auckland',
    'America/Los_Angeles',
    'Europe/London',
    'America/Sao_Paulo',
  ]) {
    const args = ['--input-type=module', '--eval', program];
    const said = await run(process.execPath, args, { env: { ...process.env, TZ } });
    const { days, echoed, late, back } = JSON.parse(said);
    assert.deepEqual(echoed, days, TZ);
    const next = (day) => new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
    assert.deepEqual(late, days.map(next), TZ);
    // The same day at another hour is no change.
    assert.equal(back, null, TZ);
  }
});
