import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { builtInExtensions } from '../to-gemini/google-extensions.ts';
import { builtInOf, readChoice, toDeclared } from '../to-gemini/openai-tools.ts';
import { type Fields, isObject, readObjects } from '../to-gemini/read-fields.ts';
import { builtInByType, type DeclaredTool, type ToolChoice, type ToolRequest } from '../to-gemini/tools.ts';
import { ToolNamespaces } from './tool-namespaces.ts';

/** The tools of a request, and what else they ask for. */
export interface ResponsesTools {
  request: ToolRequest;
  namespaces: ToolNamespaces;
  /** What the model is told about each namespace. */
  namespaceTexts: readonly string[];
  /** The tool that makes pictures is among them. */
  wantsImages: boolean;
  /** Tools that were left out, such as `tools.tool_search`. */
  ignored: readonly string[];
}

/** A list of tools somewhere in the request. */
export interface ToolList {
  value: unknown;
  path: string;
}

/** Tools that would be missed, with what to do instead. Others that are not known are left out: the model does without. */
const refusedTypes: Record<string, string> = {
  file_search: 'There are no vector stores here; offer a function that searches.',
  mcp: 'MCP servers are not called from here; connect them in the client and offer their tools as functions.',
  computer: 'Offer functions for what the computer can do.',
  computer_use_preview: 'Offer functions for what the computer can do.',
  local_shell: 'Offer a function that runs commands.',
  shell: 'Offer a function that runs commands.',
  apply_patch: 'Offer a `custom` tool that takes the patch.',
};

/**
 * Reads lists of tools, `tool_choice`, and tools among Google's extensions.
 * @param lists `tools`, and those that `additional_tools` items bring: what is declared again there replaces what was before.
 * @throws ApiError
 */
export function readTools(request: Fields, lists: readonly ToolList[], rules: ModelRules): ResponsesTools {
  const reader = new ToolReader(rules);
  const choice = request.tool_choice;
  for (const { value, path } of lists) reader.readList(readObjects(value, path));
  reader.builtIn.push(...builtInExtensions(request));
  const { declared, builtIn, wantsSearch, ...rest } = reader;
  return { ...rest, request: { declared, builtIn, wantsSearch, choice: toChoice(choice, reader.namespaces) } };
}

class ToolReader {
  readonly namespaces = new ToolNamespaces();
  readonly namespaceTexts: string[] = [];
  readonly ignored: string[] = [];
  readonly builtIn: Fields[] = [];
  declared: DeclaredTool[] = [];
  wantsSearch = false;
  wantsImages = false;
  readonly #rules: ModelRules;

  constructor(rules: ModelRules) {
    this.#rules = rules;
  }

  readList(tools: readonly { value: Fields; path: string }[]): void {
    const declared = tools.flatMap(({ value, path }) => this.#read(value, path));
    const names = new Set(declared.map(({ name }) => name));
    this.declared = [...this.declared.filter(({ name }) => !names.has(name)), ...declared];
  }

  /** The functions that a tool declares; what else it asks for is noted. */
  #read(tool: Fields, path: string): DeclaredTool[] {
    const { type } = tool;
    if (type === 'function' || type === 'custom') return [this.#declare(tool, path)];
    if (type === 'namespace') return this.#readNamespace(tool, path);
    const builtIn = builtInOf(tool);
    // Agents always offer the search, so it gives way to functions where a model cannot have both.
    if (builtIn && 'googleSearch' in builtIn) this.wantsSearch = true;
    else if (builtIn) this.builtIn.push(builtIn);
    else if (typeof type !== 'string') throw invalidRequest('A tool needs a `type`.', `${path}.type`);
    else if (type === 'image_generation') this.#wantImages(path);
    else if (Object.hasOwn(refusedTypes, type)) throw refused(type, path, refusedTypes[type]);
    else this.ignored.push(`tools.${type}`);
    return [];
  }

  #declare(tool: Fields, path: string, namespace?: string): DeclaredTool {
    const declared = toDeclared(tool, path);
    return { ...declared, name: this.namespaces.declare(declared.name, namespace) };
  }

  #readNamespace({ name, description, tools }: Fields, path: string): DeclaredTool[] {
    if (typeof name !== 'string' || name === '') throw invalidRequest('A namespace needs a name.', `${path}.name`);
    const declared = readObjects(tools, `${path}.tools`).map((tool) => this.#declare(tool.value, tool.path, name));
    if (typeof description === 'string' && description !== '' && declared.length > 0)
      this.namespaceTexts.push(`About the functions whose names begin with ${name}: ${description}`);
    return declared;
  }

  #wantImages(path: string): void {
    if (!this.#rules.hasImageOutput)
      throw refused('image_generation', path, 'Only models whose names have "image" in them make pictures.');
    this.wantsImages = true;
  }
}

function refused(type: string, path: string, advice: string | undefined) {
  return invalidRequest(
    `Tools of type "${type}" are not supported here. ${advice}`,
    `${path}.type`,
    'unsupported_value',
  );
}

/** The choice with the names that the functions have for Gemini. Its own tools cannot be chosen: they fall out. */
function toChoice(choice: unknown, namespaces: ToolNamespaces): ToolChoice {
  if (!isObject(choice)) return readChoice(choice);
  if (choice.type === 'image_generation') return null;
  if (choice.type !== 'allowed_tools' || !Array.isArray(choice.tools)) return readChoice(named(choice, namespaces));
  const functions = choice.tools.filter((tool) => !isObject(tool) || !builtInByType(tool.type));
  if (functions.length === 0) return null;
  return readChoice({ ...choice, tools: functions.map((tool) => named(tool, namespaces)) });
}

function named(tool: unknown, namespaces: ToolNamespaces): unknown {
  if (!isObject(tool) || typeof tool.name !== 'string') return tool;
  return { ...tool, name: namespaces.toFlat(tool.name, tool.namespace) };
}
