import { invalidRequest } from '../api-error.ts';
import { isObject, readBody, readBoolean } from '../to-gemini/read-fields.ts';

/** A chat completion request as far as its shape has been checked: the rest is checked where it is translated. */
export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  stream: boolean;
  [field: string]: unknown;
}

export interface ChatMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function';
  content?: string | ContentPart[] | null;
  refusal?: string | null;
  name?: string;
  tool_calls?: ToolCall[] | null;
  function_call?: { name: string; arguments?: string } | null;
  tool_call_id?: string;
  [field: string]: unknown;
}

export interface ContentPart {
  type: string;
  [field: string]: unknown;
}

export interface ToolCall {
  id: string;
  type?: string;
  function?: { name?: string; arguments?: string };
  custom?: { name?: string; input?: string };
  [field: string]: unknown;
}

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** Checks the shape that every later step relies on. Written by hand: a schema library costs more than the translation itself. @throws ApiError */
export function readRequest(body: unknown): ChatRequest {
  const request = readBody(body);
  if (!Array.isArray(request.messages) || request.messages.length === 0) {
    throw invalidRequest('`messages` must be a list with at least one message.', 'messages');
  }
  for (let index = 0; index < request.messages.length; index++)
    checkMessage(request.messages[index], `messages[${index}]`);
  return { ...(request as Omit<ChatRequest, 'stream'>), stream: readBoolean(request, 'stream') } as ChatRequest;
}

function checkMessage(message: unknown, path: string): void {
  if (!isObject(message)) throw invalidRequest('A message must be an object.', path);
  const { role, content, tool_calls: calls } = message;
  if (typeof role !== 'string' || !roles.has(role)) {
    throw invalidRequest(`\`role\` must be one of ${[...roles].join(', ')}.`, `${path}.role`);
  }
  if (content !== undefined && content !== null && typeof content !== 'string') checkParts(content, `${path}.content`);
  if (calls === undefined || calls === null) return;
  if (!Array.isArray(calls)) throw invalidRequest('`tool_calls` must be a list.', `${path}.tool_calls`);
  calls.forEach((call, index) => {
    const isCall = isObject(call) && typeof call.id === 'string' && (isObject(call.function) || isObject(call.custom));
    if (!isCall) throw invalidRequest('A tool call needs `id` and `function`.', `${path}.tool_calls[${index}]`);
  });
}

function checkParts(parts: unknown, path: string): void {
  if (!Array.isArray(parts)) throw invalidRequest('`content` must be a text, a list of parts, or null.', path);
  parts.forEach((part, index) => {
    if (isObject(part) && typeof part.type === 'string') return;
    throw invalidRequest('A content part must be an object with a `type`.', `${path}[${index}]`);
  });
}
