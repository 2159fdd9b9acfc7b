import type { FunctionCallingConfig, GenerateContentRequest } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { sanitizeSchema } from '../sanitize-schema.ts';
import { type ChatRequest, isObject } from './request.ts';
import { createToolNames, type ToolNames } from './tool-names.ts';

/** Gemini's own tools by the names clients give them. */
const builtInTools: Record<string, string> = {
  googleSearch: 'googleSearch',
  google_search: 'googleSearch',
  googleSearchRetrieval: 'googleSearchRetrieval',
  codeExecution: 'codeExecution',
  code_execution: 'codeExecution',
  urlContext: 'urlContext',
  url_context: 'urlContext',
  googleMaps: 'googleMaps',
  google_maps: 'googleMaps',
  fileSearch: 'fileSearch',
  file_search: 'fileSearch',
  computerUse: 'computerUse',
  computer_use: 'computerUse',
};
const builtInTypes: Record<string, string> = {
  web_search: 'googleSearch',
  web_search_preview: 'googleSearch',
  code_interpreter: 'codeExecution',
};
const declarationsMax = 512;

interface Declared {
  name: string;
  description?: unknown;
  parameters?: unknown;
  isStrict: boolean;
  isCustom: boolean;
}

/** The tools of a request in both worlds. */
export interface Tools {
  names: ToolNames;
  customNames: ReadonlySet<string>;
  /** Functions were declared and the model may call them. */
  hasFunctions: boolean;
  /** The model must call a function. */
  mustCall: boolean;
  gemini: Pick<GenerateContentRequest, 'tools' | 'toolConfig'>;
}

/** Translates `tools`, `functions`, `tool_choice`, `function_call` and `web_search_options`. @throws ApiError */
export function toTools(request: ChatRequest, rules: ModelRules): Tools {
  const declared = declaredFunctions(request);
  const names = createToolNames(declared.map(({ name }) => name));
  const config = toCallingConfig(request, declared, names);
  const builtIn = config?.mode === 'NONE' ? [] : builtInOf(request, declared.length > 0, rules);
  const tools = [...builtIn];
  if (declared.length > 0) tools.push({ functionDeclarations: declared.map((tool) => toDeclaration(tool, names)) });
  const isMixed = builtIn.length > 0 && declared.length > 0;
  const calling = config ?? (isMixed || declared.some((tool) => tool.isStrict) ? { mode: 'VALIDATED' as const } : null);
  return {
    names,
    customNames: new Set(declared.filter((tool) => tool.isCustom).map(({ name }) => name)),
    hasFunctions: declared.length > 0 && config?.mode !== 'NONE',
    mustCall: config?.mode === 'ANY',
    gemini: {
      ...(tools.length > 0 && { tools }),
      ...(calling && {
        toolConfig: { functionCallingConfig: calling, ...(isMixed && { includeServerSideToolInvocations: true }) },
      }),
    },
  };
}

function declaredFunctions(request: ChatRequest): Declared[] {
  const declared = [
    ...listOf(request.tools, 'tools').flatMap(({ value, path }) => toDeclared(value, path)),
    ...listOf(request.functions, 'functions').flatMap(({ value, path }) =>
      toDeclared({ type: 'function', function: value }, path),
    ),
  ];
  if (declared.length > declarationsMax)
    throw invalidRequest(`At most ${declarationsMax} functions can be declared.`, 'tools');
  const seen = new Set<string>();
  for (const { name } of declared) {
    if (seen.has(name)) throw invalidRequest(`The function "${name}" is declared twice.`, 'tools');
    seen.add(name);
  }
  return declared;
}

function toDeclared(tool: Record<string, unknown>, path: string): Declared[] {
  if (tool.type === 'function' || tool.type === 'custom') {
    const definition = isObject(tool[tool.type]) ? (tool[tool.type] as Record<string, unknown>) : tool;
    const { name, description, parameters, strict } = definition;
    if (typeof name !== 'string' || name === '')
      throw invalidRequest('A function needs a name.', `${path}.function.name`);
    const isCustom = tool.type === 'custom';
    return [
      { name, description, parameters: isCustom ? customParameters : parameters, isStrict: strict === true, isCustom },
    ];
  }
  if (builtInOfTool(tool)) return [];
  throw invalidRequest(`Tools of type "${String(tool.type)}" are not supported.`, `${path}.type`, 'unsupported_value');
}

