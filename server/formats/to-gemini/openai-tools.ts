import { invalidRequest } from '../api-error.ts';
import { type Fields, isObject, toText } from './read-fields.ts';
import { builtInByKey, builtInByType, customTool, type DeclaredTool, type ToolChoice } from './tools.ts';

/**
 * A function as Chat Completions nests it, or flat as the Responses API has it: some clients mix both.
 * @throws ApiError @param path Of the tool, for the error.
 */
export function toDeclared(tool: Fields, path: string): DeclaredTool {
  if (tool.type !== 'function' && tool.type !== 'custom')
    throw invalidRequest(
      `Tools of type "${toText(tool.type)}" are not supported.`,
      `${path}.type`,
      'unsupported_value',
    );
  const nested = tool[tool.type];
  const { name, description, parameters, strict } = isObject(nested) ? nested : tool;
  if (typeof name !== 'string' || name === '') {
    const where = isObject(nested) ? `${path}.${tool.type}.name` : `${path}.name`;
    throw invalidRequest('A function needs a name.', where);
  }
  if (tool.type === 'custom') return customTool(name, description);
  return { name, description, parameters, isStrict: strict === true, isCustom: false };
}

/** Gemini's own tool that a tool of OpenAI's formats stands for; null for another. */
export function builtInOf(tool: Fields): Fields | null {
  return builtInByType(tool.type) ?? builtInByKey(tool);
}

/** `tool_choice` in the forms of Chat Completions and of the Responses API. @throws ApiError */
export function readChoice(choice: unknown): ToolChoice {
  if (choice === undefined || choice === null || choice === 'auto') return null;
  if (choice === 'none') return { mode: 'NONE' };
  if (choice === 'required') return { mode: 'ANY' };
  if (isObject(choice)) {
    const { type } = choice;
    if (type === 'function' || type === 'custom') return { mode: 'ANY', names: [nameOf(choice)] };
    const allowed = isObject(choice.allowed_tools) ? choice.allowed_tools : choice;
    if (type === 'allowed_tools' && Array.isArray(allowed.tools))
      return { mode: allowed.mode === 'required' ? 'ANY' : 'VALIDATED', names: allowed.tools.map(nameOf) };
    // Gemini cannot be made to use one of its own tools.
    if (builtInByType(type)) return null;
  }
  throw invalidRequest('`tool_choice` must be none, auto, required, or name a tool.', 'tool_choice');
}

function nameOf(tool: unknown): string {
  if (!isObject(tool)) return toText(tool);
  const nested = isObject(tool.function) ? tool.function : isObject(tool.custom) ? tool.custom : tool;
  return toText(nested.name);
}
