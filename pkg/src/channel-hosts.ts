import { type ChannelConfig, shakesHands, transportOf } from './channel-config.js';

/** @internal What a connection is opened for. */
export interface About {
  clientId: string;
  project?: string;
  since?: number;
  epoch?: string;
  user?: Record<string, unknown>;
}

/** @internal Where a connection reports to. */
export interface Sink {
  open(): void;
  /** Something came: text, or what a library made of it. */
  message(message: unknown): void;
  /** The connection is gone, with a close code of WebSockets. */
  down(code: number, reason: string): void;
  /** What outlives the connection: the id of the last event of a stream. */
  kept: { eventId?: string | undefined };
}

/** @internal A connection. */
export interface Host {
  send(message: unknown): void;
  /** No report comes afterwards. `dead`: it seems open, and nothing comes through. */
  close(dead?: boolean): void;
  /**
   * Tells the server that the client won't come back, also when the connection broke off before.
   */
  goodbye?(): void;
}

/** No code was given, or the connection broke. */
const BROKEN = 1006;

/** @internal Opens a connection. */
export function openHost(
  config: ChannelConfig,
  about: About,
  token: string | undefined,
  sink: Sink,
): Host {
  switch (transportOf(config)) {
    case 'websocket':
      return openWebSocket(config, about, sink);
    case 'sse':
      return openEvents(config, about, token, sink);
    case 'socketio':
      return openSocketIo(config, about, sink);
    default:
      queueMicrotask(() => sink.open());
      return { send() {}, close() {} };
  }
}

// --- WebSocket -----------------------------------------------------------------------------------

function openWebSocket(config: ChannelConfig, about: About, sink: Sink): Host {
  const url = urlOf(config, config.url as string, about);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => sink.open();
  socket.onmessage = ({ data }) =>
    sink.message(typeof data === 'string' ? data : new TextDecoder().decode(data));
  // What is told of an error is that there was one; its close follows. Not in Node.js 22, whose
  // socket stays in the state in which it failed to connect.
  socket.onerror = () => {
    if (socket.readyState === WebSocket.CONNECTING) down(BROKEN, '');
  };
  socket.onclose = ({ code, reason }) => down(code, reason);
  const down = (code: number, reason: string) => {
    end();
    sink.down(code, reason);
  };
  const end = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Closing before it is open is an error of the socket, too.
    socket.onerror = () => {};
  };
  return {
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(textOf(message));
    },
    close: () => {
      end();
      socket.close(1000);
    },
  };
}

// --- server-sent events --------------------------------------------------------------------------

