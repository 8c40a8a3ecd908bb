import { init } from 'syncline';
import { showNotice } from './notice';
import type { AnyProject } from './project';
import { StatusView } from './status';
import type { Tour } from './tour';
import { watch } from './watch';
import type { Wire } from './wire';

/** What both pages show around their project. */
interface Surroundings<P> {
  wire: Wire;
  tour: Tour;
  /** Says in a few words what a load has brought. */
  loaded: (project: P) => string;
}

/**
 * Starts the engine and puts a project into its page; nothing, and a notice, where the browser
 * can't run the engine.
 */
export async function begin<P extends AnyProject>(
  make: () => P,
  { wire, tour, loaded }: Surroundings<P>,
): Promise<P | null> {
  try {
    await init();
  } catch (error) {
    showNotice('The engine could not be started in this browser.', String(error), null);
    return null;
  }
  const project = make();
  new StatusView(project);
  watch(project, wire, () => loaded(project));
  tour.watch(project);
  project.guardUnload();
  return project;
}
