/** @internal Values as they go into headers and queries. */
export function texts(values: Record<string, unknown>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(values ?? {})) {
    if (value === undefined || value === null) continue;
    out[name] = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
  return out;
}

/** @internal A URL whose query can be changed, relative ones included. */
export class ParamUrl {
  readonly path: string;
  readonly params: Record<string, string>;
  private readonly hash: string;

  constructor(url: string) {
    const [rest = '', hash] = url.split('#', 2);
    const at = rest.indexOf('?');
    this.hash = hash === undefined ? '' : `#${hash}`;
    this.path = at < 0 ? rest : rest.slice(0, at);
    this.params = at < 0 ? {} : Object.fromEntries(new URLSearchParams(rest.slice(at + 1)));
  }

  compose(path: string, params: Record<string, string>): string {
    const query = Object.entries(params)
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .join('&');
    if (query === '') return path + this.hash;
    return `${path}${path.includes('?') ? '&' : '?'}${query}${this.hash}`;
  }
}
