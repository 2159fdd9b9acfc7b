import { dummySignature } from '../../gemini/repair-request.ts';
import type { Content, Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { ModelRules } from '../model-rules.ts';
import { type ChatMessage, isObject, type ToolCall } from './request.ts';
import { textOf, toParts } from './to-parts.ts';
import type { ToolNames } from './tool-names.ts';

export interface Conversation {
  contents: Content[];
  /** One part per system text, wherever it stood. */
  system: Part[];
}

interface PendingCall {
  id: string;
  name: string;
}

const continueText =
  'Continue exactly from where your previous message ended. Do not repeat any of it; output only the continuation.';

/** Messages as Gemini's turns, in the order and grouping that Gemini checks. @throws ApiError for tool results that do not fit the calls. */
export function toConversation(
  messages: readonly ChatMessage[],
  rules: ModelRules,
  names: ToolNames,
  signatureOf: (toolCallId: string) => string | undefined,
): Conversation {
  const system: Part[] = [];
  const contents: Content[] = [];
  let pending: PendingCall[] = [];
  let responses = new Map<string, Part>();

  const closeCalls = () => {
    requireAllResults(pending, responses);
    if (pending.length > 0) contents.push({ role: 'user', parts: pending.map(({ id }) => responses.get(id) as Part) });
    pending = [];
    responses = new Map();
  };

  messages.forEach((message, index) => {
    const path = `messages[${index}]`;
    if (message.role === 'tool' || message.role === 'function') {
      const call = findCall(message, pending, path);
      responses.set(call.id, toFunctionResponse(message, call));
      return;
    }
    if (message.role === 'system' || message.role === 'developer') {
      system.push(...toParts(message.content, `${path}.content`));
      return;
    }
    if (message.role === 'user') {
      closeCalls();
      push(contents, 'user', toParts(message.content, `${path}.content`));
      return;
    }
    const calls = callsOf(message, path);
    // An assistant turn split into two messages is one turn: its calls are answered together.
    if (responses.size > 0) closeCalls();
    push(contents, 'model', [...textParts(message, path, rules), ...callParts(calls, path, rules, names, signatureOf)]);
    pending.push(...calls.map(({ id, name }) => ({ id, name: names.toGemini(name) })));
  });
  closeCalls();
  return { contents: normalise(contents, system, rules), system };
}

interface Call extends PendingCall {
  args: string;
  isCustom: boolean;
  signature: string | undefined;
}

function callsOf(message: ChatMessage, path: string): Call[] {
  const calls = (message.tool_calls ?? []).map((call, index): Call => {
    const { id, signature } = signatureIn(call);
    if (call.custom)
      return { id, name: call.custom.name ?? '', args: call.custom.input ?? '', isCustom: true, signature };
    const name = call.function?.name;
    if (!name)
      throw invalidRequest('The name of the called function is missing.', `${path}.tool_calls[${index}].function.name`);
    return { id, name, args: call.function?.arguments ?? '', isCustom: false, signature };
  });
  const legacy = message.function_call;
  if (legacy)
    calls.push({
      id: `call_${legacy.name}`,
      name: legacy.name,
      args: legacy.arguments ?? '',
      isCustom: false,
      signature: undefined,
    });
  return calls;
}

/** Clients bring a signature back in one of several places, or not at all; one library hides it in the id. */
function signatureIn(call: ToolCall): { id: string; signature: string | undefined } {
  const [id = call.id, inId] = call.id.split('__thought__');
  const other = call as {
    thought_signature?: string;
    thoughtSignature?: string;
    provider_specific_fields?: { thought_signature?: string };
  };
  const signature =
    call.extra_content?.google?.thought_signature ??
    call.function?.extra_content?.google?.thought_signature ??
    other.thought_signature ??
    other.thoughtSignature ??
    other.provider_specific_fields?.thought_signature ??
    inId;
  return { id, signature };
}

function callParts(
  calls: Call[],
  path: string,
  rules: ModelRules,
  names: ToolNames,
  signatureOf: (id: string) => string | undefined,
): Part[] {
  return calls.map((call, index) => {
    const where = `${path}.tool_calls[${index}].function.arguments`;
    const args = call.isCustom ? { input: call.args } : toArgs(call.args, where);
    const part: Part = { functionCall: { id: call.id, name: names.toGemini(call.name), args } };
    const known = rules.takesSignatures ? (call.signature ?? signatureOf(call.id)) : undefined;
    const signature = known ?? (rules.needsSignature && index === 0 ? dummySignature : undefined);
    return signature ? { ...part, thoughtSignature: signature } : part;
  });
}

function toArgs(text: string, path: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : { value };
  } catch {
    throw invalidRequest('The arguments of a tool call must be JSON.', path);
  }
}

