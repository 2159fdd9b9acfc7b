import { builtInExtensions } from '../to-gemini/google-extensions.ts';
import { builtInOf, readChoice, toDeclared } from '../to-gemini/openai-tools.ts';
import { type Fields, isObject, readObjects } from '../to-gemini/read-fields.ts';
import type { ToolRequest } from '../to-gemini/tools.ts';

/** Reads `tools`, `functions`, `tool_choice`, `function_call` and `web_search_options`. @throws ApiError */
export function readTools(request: Fields): ToolRequest {
  const tools = readObjects(request.tools, 'tools');
  const functions = readObjects(request.functions, 'functions');
  return {
    declared: [
      ...tools.filter(({ value }) => !builtInOf(value)).map(({ value, path }) => toDeclared(value, path)),
      ...functions.map(({ value, path }) => toDeclared({ type: 'function', function: value }, path)),
    ],
    builtIn: [
      ...tools.map(({ value }) => builtInOf(value)).filter((tool) => tool !== null),
      ...builtInExtensions(request),
    ],
    wantsSearch: isObject(request.web_search_options),
    choice: readChoice(request.tool_choice ?? legacyChoice(request.function_call)),
  };
}

function legacyChoice(choice: unknown): unknown {
  return isObject(choice) ? { type: 'function', function: choice } : choice;
}
