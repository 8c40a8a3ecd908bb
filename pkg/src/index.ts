import { startOnce } from './init.js';

export * from './api.js';

/**
 * Starts the engine that the package carries. Has to be awaited once, before stores and managers
 * are made; further calls give the same promise. After a failure it can be called again.
 */
export function init(): Promise<void> {
  return startOnce(async () => {
    const { engineModule } = await import('./engine-inline.js');
    return engineModule();
  });
}
