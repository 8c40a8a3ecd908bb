import type { CrudManager } from '../crud-manager.js';

/** Where there is no DOM (a server), the module can be imported all the same. */
const Element: typeof HTMLElement =
  globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement);

type Child = Node | string | null;

/** Makes an element. Texts become text nodes: markup in them is shown, never run. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * A stylesheet of an element. Not a `<style>`: a strict Content Security Policy allows this one.
 */
export function styles(text: string): () => CSSStyleSheet {
  let sheet: CSSStyleSheet | undefined;
  return () => {
    if (sheet === undefined) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(SHARED + text);
    }
    return sheet;
  };
}

// The custom properties are the elements' theme; the page sets them where it likes.
const SHARED = `
:host {
  --_ink: var(--syncline-ink, light-dark(#1f1b16, #f2eee8));
  --_ink-soft: var(--syncline-ink-soft, light-dark(#5c554c, #b9b1a6));
  --_surface: var(--syncline-surface, light-dark(#ffffff, #1d1b19));
  --_line: var(--syncline-line, light-dark(#e4dfd7, #36322d));
  --_accent: var(--syncline-accent, light-dark(#0f6b66, #5fc7bd));
  --_on-accent: var(--syncline-on-accent, light-dark(#ffffff, #0a2220));
  --_good: var(--syncline-good, light-dark(#146a3c, #5ecb8f));
  --_warn: var(--syncline-warn, light-dark(#8a5100, #f0b95a));
  --_warn-surface: var(--syncline-warn-surface, light-dark(#fdf1d8, #33270f));
  --_bad: var(--syncline-bad, light-dark(#b3261e, #ff8f85));
  --_radius: var(--syncline-radius, 8px);
  color: var(--_ink);
  font: var(--syncline-font, inherit);
}
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
button {
  font: inherit; font-weight: 550; color: inherit; cursor: pointer;
  padding: 6px 12px; border: 1px solid var(--_line);
  border-radius: var(--_radius); background: var(--_surface);
}
button:hover { border-color: var(--_ink-soft); }
button:disabled { opacity: 0.55; cursor: default; }
button.primary {
  border-color: transparent; background: var(--_accent); color: var(--_on-accent);
}
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.for-readers {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
`;

/**
 * An element that shows something of a project (or of any CrudManager): set its property `project`.
 * It listens while it is in a document, and `texts` replaces its words.
 */
export abstract class SynclineElement<Texts extends object> extends Element {
  #project: CrudManager<any> | null = null;
  #texts: Texts;
  #ends: (() => void)[] = [];
  #begun = false;
  /** @internal */
  protected readonly _root: ShadowRoot;

  /** @internal */
  constructor(texts: Texts, sheet: () => CSSStyleSheet) {
    super();
    this.#texts = texts;
    this._root = this.attachShadow({ mode: 'open' });
    this._root.adoptedStyleSheets = [sheet()];
  }

  /** What is shown; `null` for nothing. */
  get project(): CrudManager<any> | null {
    return this.#project;
  }

  set project(project: CrudManager<any> | null) {
    if (project === this.#project) return;
    this.#end();
    this.#project = project;
    this.#begin();
  }

  /** The words of the element. Setting some of them keeps the others. */
  get texts(): Texts {
    return this.#texts;
  }

  set texts(texts: Partial<Texts>) {
    this.#texts = { ...this.#texts, ...texts };
    if (this.#begun) this._show(this.#project);
  }

  /** @internal */
  connectedCallback(): void {
    // A property that was set before the element was defined hides the accessor.
    const own = this as unknown as Record<string, unknown>;
    for (const name of ['texts', 'project']) {
      if (!Object.hasOwn(own, name)) continue;
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    this.#begin();
  }

  /** @internal */
  disconnectedCallback(): void {
    this.#end();
  }

  /** @internal Starts to listen; gives what ends it. */
  protected abstract _listen(project: CrudManager<any>): (() => void)[];

  /** @internal Shows what is. */
  protected abstract _show(project: CrudManager<any> | null): void;

  #begin(): void {
    if (!this.isConnected || this.#begun) return;
    this.#begun = true;
    const project = this.#project;
    if (project !== null && !project.isDestroyed) this.#ends = this._listen(project);
    this._show(project);
  }

  #end(): void {
    this.#begun = false;
    for (const end of this.#ends.splice(0)) end();
  }
}

/** Listens to an event of the window; gives what ends it. */
export function onWindow(name: string, listener: () => void): () => void {
  addEventListener(name, listener);
  return () => removeEventListener(name, listener);
}

/** Makes the element known under its name, once. */
export function define(name: string, element: CustomElementConstructor): void {
  const registry = globalThis.customElements;
  if (registry !== undefined && registry.get(name) === undefined) registry.define(name, element);
}
