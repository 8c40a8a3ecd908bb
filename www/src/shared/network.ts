/**
 * The network of one page, which can be cut: then requests fail and sockets are dead, as with a
 * plug pulled. For the page itself it looks like any other failure.
 */
export class Network {
  #isOnline = true;
  readonly #fetch = window.fetch.bind(window);
  readonly #sockets = new Set<WebSocket>();

  /** Takes its place between the page and the browser: before anybody connects. */
  constructor() {
    const network = this;
    window.fetch = (...request) =>
      this.#isOnline ? this.#fetch(...request) : Promise.reject(new TypeError('The plug is out'));
    const Real = window.WebSocket;
    window.WebSocket = new Proxy(Real, {
      construct(target, [url, protocols]: [string, string[]?]) {
        if (!network.#isOnline) return new DeadSocket(url);
        const socket = new target(url, protocols);
        network.#sockets.add(socket);
        socket.addEventListener('close', () => network.#sockets.delete(socket));
        return socket;
      },
    });
    Object.defineProperty(navigator, 'onLine', { get: () => this.#isOnline, configurable: true });
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  set isOnline(isOnline: boolean) {
    if (isOnline === this.#isOnline) return;
    this.#isOnline = isOnline;
    if (!isOnline) for (const socket of this.#sockets) socket.close();
    dispatchEvent(new Event(isOnline ? 'online' : 'offline'));
  }

  /** Asks the server, whether or not the page is cut off. */
  beside(url: string, body: object): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' };
    return this.#fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

/** A socket that never gets through. */
class DeadSocket extends EventTarget {
  readyState: number = WebSocket.CONNECTING;
  readonly protocol = '';
  readonly extensions = '';
  readonly bufferedAmount = 0;
  binaryType = 'blob';
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  onclose: ((event: Event) => void) | null = null;

  constructor(readonly url: string) {
    super();
    setTimeout(() => this.close());
  }

  send(): void {}

  close(): void {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSED;
    const failed = new Event('error');
    const closed = new CloseEvent('close', { code: 1006, wasClean: false });
    this.onerror?.(failed);
    this.dispatchEvent(failed);
    this.onclose?.(closed);
    this.dispatchEvent(closed);
  }
}
