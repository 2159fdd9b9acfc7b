import type { Part } from '../../gemini/types.ts';
import { type ApiError, invalidRequest } from '../api-error.ts';
import { type Conversation, type PastCall, toToolArgs, toToolResult } from '../to-gemini/conversation.ts';
import { fromAudio, fromBase64, type MediaReader } from '../to-gemini/media.ts';
import { type Fields, isObject, toText } from '../to-gemini/read-fields.ts';
import { decodeCarrier } from '../to-gemini/signature-carrier.ts';
import { type InputItem, itemType } from './input-items.ts';
import type { ToolNamespaces } from './tool-namespaces.ts';

/** What is read into. */
interface Target {
  conversation: Conversation;
  media: MediaReader;
  namespaces: ToolNamespaces;
}

/** Adds the items of a request to a conversation, in order. @throws ApiError */
export function readItems(items: readonly InputItem[], target: Target): void {
  const reader = new ItemReader(target);
  for (const { value, path } of items) reader.read(value, path);
  reader.endTurn();
}

interface Signature {
  signature: string;
  maker: string;
}

/** Gathers the items of each turn of the model: Gemini checks its turns as wholes. */
class ItemReader {
  readonly #target: Target;
  /** Signatures of calls that `reasoning` items brought, by call id. */
  readonly #signatures = new Map<string, Signature>();
  #parts: Part[] = [];
  #calls: PastCall[] = [];
  #textSignature: Signature | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  read(item: Fields, path: string): void {
    const type = itemType(item);
    switch (type) {
      case 'message':
        this.#readMessage(item, path);
        break;
      case 'reasoning':
        this.#readReasoning(item);
        break;
      case 'function_call':
        this.#addCall(item, path, toToolArgs(textOf(item.arguments), `${path}.arguments`));
        break;
      case 'custom_tool_call':
        this.#addCall(item, path, { input: textOf(item.input) });
        break;
      case 'function_call_output':
      case 'custom_tool_call_output':
        this.#readOutput(item, path);
        break;
      case 'image_generation_call':
        this.#readImage(item, path);
        break;
      // What a search found is in the answer; more tools have been read with the others.
      case 'web_search_call':
      case 'additional_tools':
        break;
      default:
        throw unsupportedItem(type, path);
    }
  }

  endTurn(): void {
    const { conversation } = this.#target;
    const calls = this.#calls.map((call) => ({ ...call, ...this.#signatures.get(call.id) }));
    if (this.#parts.length > 0 || calls.length > 0)
      conversation.addModel(this.#parts, calls, this.#textSignature?.signature, this.#textSignature?.maker);
    this.#parts = [];
    this.#calls = [];
    this.#textSignature = undefined;
  }

  #readMessage({ role, content }: Fields, path: string): void {
    const parts = toParts(content, `${path}.content`, this.#target.media);
    switch (role) {
      case 'system':
      case 'developer':
        this.#target.conversation.addSystem(parts);
        break;
      case 'user':
        this.endTurn();
        this.#target.conversation.addUser(parts);
        break;
      case 'assistant':
        this.#say(parts);
        break;
      default:
        throw invalidRequest('`role` must be one of user, assistant, system, developer.', `${path}.role`);
    }
  }

  /** What the model said comes before its calls; a text after them is a piece of its own. */
  #say(parts: Part[]): void {
    if (this.#calls.length > 0) this.endTurn();
    this.#parts.push(...parts);
  }

  /** The thoughts themselves are not for the model; with them come the signatures of its turn. */
  #readReasoning({ encrypted_content: encrypted }: Fields): void {
    const carrier = decodeCarrier(encrypted);
    if (!carrier) return;
    const { calls, text, model: maker } = carrier;
    for (const [id, signature] of calls) this.#signatures.set(id, { signature, maker });
    if (text !== undefined) this.#textSignature = { signature: text, maker };
  }

  #addCall(item: Fields, path: string, args: Record<string, unknown>): void {
    const id = requiredText(item, 'call_id', path);
    const name = this.#target.namespaces.toFlat(requiredText(item, 'name', path), item.namespace);
    this.#calls.push({ id, name, args, signature: undefined });
  }

  #readOutput(item: Fields, path: string): void {
    this.endTurn();
    const id = requiredText(item, 'call_id', path);
    if (item.output === undefined) throw invalidRequest('The output of the call is missing.', `${path}.output`);
    const parts = toParts(item.output, `${path}.output`, this.#target.media);
    this.#target.conversation.addResult(id, toToolResult(parts), `${path}.call_id`);
  }

  #readImage({ result }: Fields, path: string): void {
    if (typeof result === 'string' && result !== '') this.#say([fromBase64(result, undefined, `${path}.result`)]);
  }
}

/** Content, or the output of a tool, as Gemini parts. @param path For errors. @throws ApiError */
function toParts(content: unknown, path: string, media: MediaReader): Part[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [{ text: content }];
  if (!Array.isArray(content)) throw invalidRequest('A text or a list of parts is expected.', path);
  return content.map((part, index) => toPart(part, `${path}[${index}]`, media));
}

function toPart(part: unknown, path: string, media: MediaReader): Part {
  if (!isObject(part)) throw invalidRequest('A content part must be an object with a `type`.', path);
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
      return { text: textOf(part.text) };
    case 'refusal':
      return { text: textOf(part.refusal) };
    case 'input_image':
      return toImage(part, path, media);
    case 'input_file':
      return media.fromFile(part, path);
    case 'input_audio':
      return fromAudio(part.input_audio, `${path}.input_audio`);
    default:
      throw invalidRequest(
        `Content parts of type "${toText(part.type)}" are not supported.`,
        `${path}.type`,
        'unsupported_value',
      );
  }
}

function toImage({ image_url: image, file_id: id }: Fields, path: string, media: MediaReader): Part {
  if (id !== undefined && id !== null) return media.fromFileId(id, `${path}.file_id`);
  // Chat Completions has an object here, and some clients keep it.
  return media.fromUrl(isObject(image) ? image.url : image, `${path}.image_url`);
}

function requiredText(item: Fields, name: string, path: string): string {
  const value = item[name];
  if (typeof value === 'string' && value !== '') return value;
  throw invalidRequest(`\`${name}\` must be a text.`, `${path}.${name}`);
}

/** A text, or what stands for one: some clients send arguments as an object. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function unsupportedItem(type: unknown, path: string): ApiError {
  if (typeof type !== 'string') return invalidRequest('An item needs a `type`.', `${path}.type`);
  return invalidRequest(
    `Items of type "${type}" are not supported here; leave them out of \`input\`.`,
    `${path}.type`,
    'unsupported_value',
  );
}