/** A free-form tool is a function with one text. */
const customParameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

function toDeclaration({ name, description, parameters }: Declared, names: ToolNames): Record<string, unknown> {
  const hasParameters = isObject(parameters) && Object.keys(parameters).length > 0 && !isEmptyObjectSchema(parameters);
  return {
    name: names.toGemini(name),
    ...(typeof description === 'string' && description !== '' && { description }),
    ...(hasParameters && { parametersJsonSchema: sanitizeSchema(parameters, `tools.${name}.parameters`) }),
  };
}

function isEmptyObjectSchema({ type, properties }: Record<string, unknown>): boolean {
  return (
    type === 'object' && (properties === undefined || (isObject(properties) && Object.keys(properties).length === 0))
  );
}

function builtInOfTool(tool: Record<string, unknown>): Record<string, unknown> | null {
  const byType = builtInTypes[String(tool.type)];
  if (byType) return { [byType]: {} };
  const [key = ''] = Object.keys(tool);
  const name = Object.keys(tool).length === 1 ? builtInTools[key] : undefined;
  return name ? { [name]: tool[key] ?? {} } : null;
}

function builtInOf(request: ChatRequest, hasFunctions: boolean, rules: ModelRules): Record<string, unknown>[] {
  const explicit = listOf(request.tools, 'tools')
    .map(({ value }) => builtInOfTool(value))
    .filter((tool) => tool !== null);
  const isOld = rules.family === 'g2' || rules.family === 'gemma3';
  if (explicit.length > 0 && hasFunctions && isOld) {
    throw invalidRequest('This model cannot combine built-in tools with functions.', 'tools');
  }
  const wantsSearch = isObject(request.web_search_options) && !explicit.some((tool) => 'googleSearch' in tool);
  return wantsSearch && !(isOld && hasFunctions) ? [...explicit, { googleSearch: {} }] : explicit;
}

function toCallingConfig(request: ChatRequest, declared: Declared[], names: ToolNames): FunctionCallingConfig | null {
  const choice = request.tool_choice ?? legacyChoice(request.function_call);
  if (choice === undefined || choice === null || choice === 'auto') return null;
  if (choice === 'none') return declared.length > 0 ? { mode: 'NONE' } : null;
  if (declared.length === 0) throw invalidRequest('`tool_choice` needs tools to choose from.', 'tool_choice');
  if (choice === 'required') return { mode: 'ANY' };
  const { mode, wanted } = namedChoice(choice);
  for (const name of wanted) {
    if (declared.some((tool) => tool.name === name)) continue;
    throw invalidRequest(`\`tool_choice\` names "${name}", which is not among the tools.`, 'tool_choice');
  }
  return { mode, allowedFunctionNames: wanted.map((name) => names.toGemini(name)) };
}

function namedChoice(choice: unknown): { mode: 'ANY' | 'VALIDATED'; wanted: string[] } {
  const type = isObject(choice) ? choice.type : undefined;
  if (isObject(choice) && (type === 'function' || type === 'custom')) {
    const named = isObject(choice[type]) ? choice[type] : choice;
    return { mode: 'ANY', wanted: [String((named as { name?: unknown }).name)] };
  }
  if (isObject(choice) && type === 'allowed_tools' && isObject(choice.allowed_tools)) {
    const { mode, tools } = choice.allowed_tools;
    const wanted = (Array.isArray(tools) ? tools : []).map((tool) =>
      String(tool?.function?.name ?? tool?.custom?.name ?? tool?.name),
    );
    return { mode: mode === 'required' ? 'ANY' : 'VALIDATED', wanted };
  }
  throw invalidRequest('`tool_choice` must be none, auto, required, or name a tool.', 'tool_choice');
}

function legacyChoice(choice: unknown): unknown {
  return isObject(choice) ? { type: 'function', function: choice } : choice;
}

function listOf(value: unknown, path: string): { value: Record<string, unknown>; path: string }[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidRequest(`\`${path}\` must be a list.`, path);
  return value.map((item, index) => {
    if (isObject(item)) return { value: item, path: `${path}[${index}]` };
    throw invalidRequest('A tool must be an object.', `${path}[${index}]`);
  });
}
