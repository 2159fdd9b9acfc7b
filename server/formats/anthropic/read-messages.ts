import type { Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { type Conversation, type PastCall, textOf, toToolResult } from '../to-gemini/conversation.ts';
import type { MediaReader } from '../to-gemini/media.ts';
import { type Fields, isObject, readObjects } from '../to-gemini/read-fields.ts';
import { decodeCarrier } from '../to-gemini/signature-carrier.ts';
import { fromPictureText } from './pictures.ts';
import { type Block, readBlocks, toParts, toTexts, unsupported } from './read-blocks.ts';

/** What Anthropic's own servers did in an earlier turn, for them alone to read. */
const foreignBlocks = /^(redacted_thinking|server_tool_use|mcp_tool_use|\w+_tool_result)$/;

/**
 * Claude Code begins its system prompt with a line for Anthropic's accounts that is another one in every request. Sent on, it would keep
 * Gemini from ever finding the prompt in its cache (github.com/anthropics/claude-code/issues/68900).
 */
const billingLine = /^x-anthropic-billing-header:[^\n]*\n*/;

/** Adds the system prompt. @throws ApiError */
export function readSystem(system: unknown, conversation: Conversation): void {
  if (system === undefined || system === null) return;
  const parts = toTexts(readBlocks(system, 'system'));
  const texts = parts.map(({ text = '' }) => text.replace(billingLine, '')).filter((text) => text !== '');
  conversation.addSystem(texts.map((text) => ({ text })));
}

/**
 * Adds the messages, in order. What the user says between two answers is one turn, in which the results of tools come first however the
 * client had put them. @throws ApiError
 */
export function readMessages(messages: unknown, conversation: Conversation, media: MediaReader): void {
  if (!Array.isArray(messages) || messages.length === 0)
    throw invalidRequest('`messages` must be a list with at least one message.', 'messages');
  let said: Part[] = [];
  const endTurn = () => {
    if (said.length > 0) conversation.addUser(said);
    said = [];
  };
  for (const { value, path } of readObjects(messages, 'messages')) {
    switch (value.role) {
      case 'user':
        said.push(...addResults(contentOf(value, path), conversation, media));
        break;
      case 'assistant':
        endTurn();
        addAnswer(contentOf(value, path), conversation, media);
        break;
      case 'system':
        conversation.addSystem(toTexts(readBlocks(value.content ?? '', `${path}.content`)));
        break;
      default:
        throw invalidRequest('`role` must be user, assistant or system.', `${path}.role`);
    }
  }
  endTurn();
}

function contentOf({ content }: Fields, path: string): Block[] {
  return readBlocks(content, `${path}.content`);
}

/** Adds the results of tools; returns the rest. */
function addResults(blocks: readonly Block[], conversation: Conversation, media: MediaReader): Part[] {
  const isResult = ({ value }: Block) => value.type === 'tool_result';
  for (const block of blocks.filter(isResult)) addResult(block, conversation, media);
  return toParts(
    blocks.filter((block) => !isResult(block)),
    media,
  );
}

function addResult({ value, path }: Block, conversation: Conversation, media: MediaReader): void {
  const { tool_use_id: id, content, is_error: isError } = value;
  if (typeof id !== 'string' || id === '') throw invalidRequest('`tool_use_id` is missing.', `${path}.tool_use_id`);
  const parts = toParts(readBlocks(content ?? '', `${path}.content`), media);
  const result = toToolResult(parts);
  if (isError === true) result.response = { error: textOf(parts) };
  conversation.addResult(id, result, `${path}.tool_use_id`);
}

/** An earlier answer of the model: what it said and which tools it called. Its thoughts serve only to bring back the signatures. */
function addAnswer(blocks: readonly Block[], conversation: Conversation, media: MediaReader): void {
  const carriers = blocks.flatMap(({ value }) =>
    value.type === 'thinking' ? (decodeCarrier(value.signature) ?? []) : [],
  );
  const calls: PastCall[] = [];
  const parts: Part[] = [];
  for (const block of blocks) {
    const { type } = block.value;
    if (typeof type !== 'string') throw unsupported(block);
    if (type === 'tool_use') calls.push(toCall(block));
    else if (type === 'text' && block.value.text === '') parts.push({ text: '' });
    else if (type === 'text') parts.push(...toTexts([block]).flatMap(({ text = '' }) => fromPictureText(text)));
    else if (type !== 'thinking' && !foreignBlocks.test(type)) parts.push(...toParts([block], media));
  }
  const signed = calls.map((call) => {
    const carrier = carriers.find((candidate) => candidate.calls.has(call.id));
    return carrier ? { ...call, signature: carrier.calls.get(call.id), maker: carrier.model } : call;
  });
  const ofText = carriers.findLast(({ text }) => text !== undefined);
  conversation.addModel(parts, signed, ofText?.text, ofText?.model);
}

function toCall({ value: { id, name, input }, path }: Block): PastCall {
  if (typeof id !== 'string' || id === '') throw invalidRequest('`id` is missing.', `${path}.id`);
  if (typeof name !== 'string' || name === '') throw invalidRequest('`name` is missing.', `${path}.name`);
  const args = isObject(input) ? input : input === undefined || input === null ? {} : { value: input };
  return { id, name, args, signature: undefined };
}
