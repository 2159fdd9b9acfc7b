/** Modules that a server loads before its own: they kill it at a named point, or plant a bug in it. */
export interface Preload {
  /** Beside this file. */
  file: 'kill-point.ts' | 'planted-bug.ts';
  /** What the module reads from its own address. */
  settings: Record<string, string>;
}

/** The environment in which Node loads them, in every thread. */
export function preloadEnv(preloads: readonly Preload[]): Record<string, string> {
  if (preloads.length === 0) return {};
  const words = preloads.map(({ file, settings }) => {
    const url = new URL(file, import.meta.url);
    url.search = new URLSearchParams(settings).toString();
    return `--import=${url.href}`;
  });
  return { NODE_OPTIONS: words.join(' ') };
}

/** @param bug Its name in `planted-bug.ts`; undefined for none. */
export function bugPreloads(bug: string | undefined): Preload[] {
  return bug === undefined ? [] : [{ file: 'planted-bug.ts', settings: { bug } }];
}
