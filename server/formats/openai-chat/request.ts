import { invalidRequest } from '../api-error.ts';

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
  extra_content?: ExtraContent;
  [field: string]: unknown;
}

export interface ContentPart {
  type: string;
  [field: string]: unknown;
}

export interface ToolCall {
  id: string;
  type?: string;
  function?: { name?: string; arguments?: string; extra_content?: ExtraContent };
  custom?: { name?: string; input?: string };
  extra_content?: ExtraContent;
  [field: string]: unknown;
}

export interface ExtraContent {
  google?: { thought_signature?: string };
}

const roles = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);

/** Checks the shape that every later step relies on. Written by hand: a schema library costs more than the translation itself. @throws ApiError */
export function readRequest(body: unknown): ChatRequest {
  if (!isObject(body)) throw invalidRequest('The body must be a JSON object.', null);
  if (typeof body.model !== 'string' || body.model === '')
    throw invalidRequest('`model` must be the name of a model.', 'model');
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    throw invalidRequest('`messages` must be a list with at least one message.', 'messages');
  }
  if (body.stream !== undefined && body.stream !== null && typeof body.stream !== 'boolean') {
    throw invalidRequest('`stream` must be true or false.', 'stream');
  }
  for (let index = 0; index < body.messages.length; index++) checkMessage(body.messages[index], `messages[${index}]`);
  body.stream = body.stream === true;
  return body as ChatRequest;
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

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
