/** Tool names in both directions: Gemini's must begin with a letter or `_`, so some clients' names need repair. */
export interface ToolNames {
  toGemini(name: string): string;
  toClient(name: string): string;
}

const nameCharactersMax = 64;

/** @param declared The names of the request's tools, in order. */
export function createToolNames(declared: readonly string[]): ToolNames {
  const forward = new Map<string, string>();
  const back = new Map<string, string>();
  for (const name of declared) {
    const repaired = unused(repair(name), back);
    forward.set(name, repaired);
    back.set(repaired, name);
  }
  return {
    toGemini: (name) => forward.get(name) ?? repair(name),
    toClient: (name) => back.get(name) ?? name,
  };
}

function repair(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9_.:-]/g, '_');
  return (/^[A-Za-z_]/.test(clean) ? clean : `_${clean}`).slice(0, nameCharactersMax);
}

function unused(name: string, taken: ReadonlyMap<string, string>): string {
  for (let number = 2, candidate = name; ; number++) {
    if (!taken.has(candidate)) return candidate;
    const ending = `_${number}`;
    candidate = name.slice(0, nameCharactersMax - ending.length) + ending;
  }
}
