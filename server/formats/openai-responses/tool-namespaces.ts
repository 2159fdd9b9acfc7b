/** A function as the client knows it. */
export interface NamespacedName {
  name: string;
  namespace?: string;
}

/** Functions of a `namespace` tool by the one name that each has for Gemini, which knows no namespaces, and back. */
export class ToolNamespaces {
  readonly #byFlatName = new Map<string, NamespacedName>();

  /** The flat name of a function that is declared; two declarations of the same function have the same. */
  declare(name: string, namespace?: string): string {
    const flat = this.#unused(name, namespace);
    this.#byFlatName.set(flat, namespace === undefined ? { name } : { name, namespace });
    return flat;
  }

  /** The flat name of a function that the client names; of one that is not declared, the name it would have. */
  toFlat(name: string, namespace: unknown): string {
    return this.#unused(name, typeof namespace === 'string' && namespace !== '' ? namespace : undefined);
  }

  toClient(flatName: string): NamespacedName {
    return this.#byFlatName.get(flatName) ?? { name: flatName };
  }

  #unused(name: string, namespace: string | undefined): string {
    let flat = namespace === undefined ? name : join(namespace, name);
    for (; ; flat += '_') {
      const known = this.#byFlatName.get(flat);
      if (!known || (known.name === name && known.namespace === namespace)) return flat;
    }
  }
}

/** As clients without namespaces write the tools of MCP servers: `mcp__server__tool`. */
function join(namespace: string, name: string): string {
  return namespace.endsWith('_') ? namespace + name : `${namespace}__${name}`;
}
