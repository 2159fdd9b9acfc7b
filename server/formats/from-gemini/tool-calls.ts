import type { Part } from '../../gemini/types.ts';
import type { ToolNames } from '../to-gemini/tool-names.ts';

/** A tool call of an answer, in words that every client format can render. */
export interface ToolCall {
  id: string;
  /** As the client knows the tool. */
  name: string;
  args: Record<string, unknown>;
  /** The client declared a tool that takes one free text, which is `args.input`. */
  isCustom: boolean;
  signature: string | undefined;
}

/** Names and numbers the tool calls of one answer. Ids are Gemini's where it gives them and does not repeat itself. */
export class ToolCallReader {
  readonly #names: ToolNames;
  readonly #customNames: ReadonlySet<string>;
  readonly #randomId: (length: number) => string;
  readonly #ids = new Set<string>();

  constructor(names: ToolNames, customNames: ReadonlySet<string>, randomId: (length: number) => string) {
    this.#names = names;
    this.#customNames = customNames;
    this.#randomId = randomId;
  }

  read({ functionCall, thoughtSignature }: Part): ToolCall {
    const name = this.#names.toClient(functionCall?.name ?? '');
    const given = functionCall?.id;
    const id = given && !this.#ids.has(given) ? given : `call_${this.#randomId(24)}`;
    this.#ids.add(id);
    return {
      id,
      name,
      args: functionCall?.args ?? {},
      isCustom: this.#customNames.has(name),
      signature: thoughtSignature,
    };
  }
}
