import type { FunctionCallingConfig, GenerateContentRequest } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { camelCased } from './camel-cased.ts';
import { type Fields, isObject } from './read-fields.ts';
import { sanitizeSchema } from './sanitize-schema.ts';
import { createToolNames, type ToolNames } from './tool-names.ts';

/** A function that a client offers to the model. */
export interface DeclaredTool {
  name: string;
  description: unknown;
  /** JSON Schema of the arguments. */
  parameters: unknown;
  isStrict: boolean;
  /** Takes one free text instead of arguments. */
  isCustom: boolean;
}

/** Whether and what the model has to call; null leaves it to the model. Names are the client's. */
export type ToolChoice = null | { mode: 'NONE' } | { mode: 'ANY' | 'VALIDATED'; names?: readonly string[] };

/** The tools of a request as any client format reads them. */
export interface ToolRequest {
  declared: readonly DeclaredTool[];
  /** Gemini's own tools, such as `{ googleSearch: {} }`, as the client asked for them. */
  builtIn: readonly Fields[];
  /** Search is welcome and gives way to functions where a model cannot have both. */
  wantsSearch?: boolean;
  choice: ToolChoice;
  /** Fields for errors. */
  paths?: { tools: string; choice: string };
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

/** Gemini's own tools by the names that clients give them. */
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
const declarationsMax = 512;

/** A free-form tool is a function with one text. */
const customParameters = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

/** Translates what a client's tools are. @throws ApiError */
export function toTools(request: ToolRequest, rules: ModelRules): Tools {
  const { declared, paths = { tools: 'tools', choice: 'tool_choice' } } = request;
  checkDeclared(declared, paths.tools);
  const names = createToolNames(declared.map(({ name }) => name));
  const config = toCallingConfig(request.choice, declared, names, paths.choice);
  const builtIn = request.choice?.mode === 'NONE' ? [] : builtInOf(request, rules, paths.tools);
  const functionDeclarations = declared.map((tool) => toDeclaration(tool, names, paths.tools));
  const tools = [...builtIn, ...(declared.length > 0 ? [{ functionDeclarations }] : [])];
  const isMixed = builtIn.length > 0 && declared.length > 0;
  const isValidated = isMixed || declared.some((tool) => tool.isStrict);
  const calling = config ?? (isValidated ? { mode: 'VALIDATED' as const } : null);
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

/** Gemini's own tool that an object with exactly one of its names stands for, in Google's spelling. */
export function builtInByKey(tool: Fields): Fields | null {
  const [key = '', ...others] = Object.keys(tool);
  const name = others.length === 0 && Object.hasOwn(builtInTools, key) ? builtInTools[key] : undefined;
  return name ? { [name]: camelCased(tool[key]) ?? {} } : null;
}

/** Gemini's own tool that a tool type of OpenAI stands for, such as `web_search_preview_2025_03_11`. */
export function builtInByType(type: unknown): Fields | null {
  if (typeof type !== 'string') return null;
  if (/^web_search(_|$)/.test(type)) return { googleSearch: {} };
  return type === 'code_interpreter' ? { codeExecution: {} } : null;
}

/** A tool that takes one free text, as OpenAI's `custom` tools do. */
export function customTool(name: string, description: unknown): DeclaredTool {
  return { name, description, parameters: customParameters, isStrict: false, isCustom: true };
}

function checkDeclared(declared: readonly DeclaredTool[], path: string): void {
  if (declared.length > declarationsMax)
    throw invalidRequest(`At most ${declarationsMax} functions can be declared.`, path);
  const seen = new Set<string>();
  for (const { name } of declared) {
    if (seen.has(name)) throw invalidRequest(`The function "${name}" is declared twice.`, path);
    seen.add(name);
  }
}

function toDeclaration({ name, description, parameters }: DeclaredTool, names: ToolNames, path: string): Fields {
  const hasParameters = isObject(parameters) && Object.keys(parameters).length > 0 && !isEmptyObjectSchema(parameters);
  return {
    name: names.toGemini(name),
    ...(typeof description === 'string' && description !== '' && { description }),
    ...(hasParameters && { parametersJsonSchema: sanitizeSchema(parameters, `${path}.${name}.parameters`) }),
  };
}

/** An object that says nothing of its fields, neither itself nor through other schemas. */
function isEmptyObjectSchema({ type, properties, anyOf, oneOf, allOf, $ref }: Fields): boolean {
  if (type !== undefined && type !== 'object') return false;
  if ((anyOf ?? oneOf ?? allOf ?? $ref) !== undefined) return false;
  return properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
}

function builtInOf({ declared, builtIn, wantsSearch }: ToolRequest, rules: ModelRules, path: string): Fields[] {
  const isOld = rules.family === 'g2' || rules.family === 'gemma3';
  if (builtIn.length > 0 && declared.length > 0 && isOld)
    throw invalidRequest('This model cannot combine built-in tools with functions.', path);
  const hasSearch = builtIn.some((tool) => 'googleSearch' in tool);
  const addsSearch = wantsSearch && !hasSearch && !(isOld && declared.length > 0);
  return addsSearch ? [...builtIn, { googleSearch: {} }] : [...builtIn];
}

function toCallingConfig(
  choice: ToolChoice,
  declared: readonly DeclaredTool[],
  names: ToolNames,
  path: string,
): FunctionCallingConfig | null {
  if (choice === null) return null;
  if (choice.mode === 'NONE') return declared.length > 0 ? choice : null;
  if (declared.length === 0) throw invalidRequest(`\`${path}\` needs tools to choose from.`, path);
  if (!choice.names) return { mode: choice.mode };
  for (const name of choice.names) {
    if (declared.some((tool) => tool.name === name)) continue;
    throw invalidRequest(`\`${path}\` names "${name}", which is not among the tools.`, path);
  }
  return { mode: choice.mode, allowedFunctionNames: choice.names.map((name) => names.toGemini(name)) };
}
