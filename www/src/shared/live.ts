import { SyncError } from 'syncline';
import type { ChannelState, Model } from 'syncline';
import type { SynclineConflictDialog, SynclinePresence } from 'syncline/elements';
import { Controls } from './controls';
import { byId, h, icon, ICONS } from './dom';
import { dateTimeText } from './format';
import type { Network } from './network';
import { SWATCHES } from './palette';
import type { AnyProject } from './project';
import type { Toasts } from './toasts';
import type { Wire } from './wire';

export type Peer = NonNullable<AnyProject['channel']>['peers'][number];

/** What a page needs to be told of those who work on the same data. */
export interface LiveOptions {
  project: AnyProject;
  toasts: Toasts;
  wire: Wire;
  /** The page's network, where that can be cut. */
  network: Network | null;
  /** Records look different, though they didn't change: somebody edits them, or no longer. */
  repaint(): void;
  /** How a value is shown where the user has to choose; `undefined`: as anywhere. */
  format?(value: unknown, field: string): string | undefined;
}

/** So long an editor waits for the word that nobody else has the record; then it opens anyway. */
const LOCK_WAIT_MS = 250;

/** What the user reads of a connection's state. */
const WORDS: Record<ChannelState, string> = {
  idle: 'Not live',
  connecting: 'Connecting…',
  authenticating: 'Connecting…',
  catchingUp: 'Catching up…',
  live: 'Live',
  waiting: 'Reconnecting…',
  suspended: 'Not live',
  closed: 'Not live',
};

/** Who else is at work, and at what; what comes over the channel; conflicts that wait. */
export class Live {
  readonly #project: AnyProject;
  readonly #toasts: Toasts;
  #editing: Model | null = null;
  /** Whether others are shown something in the user's hand. */
  #isShown = false;

  constructor({ project, toasts, wire, network, repaint, format }: LiveOptions) {
    this.#project = project;
    this.#toasts = toasts;
    if (network) new Controls(network, project, toasts);
    for (const faces of document.querySelectorAll<SynclinePresence>('syncline-presence'))
      faces.project = project;
    for (const dialog of document.querySelectorAll<SynclineConflictDialog>(
      'syncline-conflict-dialog',
    )) {
      dialog.format = (value, field) => format?.(value, field) ?? valueText(value);
      dialog.project = project;
    }
    const { channel } = project;
    if (channel === null) return;
    for (const event of ['presence', 'lock', 'unlock'] as const) channel.on(event, () => repaint());
    const state = byId('live-state');
    channel.on('state', (now) => {
      state.hidden = false;
      state.dataset['state'] = now.state;
      state.textContent = now.isLost ? 'Not live' : WORDS[now.state];
      repaint();
    });
    channel.on('sent', ({ message }) => wire.note('out', message));
    channel.on('received', ({ message }) => wire.note('in', message));
    channel.on('connectionLost', () =>
      toasts.show({
        title: 'The live connection is lost',
        text: 'Changes of others come every few seconds until it is back.',
        tone: 'warning',
      }),
    );
  }

  /** Who edits the record, other than the user of this page. */
  editors(record: Model): readonly Peer[] {
    const peers = this.#project.channel?.peersOf(record) ?? [];
    return peers.filter((peer) => peer.action === 'editing' && !peer.isSelf);
  }

  /** Whether somebody else holds the record. */
  isLocked(record: Model): boolean {
    return this.#project.channel?.isLockedByOther(record) ?? false;
  }

  /**
   * Takes a record in hand, and gives whether it may be edited. Where the answer takes its time the user
   * doesn't wait for it: `lost` is called when somebody else turns out to have the record.
   */
  async edit(record: Model, lost: () => void): Promise<boolean> {
    this.leave();
    const { channel } = this.#project;
    if (channel === null || record.isPhantom) return true;
    if (channel.isLockedByOther(record)) {
      this.#tellLocked(record);
      return false;
    }
    this.#editing = record;
    this.hold(record);
    if (!channel.isLive) return true;
    // Without an answer there is no lock: then a conflict is found when it is saved.
    const lock = channel.lockRecord(record).catch(() => true);
    const settled = lock.then((isMine) => {
      if (isMine || this.#editing !== record) return;
      this.#editing = null;
      this.leave();
      this.#tellLocked(record);
      lost();
    });
    await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS))]);
    return this.#editing === record;
  }

  /** The record is about to be dragged: gives whether it may be. */
  lift(record: Model): boolean {
    if (this.isLocked(record)) {
      this.#tellLocked(record);
      return false;
    }
    this.hold(record);
    return true;
  }

  /** Shows others that the record is in the user's hand. */
  hold(record: Model): void {
    const { channel } = this.#project;
    if (channel === null || record.isPhantom) return;
    this.#isShown = true;
    channel.startEditing(record);
  }

  /** Lets go of what was in hand. */
  leave(): void {
    const { channel } = this.#project;
    const record = this.#editing;
    this.#editing = null;
    if (this.#isShown) channel?.stopEditing();
    this.#isShown = false;
    if (record) void this.#unlock(record);
  }

  /** Does something, unless it meets a record that somebody else has in hand. Gives whether it was done. */
  attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'LOCKED') throw error;
      this.#toasts.show({ title: 'Somebody else is editing this', text: error.message });
      return false;
    }
  }

  /** Once what was edited is saved: whoever takes the record before would keep it from being saved. */
  async #unlock(record: Model): Promise<void> {
    if (!record.isRemoved) await record.settled().catch(() => undefined);
    const { channel } = this.#project;
    if (record === this.#editing || record.isRemoved || !channel?.isLive) return;
    channel.unlockRecord(record);
  }

  #tellLocked(record: Model): void {
    const who = this.#project.channel?.lockOf(record)?.userName ?? 'Somebody else';
    const title = `${who} is editing this`;
    this.#toasts.show({ title, text: 'It is free again in a moment.' });
  }
}

/** The outline around what somebody edits, with the name. */
export function ring(peers: readonly Peer[]): HTMLElement | null {
  const [first] = peers;
  if (first === undefined) return null;
  const more = peers.length > 1 ? ` +${peers.length - 1}` : '';
  const name = h('span', { class: 'ring-name' }, icon(ICONS.pen), `${first.userName}${more}`);
  const element = h('span', { class: 'ring' }, name);
  element.style.setProperty('--peer', first.color);
  return element;
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return dateTimeText(value);
  const color = SWATCHES.find((swatch) => swatch.color === value);
  if (color) return color.name;
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
