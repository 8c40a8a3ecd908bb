import { byId, h } from './dom';
import type { Network } from './network';
import type { AnyProject } from './project';
import type { Toasts } from './toasts';

const FAULTS_URL = '/api/_faults';
const LATENCY_MS = 2000;

/** What can be done to one of the two: the network switch, and faults on demand. */
export class Controls {
  readonly #network: Network;
  readonly #project: AnyProject;
  readonly #toasts: Toasts;

  constructor(network: Network, project: AnyProject, toasts: Toasts) {
    this.#network = network;
    this.#project = project;
    this.#toasts = toasts;
    const root = byId('controls');
    root.hidden = false;
    root.append(
      this.#switch('Network', 'online', true, (on) => {
        // The server shall not hear a goodbye: a plug that is pulled says nothing.
        if (!on) void this.#fault({ dropSockets: true });
        network.isOnline = on;
      }),
      this.#switch('2 s latency', 'latency', false, (on) => {
        void this.#fault({ latencyMs: on ? LATENCY_MS : 0 });
      }),
      this.#button('Drop the socket', { dropSockets: true }, 'The socket was dropped.'),
      this.#button(
        'Refuse the next change',
        { refuseNext: { count: 1, message: 'Not today, says the server' } },
        'The next change will be refused.',
      ),
      this.#button('Conflict', { conflictNext: 1 }, 'Somebody will be faster than your next change.'),
      this.#button('Repeat messages', { repeatNext: 3 }, 'The next 3 messages come twice.'),
      this.#button('Reorder messages', { reorderNext: 2 }, 'The next messages come out of order.'),
    );
  }

  #switch(label: string, id: string, on: boolean, set: (on: boolean) => void): HTMLElement {
    const input = h('input', {
      type: 'checkbox',
      role: 'switch',
      id: `control-${id}`,
      onchange: () => set(input.checked),
    });
    input.checked = on;
    return h('label', { class: 'control control-switch' }, input, h('span', {}, label));
  }

  #button(label: string, fault: object, said: string): HTMLElement {
    const press = async () => {
      const isPlanned = await this.#fault(fault);
      if (isPlanned) this.#toasts.show({ title: said });
    };
    const attributes = { type: 'button', class: 'control', onclick: () => void press() };
    return h('button', attributes, label);
  }

  /** Plans a fault for this page alone. */
  async #fault(fault: object): Promise<boolean> {
    const client = this.#project.channel?.clientId;
    try {
      const answer = await this.#network.beside(FAULTS_URL, { client, ...fault });
      if (answer.ok) return true;
      const text = 'The server has to be started with --faults.';
      this.#toasts.show({ title: 'No faults here', text, tone: 'warning' });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#toasts.show({ title: 'The server can’t be reached', text, tone: 'warning' });
    }
    return false;
  }
}
