// The real server, as a process with a database of its own.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = process.env.SYNCLINE_ROOT ?? join(import.meta.dirname, '..', '..');
const demo = join(root, 'www', 'dist');
const START_MS = 60_000;

/** Where the rows are that tests ask for. */
const STORES = {
  events: { project: 'calendar', store: 'events', table: 'events' },
  assignments: { project: 'calendar', store: 'assignments', table: 'event_assignments' },
  tasks: { project: 'taskboard', store: 'tasks', table: 'tasks' },
  taskAssignments: { project: 'taskboard', store: 'assignments', table: 'assignments' },
};

function binary() {
  const named = process.env.SYNCLINE_SERVER;
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const places = ['debug', 'release'].map((profile) => join(target, profile, 'syncline-server'));
  const found = named ?? places.find((path) => existsSync(path));
  if (!found) throw new Error('no syncline-server: cargo build --package syncline-server');
  return found;
}

/** A server that a test can kill and start again: on the same port, with the same file. */
export class TestServer {
  #child = null;
  #port = 0;
  #directory = mkdtempSync(join(tmpdir(), 'syncline-e2e-'));
  #pages = demo;

  get database() {
    return join(this.#directory, 'team.sqlite');
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /**
   * Starts a server in its own directory, which goes with the test. `pages`: the folder that it
   * serves, the demo unless told.
   */
  static async start(t, pages = demo) {
    const server = new TestServer();
    server.#pages = pages;
    t.after(() => server.#remove());
    await server.start();
    return server;
  }

  async start() {
    if (!existsSync(this.#pages)) throw new Error('no www/dist: build the demo first');
    const pages = ['--static', this.#pages];
    const options = ['--listen', `127.0.0.1:${this.#port}`, ...pages, '--faults'];
    const database = ['--database', `sqlite://${this.database}`];
    const child = spawn(binary(), [...options, ...database], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RUST_LOG: 'warn' },
    });
    this.#child = child;
    const address = await addressOf(child);
    this.#port = Number(new URL(address).port);
  }

  /** Ends the process without warning, as a crash or a power cut would. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Plans faults: see `server/src/faults.rs`. */
  async faults(change) {
    await post(`${this.url}/api/_faults`, change);
  }

  /** What somebody else sees who loads at this moment. */
  async load(project = 'calendar') {
    const response = await fetch(`${this.url}/api/${project}/load`);
    return response.json();
  }

  /** The event's row of a load, by its name. */
  async event(name) {
    const { events } = await this.load();
    return events.rows.find((row) => row.name === name);
  }

  /** Somebody else saves something. */
  async sync(sections) {
    const { revision } = await this.load();
    const requestId = Math.floor(Math.random() * 2 ** 50) + 1;
    return post(`${this.url}/api/sync`, { type: 'sync', requestId, revision, ...sections });
  }

  /**
   * Rows as they stand in the file: by the `sqlite3` program, or by a second server on it. Of
   * `events` and their `assignments`, or `tasks` and their `taskAssignments`.
   */
  async rows(name) {
    const { project, store, table } = STORES[name];
    if (hasSqlite()) {
      const args = ['-json', '-readonly', this.database, `SELECT * FROM ${table} ORDER BY id`];
      return JSON.parse(execFileSync('sqlite3', args, { encoding: 'utf8' }) || '[]');
    }
    const second = new TestServer();
    rmSync(second.#directory, { recursive: true });
    second.#directory = this.#directory;
    await second.start();
    const answer = await second.load(project);
    await second.kill();
    return answer[store].rows;
  }

  /** The row of the event (or task) of this name in the file; fails where there are several. */
  async row(name, store = 'events') {
    const rows = (await this.rows(store)).filter((row) => row.name === name);
    if (rows.length > 1) throw new Error(`${rows.length} rows with the name ${name}`);
    return rows[0];
  }

  async #remove() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

let sqlite;

function hasSqlite() {
  if (sqlite === undefined) {
    try {
      execFileSync('sqlite3', ['--version'], { stdio: 'ignore' });
      sqlite = true;
    } catch {
      sqlite = false;
    }
  }
  return sqlite;
}

/** Waits for the line by which the server says where it listens. */
function addressOf(child) {
  return new Promise((resolve, reject) => {
    let out = '';
    let errors = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail('did not start in time');
    }, START_MS);
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(`the server ${why}: ${errors || out}`));
    };
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.stderr.on('data', (data) => (errors += data));
    child.stdout.on('data', (data) => {
      out += data;
      const address = /listening on (http:\S+)/.exec(out)?.[1];
      if (!address) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}