function openEvents(
  config: ChannelConfig,
  about: About,
  token: string | undefined,
  sink: Sink,
): Host {
  let stream: AbortController;
  let closed = false;
  let posts = 0;
  /** The server's name for the stream. */
  let connectionId: string | undefined;
  const release = () => {
    // What was sent last is heard only while the stream is open.
    if (closed && posts === 0) stream.abort();
  };
  const headers = {
    ...config.headers,
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  };
  const down = (code: number, reason: string) => {
    if (closed) return;
    closed = true;
    stream.abort();
    sink.down(code, reason);
  };
  const listen = async (since: Partial<About>, first: boolean) => {
    const mine = (stream = new AbortController());
    try {
      const url = urlOf(config, config.url as string, { ...about, ...since });
      // A revision says more. And another origin would be asked first whether it allows the header.
      const resumes = !url.searchParams.has('since') && url.origin === (page() ?? url).origin;
      const eventId = resumes ? sink.kept.eventId : undefined;
      const response = await fetch(url, {
        headers: {
          ...headers,
          Accept: 'text/event-stream',
          ...(eventId && { 'Last-Event-ID': eventId }),
        },
        cache: 'no-store',
        signal: mine.signal,
      });
      const type = response.headers.get('Content-Type') ?? '';
      if (response.status === 204 || (response.status >= 400 && response.status < 500)) {
        const code = response.status === 401 ? 4401 : response.status === 429 ? 4429 : 4403;
        return down(code, `HTTP ${response.status}`);
      }
      if (!response.ok) return down(BROKEN, `HTTP ${response.status}`);
      if (!type.startsWith('text/event-stream') || response.body === null) {
        return down(4403, `this is no event stream: ${type}`);
      }
      if (first) sink.open();
      connectionId = undefined;
      await readEvents(response.body, sink.kept, (event, data) => {
        connectionId ??= /"connectionId":"(.+?)"/.exec(data)?.[1] ?? '';
        if (!closed) sink.message(frameOf(event, data));
      });
      if (!mine.signal.aborted) down(1006, 'the stream ended');
    } catch (thrown) {
      if (!mine.signal.aborted) down(BROKEN, String(thrown));
    }
  };
  void listen({}, true);
  const sendUrl =
    config.sendUrl ?? (shakesHands(config) ? config.url?.replace(/events\b/, 'live') : undefined);
  const post = (message: unknown, keepalive: boolean) => {
    if (sendUrl === undefined) return;
    const { since: _since, ...who } = about;
    posts++;
    fetch(urlOf(config, sendUrl, who), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: textOf(message),
      // Goes out though the page ends.
      keepalive,
    })
      .then((response) => response.text())
      .then((text) => {
        if (!closed && text !== '') sink.message(text);
      })
      // Whoever waits for the answer waits in vain, and says so in time.
      .catch(() => {})
      .finally(() => {
        posts--;
        release();
      });
  };
  // A stream that breaks off may be a bad network: with this, locks and presence end at once.
  const goodbye = () => {
    if (connectionId) post({ type: 'unsubscribe', connectionId }, true);
    connectionId = undefined;
  };
  return {
    goodbye,
    send: (message) => {
      const frame = message as any;
      if (frame?.type === 'subscribe') {
        stream.abort();
        void listen({ since: frame.since, epoch: frame.epoch }, false);
        return;
      }
      post(message, false);
    },
    close: () => {
      if (closed) return;
      goodbye();
      closed = true;
      release();
    },
  };
}

/** Reads an event stream to its end. Comments are told as heartbeats. */
async function readEvents(
  body: ReadableStream<Uint8Array>,
  kept: Sink['kept'],
  tell: (event: string, data: string) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let event = '';
  let id = kept.eventId;
  let data: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    // A CR at the end may be half of a line's end.
    const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() as string;
    for (const line of lines) {
      if (line === '') {
        kept.eventId = id;
        if (data.length > 0) tell(event, data.join('\n'));
        event = '';
        data = [];
      } else if (line[0] === ':') tell('heartbeat', '{}');
      else {
        const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line) as unknown as [string, string, string];
        if (name === 'event') event = text;
        else if (name === 'data') data.push(text);
        else if (name === 'id') id = text;
      }
    }
  }
}

/** An event as a message: one with a name of its own carries it as the message's type. */
function frameOf(event: string, data: string): unknown {
  if (event === '' || event === 'message') return data;
  let content: any = data;
  try {
    content = JSON.parse(data);
  } catch {
    // Plain text is content too.
  }
  if (event === 'heartbeat') return { type: 'heartbeat', ...content };
  return content?.type === undefined ? { type: event, data: content } : content;
}

// --- Socket.IO -----------------------------------------------------------------------------------

/** Events of the server that have another name as messages. */
const RENAMED: Record<string, string> = { update: 'sync', locked: 'lock', unlocked: 'unlock' };
const EVENTS = [
  'hello',
  'update',
  'live',
  'reload',
  'load',
  'conflict',
  'presence',
  'locked',
  'unlocked',
  'lockRequested',
  'error',
  'closing',
];
/** Messages whose content is the whole argument. */
const WHOLE = ['hello', 'live', 'reload', 'closing'];