function textParts(message: ChatMessage, path: string, rules: ModelRules): Part[] {
  const parts = toParts(message.content, `${path}.content`);
  if (parts.length === 0 && message.refusal) parts.push({ text: message.refusal });
  const signature = rules.takesSignatures ? message.extra_content?.google?.thought_signature : undefined;
  const last = parts.at(-1);
  if (signature && last) last.thoughtSignature = signature;
  return parts;
}

function findCall(message: ChatMessage, pending: PendingCall[], path: string): PendingCall {
  if (message.role === 'function') {
    const byName = pending.find(({ name }) => name === message.name);
    if (byName) return byName;
    throw invalidRequest(`No call of the function "${message.name}" precedes its result.`, `${path}.name`);
  }
  const id = String(message.tool_call_id ?? '').split('__thought__')[0];
  const call = pending.find((candidate) => candidate.id === id);
  if (call) return call;
  throw invalidRequest(`No tool call with the id "${id}" precedes this result.`, `${path}.tool_call_id`);
}

function toFunctionResponse(message: ChatMessage, { id, name }: PendingCall): Part {
  return { functionResponse: { id, name, response: toResponse(textOf(message.content)) } };
}

/** Gemini takes an object; anything else is wrapped. `$ref` has a meaning of its own there, so a text with it stays a text. */
function toResponse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return hasRef(value) ? { result: text } : value;
    return { result: value };
  } catch {
    return { result: text };
  }
}

function hasRef(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasRef);
  return isObject(value) && (Object.hasOwn(value, '$ref') || Object.values(value).some(hasRef));
}

function requireAllResults(pending: PendingCall[], responses: ReadonlyMap<string, Part>): void {
  const missing = pending.filter(({ id }) => !responses.has(id)).map(({ id }) => id);
  if (missing.length === 0) return;
  throw invalidRequest(
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. ` +
      `The following tool_call_ids did not have response messages: ${missing.join(', ')}`,
    'messages',
    'missing_tool_result',
  );
}

/** Adds to the last turn when it is of the same kind: Gemini wants a call's turn right after a user's. */
function push(contents: Content[], role: 'user' | 'model', parts: Part[]): void {
  if (parts.length === 0) return;
  const last = contents.at(-1);
  const isResult = (part: Part | undefined) => part?.functionResponse !== undefined;
  if (last?.role === role && isResult(last.parts?.[0]) === isResult(parts[0])) last.parts?.push(...parts);
  else contents.push({ role, parts });
}

function normalise(contents: Content[], system: Part[], rules: ModelRules): Content[] {
  if (contents.length === 0) {
    const last = system.pop();
    if (!last) throw invalidRequest('The messages have no content.', 'messages');
    return [{ role: 'user', parts: [last] }];
  }
  const isCallTurn = contents[0]?.role === 'model' && contents[0].parts?.some((part) => part.functionCall);
  const turns = isCallTurn ? [{ role: 'user' as const, parts: [{ text: 'Continue.' }] }, ...contents] : contents;
  if (turns.at(-1)?.role !== 'model' || rules.mayEndWithModelTurn) return turns;
  return [...turns, { role: 'user', parts: [{ text: continueText }] }];
}
