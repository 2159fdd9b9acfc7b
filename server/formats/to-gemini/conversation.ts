import { createHash } from 'node:crypto';
import { dummySignature } from '../../gemini/repair-request.ts';
import type { Content, Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { SignatureUse, TranslationContext } from '../format.ts';
import type { ModelRules } from '../model-rules.ts';
import { isObject } from './read-fields.ts';
import type { ToolNames } from './tool-names.ts';

/** A tool call of an earlier turn, as a client sends it back. */
export interface PastCall {
  id: string;
  /** As the client knows the tool. */
  name: string;
  args: Record<string, unknown>;
  /** The thought signature, if the client kept it. */
  signature: string | undefined;
  /** The model that made it, where the client keeps that too. */
  maker?: string | undefined;
}

/** What a tool answered: an object for Gemini, and pictures or other media beside it. */
export interface ToolResult {
  response: Record<string, unknown>;
  media: Part[];
}

/** The turns as Gemini takes them. */
export interface BuiltConversation {
  contents: Content[];
  /** One part per system text, wherever it stood. */
  system: Part[];
  signatureUse: SignatureUse;
}

type Context = Pick<TranslationContext, 'signatureOf' | 'rulesOf'>;

/** How a client format says that calls have no results. @param ids Of the calls. */
type MissingResults = (ids: readonly string[]) => string;

const continueText =
  'Continue exactly from where your previous message ended. Do not repeat any of it; output only the continuation.';

/** Under which key the signature of an answer without calls is remembered. @param images Its pictures in base64. */
export function answerSignatureKey(text: string, images: readonly string[]): string {
  const hash = createHash('sha256').update(text);
  for (const image of images) hash.update(image);
  return `text:${hash.digest('base64url')}`;
}

/**
 * Puts the messages of any client format into Gemini's turns, in the order and grouping that Gemini checks: calls right after a user's
 * turn, all results of a turn together and in the order of its calls, every first call of a turn signed.
 */
export class Conversation {
  readonly #rules: ModelRules;
  readonly #names: ToolNames;
  readonly #context: Context;
  readonly #missingResults: MissingResults;
  readonly #path: string;
  readonly #system: Part[] = [];
  readonly #contents: Content[] = [];
  readonly #signatureUse: SignatureUse = { client: 0, restored: 0, placeholder: 0 };
  #pending: { id: string; name: string }[] = [];
  #results = new Map<string, ToolResult>();

  /** @param path Of the field that holds the turns, for errors. */
  constructor(
    rules: ModelRules,
    names: ToolNames,
    context: Context,
    missingResults: MissingResults = openAiWords,
    path = 'messages',
  ) {
    this.#rules = rules;
    this.#names = names;
    this.#context = context;
    this.#missingResults = missingResults;
    this.#path = path;
  }

  addSystem(parts: Part[]): void {
    this.#system.push(...parts.filter(hasMeaning));
  }

  /** @throws ApiError when calls before it have no result. */
  addUser(parts: Part[]): void {
    this.#closeCalls();
    this.#push('user', parts.filter(hasMeaning));
  }

  /** A turn of the model, or a piece of one: consecutive ones are one turn. @param signature That of its last text or picture. @param maker Of the signature, where it is known. */
  addModel(parts: Part[], calls: readonly PastCall[] = [], signature?: string, maker?: string): void {
    this.#signAnswer(parts, signature, maker);
    this.#signPictures(parts);
    const said = parts.filter(hasMeaning);
    if (said.length === 0 && calls.length === 0) return;
    if (this.#results.size > 0) this.#closeCalls();
    const hasSignedCall = this.#contents.at(-1)?.role === 'model' && this.#pending.length > 0;
    this.#push('model', [...said, ...calls.map((call, index) => this.#toPart(call, index === 0 && !hasSignedCall))]);
    this.#pending.push(...calls.map(({ id, name }) => ({ id, name: this.#names.toGemini(name) })));
  }

  /** Whether a call with this id waits for its result. */
  expects(callId: string): boolean {
    return this.#pending.some(({ id }) => id === callId);
  }

  /** The id of the oldest call of this tool that waits for its result; for formats that tell results by name. */
  pendingIdOf(name: string): string | undefined {
    const wanted = this.#names.toGemini(name);
    return this.#pending.find((call) => call.name === wanted && !this.#results.has(call.id))?.id;
  }

  /** @throws ApiError when no such call waits. @param path Of the id, for the error. */
  addResult(callId: string, result: ToolResult, path: string): void {
    if (!this.expects(callId)) throw invalidRequest(`No tool call with the id "${callId}" precedes this result.`, path);
    this.#results.set(callId, result);
  }

  /** @throws ApiError for an empty conversation and for calls without results. */
  build(): BuiltConversation {
    this.#closeCalls();
    return {
      contents: normalise(this.#contents, this.#system, this.#rules, this.#path),
      system: this.#system,
      signatureUse: this.#signatureUse,
    };
  }

  #toPart(call: PastCall, isFirst: boolean): Part {
    const { id, name, args } = call;
    const part: Part = { functionCall: { id, name: this.#names.toGemini(name), args } };
    const signature = this.#signatureFor(call, isFirst);
    return signature ? { ...part, thoughtSignature: signature } : part;
  }

  #signatureFor({ id, signature, maker }: PastCall, isFirst: boolean): string | undefined {
    const remembered = this.#context.signatureOf(id);
    const mayUse = this.#mayUse(maker ?? remembered?.model);
    if (signature && mayUse) {
      this.#signatureUse.client++;
      return signature;
    }
    if (remembered && mayUse) {
      this.#signatureUse.restored++;
      return remembered.signature;
    }
    if (!isFirst || !this.#rules.needsSignature) return undefined;
    this.#signatureUse.placeholder++;
    return dummySignature;
  }

  /** Signatures of texts and pictures make answers better and are never required, so what is not known is left out. */
  #signAnswer(parts: Part[], given: string | undefined, maker: string | undefined): void {
    const last = parts.findLast((part) => part.text !== undefined || part.inlineData !== undefined);
    if (!last || this.#rules.signatures === null) return;
    if (given && this.#mayUse(maker)) {
      last.thoughtSignature = given;
      return;
    }
    // Before Gemini 3 a signature changes nothing: not worth a hash of every past answer.
    if (this.#rules.signatures === 'g2') return;
    const images = parts.flatMap(({ inlineData }) => inlineData?.data ?? []);
    const text = textOf(parts);
    // An empty answer is like any other.
    if (text === '' && images.length === 0) return;
    const remembered = this.#context.signatureOf(answerSignatureKey(text, images));
    if (remembered && this.#mayUse(remembered.model)) last.thoughtSignature = remembered.signature;
  }

  /** Models that make pictures refuse their own without a signature. */
  #signPictures(parts: Part[]): void {
    if (!this.#rules.hasImageOutput || !this.#rules.needsSignature) return;
    for (const part of parts) {
      if (!part.inlineData || part.thoughtSignature) continue;
      part.thoughtSignature = dummySignature;
      this.#signatureUse.placeholder++;
    }
  }

  /** Gemma refuses what it did not make itself, and a newer Gemini what an older one made. A maker that nobody knows is most often Gemini. */
  #mayUse(maker: string | undefined): boolean {
    const { signatures } = this.#rules;
    if (maker === undefined) return signatures === 'g2' || signatures === 'g3';
    return signatures !== null && this.#context.rulesOf(maker).signatures === signatures;
  }

  #closeCalls(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    const results = this.#results;
    const missing = pending.filter(({ id }) => !results.has(id)).map(({ id }) => id);
    if (missing.length > 0) throw invalidRequest(this.#missingResults(missing), this.#path, 'missing_tool_result');
    this.#pending = [];
    this.#results = new Map();
    const answered = pending.map((call) => ({ call, result: results.get(call.id) as ToolResult }));
    const parts = answered.map(({ call, result: { response, media } }): Part => {
      const nested = this.#rules.hasMediaInResults && media.length > 0 && { parts: media };
      return { functionResponse: { ...call, response, ...nested } };
    });
    this.#contents.push({ role: 'user', parts });
    if (this.#rules.hasMediaInResults) return;
    for (const { call, result } of answered) {
      if (result.media.length > 0) this.#push('user', [{ text: `Media that ${call.name} returned:` }, ...result.media]);
    }
  }

  /** Adds to the last turn when it is of the same kind; results of tools stay a turn of their own. */
  #push(role: 'user' | 'model', parts: Part[]): void {
    if (parts.length === 0) return;
    const last = this.#contents.at(-1);
    const isResult = (part: Part | undefined) => part?.functionResponse !== undefined;
    if (last?.role === role && isResult(last.parts?.[0]) === isResult(parts[0])) last.parts?.push(...parts);
    else this.#contents.push({ role, parts });
  }
}

/** Google refuses an empty text, unless it carries a signature: so it does in the last frame of a streamed answer. */
function hasMeaning({ text, thoughtSignature }: Part): boolean {
  return text !== '' || thoughtSignature !== undefined;
}

/** What a tool answered, given as parts: its texts as one, and media beside. */
export function toToolResult(parts: readonly Part[]): ToolResult {
  return { response: toToolResponse(textOf(parts)), media: parts.filter((part) => part.text === undefined) };
}

/** All texts of some parts as one. */
export function textOf(parts: readonly Part[]): string {
  return parts.map(({ text = '' }) => text).join('');
}

/** A tool's text as the object that Gemini takes; anything else is wrapped. `$ref` has a meaning of its own there, so a text with it stays a text. */
export function toToolResponse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (hasRef(value)) return { result: text };
    return isObject(value) ? value : { result: value };
  } catch {
    return { result: text };
  }
}

/** The arguments of a call, which clients send as a text. @throws ApiError */
export function toToolArgs(text: string, path: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : { value };
  } catch {
    throw invalidRequest('The arguments of a tool call must be JSON.', path);
  }
}

function hasRef(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasRef);
  return isObject(value) && (Object.hasOwn(value, '$ref') || Object.values(value).some(hasRef));
}

function openAiWords(ids: readonly string[]): string {
  return (
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. ` +
    `The following tool_call_ids did not have response messages: ${ids.join(', ')}`
  );
}

function normalise(contents: Content[], system: Part[], rules: ModelRules, path: string): Content[] {
  if (contents.length === 0) {
    const last = system.pop();
    if (!last) throw invalidRequest(`\`${path}\` has no content.`, path);
    return [{ role: 'user', parts: [last] }];
  }
  const isCallTurn = contents[0]?.role === 'model' && contents[0].parts?.some((part) => part.functionCall);
  const turns = isCallTurn ? [{ role: 'user' as const, parts: [{ text: 'Continue.' }] }, ...contents] : contents;
  if (turns.at(-1)?.role !== 'model' || rules.mayEndWithModelTurn) return turns;
  return [...turns, { role: 'user', parts: [{ text: continueText }] }];
}