function openSocketIo(config: ChannelConfig, about: About, sink: Sink): Host {
  const socket = config.socket as NonNullable<ChannelConfig['socket']>;
  const prefix = config.prefix ?? about.project ?? 'calendar';
  const listeners: [string, (...args: any[]) => void][] = EVENTS.map((event) => [
    `${prefix}:${event}`,
    (content, more) => {
      // What comes says as well that the connection is there.
      open();
      const type = RENAMED[event] ?? event;
      const whole =
        WHOLE.includes(event) ||
        (event === 'update' && content?.data !== undefined && content.revision !== undefined);
      sink.message(whole ? { ...content, type } : { ...more, type, data: content });
    },
  ]);
  const subscribe = (frame: object) => {
    const { user, ...rest } = about;
    const room = { calendarId: about.project, ...rest, ...user, ...frame };
    socket.emit(`${prefix}:subscribe`, room, (answer: any) => {
      if (answer?.revision !== undefined) sink.message({ ...answer, type: 'subscribed' });
    });
  };
  let isOpen = false;
  const open = () => {
    if (isOpen) return;
    isOpen = true;
    sink.open();
    subscribe({});
  };
  const close = () => listeners.forEach(([event, listener]) => socket.off(event, listener));
  const down = (code: number, reason: string) => {
    close();
    sink.down(code, reason);
  };
  listeners.push(
    ['connect', open],
    ['disconnect', (reason: unknown) => down(BROKEN, String(reason))],
    [
      'connect_error',
      (error: any) => {
        const refused = /UNAUTHORIZED|TOKEN/.test(String(error?.data?.code ?? error?.message));
        down(refused ? 4401 : BROKEN, String(error?.message ?? error));
      },
    ],
  );
  for (const [event, listener] of listeners) socket.on(event, listener);
  if (socket.connected) queueMicrotask(open);
  else if (socket.active !== true) socket.connect?.();
  return {
    send: (message) => {
      const frame = message as any;
      const type = String(frame.type ?? frame.command);
      const answered = (said: any) => {
        const answer = verdict(said);
        const ack = answer?.type === 'ack' || type === 'ping' ? answer : { data: answer };
        sink.message({ success: answer?.success, ...ack, type: type === 'ping' ? 'pong' : 'ack', requestId: frame.requestId });
      };
      if (type === 'subscribe') subscribe(frame);
      else if (type === 'sync') {
        const { type: _type, data, timestamp: _timestamp, ...rest } = frame;
        socket.emit(`${prefix}:change`, { ...rest, ...data }, answered);
      } else if (frame.requestId !== undefined || type === 'ping') {
        socket.emit(`${prefix}:${type}`, frame.data ?? {}, answered);
      } else socket.emit(`${prefix}:${type}`, frame.data ?? frame);
    },
    close: (dead) => {
      close();
      if (dead) {
        // A transport that broke while it was being exchanged for another isn't missed by the
        // library before a ping is, half a minute later.
        socket.disconnect?.();
        socket.connect?.();
      } else if (socket.connected) socket.emit(`${prefix}:unsubscribe`);
    },
  };
}

/**
 * What a server acknowledges: it may say that it refuses by nothing but an error, or a list of
 * them.
 */
function verdict(answer: any): any {
  const errors = answer?.error ?? answer?.errorDetails;
  if (errors === undefined || errors === null || answer.success === true) return answer;
  const words = [errors].flat().map((error) => String(error?.message ?? error));
  return { success: false, message: words.join('; '), ...answer };
}

// --- helpers -------------------------------------------------------------------------------------

/** Where the page is, in a page. */
function page(): { href: string; origin: string } | undefined {
  return (globalThis as { location?: { href: string; origin: string } }).location;
}

/** A URL with who asks for what, for servers that want to know. */
function urlOf(config: ChannelConfig, url: string, about: Partial<About>): URL {
  const base = page()?.href;
  const full = new URL(url, base);
  if (!shakesHands(config)) return full;
  const { user, ...rest } = about;
  const { userId, userName, color } = user ?? {};
  for (const [name, value] of Object.entries({ ...rest, userId, userName, color })) {
    if (value !== undefined && !full.searchParams.has(name)) {
      full.searchParams.set(name, String(value));
    }
  }
  return full;
}

/** @internal A message as text. */
export function textOf(message: unknown): string {
  return typeof message === 'string' ? message : JSON.stringify(message);
}
