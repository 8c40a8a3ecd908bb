import type { AnyProject } from './project';
import { summarize } from './wire';
import type { Outcome, Wire } from './wire';

type Kind = 'load' | 'sync';

/**
 * Feeds the panel with the project's requests. At most one load and one sync run at a time.
 * `loaded` says in a few words what a load has brought.
 */
export function watch(project: AnyProject, wire: Wire, loaded: () => string): void {
  const running = new Map<Kind, (outcome: Outcome) => void>();
  const finish = (kind: Kind, outcome: Outcome) => {
    running.get(kind)?.(outcome);
    running.delete(kind);
  };
  project.on('beforeSend', ({ requestType, requestConfig, params }) => {
    const sent = parsed(requestConfig.body ?? params['data']);
    const summary = requestType === 'load' ? 'all stores' : summarize(sent);
    // One that was vetoed or cancelled ends without a word.
    finish(requestType, { ok: false, status: 'cancelled', revision: null, received: '' });
    running.set(requestType, wire.begin({ kind: requestType, summary, sent }));
  });
  project.on('requestDone', ({ requestType, response, rawResponse }) => {
    finish(requestType, {
      ok: true,
      status: String(rawResponse.status),
      revision: response?.revision ?? null,
      ...(requestType === 'load' && { summary: loaded() }),
      received: response,
    });
  });
  project.on('requestFail', ({ requestType, response, responseText, rawResponse, error }) => {
    finish(requestType, {
      ok: false,
      status: String(rawResponse.status || 'no answer'),
      revision: response?.revision ?? null,
      received: response ?? (responseText || error.message),
    });
  });
}

function parsed(text: string | undefined): Record<string, unknown> {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
}
