import { invalidRequest } from '../api-error.ts';
import { type Fields, isObject, readObjects } from '../to-gemini/read-fields.ts';
import { builtInByType, type DeclaredTool, type ToolChoice, type ToolRequest } from '../to-gemini/tools.ts';

/** Reads `tools` and `tool_choice`. @throws ApiError */
export function readTools(request: Fields): ToolRequest {
  const tools = readObjects(request.tools, 'tools');
  const searches = tools.filter(({ value }) => isSearch(value)).map(({ value }) => value.name);
  return {
    declared: tools.filter(({ value }) => !isSearch(value)).map(({ value, path }) => toDeclared(value, path)),
    builtIn: [],
    wantsSearch: searches.length > 0,
    choice: readChoice(request.tool_choice, searches, searches.length === tools.length),
  };
}

/** Anthropic's search of the web, whatever its version. Its other server tools have no counterpart that answers in the same form. */
function isSearch({ type }: Fields): boolean {
  return builtInByType(type)?.googleSearch !== undefined;
}

function toDeclared(tool: Fields, path: string): DeclaredTool {
  const { type, name, description, input_schema: parameters, strict } = tool;
  if (type !== undefined && type !== null && type !== 'custom')
    throw invalidRequest(
      `Tools of type ${JSON.stringify(type)} are not supported.`,
      `${path}.type`,
      'unsupported_value',
    );
  if (typeof name !== 'string' || name === '') throw invalidRequest('A tool needs a name.', `${path}.name`);
  if (parameters !== undefined && parameters !== null && !isObject(parameters))
    throw invalidRequest('`input_schema` must be a JSON Schema.', `${path}.input_schema`);
  return { name, description, parameters, isStrict: strict === true, isCustom: false };
}

/** Gemini cannot be made to use its own search, so a choice that leaves only that one leaves it to the model. */
function readChoice(choice: unknown, searches: readonly unknown[], hasOnlySearch: boolean): ToolChoice {
  if (choice === undefined || choice === null) return null;
  const { type, name } = isObject(choice) ? choice : {};
  switch (type) {
    case 'auto':
      return null;
    case 'none':
      return { mode: 'NONE' };
    case 'any':
      return searches.length > 0 && hasOnlySearch ? null : { mode: 'ANY' };
    case 'tool':
      if (typeof name !== 'string') throw invalidRequest('The name of the tool is missing.', 'tool_choice.name');
      return searches.includes(name) ? null : { mode: 'ANY', names: [name] };
    default:
      throw invalidRequest('`tool_choice.type` must be auto, any, tool or none.', 'tool_choice.type');
  }
}
