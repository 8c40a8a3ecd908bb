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
  /** The records of these keys look different: somebody else has them in hand, or no longer. */
  repaint(keys: string[]): void;
  /** How a value is shown where the user has to choose; `undefined`: as anywhere. */
  format?(value: unknown, field: string): string | undefined;
}

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
  /** What others had in hand when it was last painted: who, by record. */
  #hands = new Map<string, string>();

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
    for (const event of ['presence', 'lock', 'unlock', 'state'] as const)
      channel.on(event, () => repaint(this.#changed()));
    const state = byId('live-state');
    channel.on('state', (now) => {
      state.dataset['state'] = now.state;
      state.textContent = now.isLost ? 'Not live' : WORDS[now.state];
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
   * Takes a record in hand, and gives whether it may be edited. The user doesn't wait for the
   * server's word: `lost` is called when somebody else turns out to have been faster.
   */
  edit(record: Model, lost: () => void): boolean {
    this.leave();
    const told = () => {
      this.#tellLocked(record);
      lost();
    };
    return this.lift(record, told);
  }

  /** The user is about to drag the record: gives whether that may be. */
  lift(record: Model, lost?: () => void): boolean {
    if (this.isLocked(record)) {
      this.#tellLocked(record);
      return false;
    }
    this.hold(record, lost);
    return true;
  }

  /**
   * Shows others that the record is in the user's hand, and keeps it from them. Where somebody else
   * was faster, what the user does to it is refused; `lost` is told at once.
   */
  hold(record: Model, lost: () => void = () => undefined): void {
    const { channel } = this.#project;
    if (channel === null || record.isPhantom) return;
    this.#isShown = true;
    channel.startEditing(record);
    if (!channel.isLive) return;
    this.#editing = record;
    channel.lockRecord(record).then(
      (isMine) => {
        if (isMine || this.#editing !== record) return;
        this.#editing = null;
        this.leave();
        lost();
      },
      // Without an answer there is no lock: then a conflict is found when it is saved.
      () => undefined,
    );
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

  /** Does something, unless somebody else has the record in hand. Gives whether it was done. */
  attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.refused(error);
      return false;
    }
  }

  /** Tells the user why an edit was refused, where that is because somebody else has the record. */
  refused(error: unknown): void {
    if (!(error instanceof SyncError) || error.code !== 'LOCKED') throw error;
    this.#toasts.show({ title: 'Somebody else is editing this', text: error.message });
  }

  /** Once what was edited is saved: whoever takes the record before would keep it from that. */
  async #unlock(record: Model): Promise<void> {
    // A drag ends before its drop.
    await new Promise((resolve) => setTimeout(resolve));
    if (!record.isRemoved) await record.settled().catch(() => undefined);
    const { channel } = this.#project;
    if (record === this.#editing || record.isRemoved || !channel?.isLive) return;
    channel.unlockRecord(record);
  }

  /** The keys of the records that have come into another hand since it was last asked. */
  #changed(): string[] {
    const { channel } = this.#project;
    const old = this.#hands;
    const now = new Map<string, string>();
    const peers = (channel?.peers ?? []).filter(({ action }) => action === 'editing');
    for (const one of [...peers, ...(channel?.locks ?? [])]) {
      const place = `${one.recordType} ${one.recordId}`;
      if (one.isSelf || !one.recordType) continue;
      now.set(place, `${now.get(place) ?? ''} ${one.clientId} ${one.userName}`);
    }
    this.#hands = now;
    const all = new Set([...old.keys(), ...now.keys()]);
    return [...all].filter((place) => old.get(place) !== now.get(place)).flatMap((place) => {
      const [type = '', id = ''] = place.split(/ (.*)/s);
      const record = this.#project.getStore(type)?.getById(id);
      return record ? [record.key] : [];
    });
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
  const who = h('span', { class: 'ring-who' }, `${first.userName}${more}`);
  const name = h('span', { class: 'ring-name' }, icon(ICONS.pen), who);
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
