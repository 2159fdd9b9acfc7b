import type { Candidate, GenerateContentResponse, Part, UsageMetadata } from '../../gemini/types.ts';
import type { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody, AnswerHead, StoredResponse } from '../format.ts';
import { PartStarts, toAnnotations } from '../from-gemini/annotations.ts';
import { codeText } from '../from-gemini/code-text.ts';
import { toFinishReason } from '../from-gemini/finish-reason.ts';
import { type TokenLogprob, toLogprobs } from '../from-gemini/logprobs.ts';
import { servedTier } from '../from-gemini/service-tier.ts';
import { type ToolCall, ToolCallReader } from '../from-gemini/tool-calls.ts';
import { answerSignatureKey } from '../to-gemini/conversation.ts';
import type { Fields } from '../to-gemini/read-fields.ts';
import { toText } from '../to-gemini/read-fields.ts';
import { encodeCarrier } from '../to-gemini/signature-carrier.ts';
import type { Tools } from '../to-gemini/tools.ts';
import { EventWriter } from './event-writer.ts';
import { type OutputItem, OutputWriter, type UrlCitation } from './output-writer.ts';
import type { ResponsesRequest } from './request.ts';
import { responseHead, toResponseError } from './response-object.ts';
import type { ToolNamespaces } from './tool-namespaces.ts';
import { toUsage } from './usage.ts';

export interface ResponsesAnswerOptions extends AnswerHead {
  request: ResponsesRequest;
  /** The id that was called upstream: it made the signatures. */
  model: string;
  tools: Pick<Tools, 'names' | 'customNames'>;
  namespaces: ToolNamespaces;
  /** The client wants to see thoughts. */
  showsThoughts: boolean;
  /** The client keeps what is encrypted for us. */
  carriesSignatures: boolean;
  /** All items that this answers. */
  input: readonly Fields[];
  previous: StoredResponse | undefined;
}

interface EndState extends Fields {
  output: OutputItem[];
}

type Ending = 'completed' | 'incomplete' | 'failed';

/** A response, whole or as events. */
export class ResponsesAnswer implements Answer {
  readonly #options: ResponsesAnswerOptions;
  readonly #events: EventWriter;
  readonly #output: OutputWriter;
  readonly #calls: ToolCallReader;
  readonly #head: ReturnType<typeof responseHead>;
  readonly #signatures = new Map<string, string>();
  /** Signatures that no reasoning item carries yet. */
  #uncarried: { calls: Map<string, string>; text: string | undefined } = { calls: new Map(), text: undefined };
  #text = '';
  readonly #images: string[] = [];
  #textSignature: string | undefined;
  #hasCalls = false;
  #finishReason: string | undefined;
  #finishMessage: string | undefined;
  #blockReason: string | undefined;
  /** Frames that may hold sources, for the annotations. */
  readonly #sources: Candidate[] = [];
  /** Where each part of Gemini's begins in the text of all messages. */
  readonly #partStarts = new PartStarts();
  #hasBegun = false;
  #stored: StoredResponse | null = null;

  constructor(options: ResponsesAnswerOptions) {
    const { request, created, randomId, tools } = options;
    this.#options = options;
    this.#events = new EventWriter(request.stream);
    this.#output = new OutputWriter(this.#events, randomId);
    this.#calls = new ToolCallReader(tools.names, tools.customNames, randomId);
    this.#head = responseHead(request, `resp_${randomId(24)}`, created);
  }

  body([response = {}]: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    this.#read(response);
    return { content: this.#finish(usage) };
  }

  chunk(response: GenerateContentResponse): string {
    this.#begin();
    this.#read(response);
    return this.#events.take();
  }

  end(usage: UsageMetadata): string {
    this.#begin();
    this.#finish(usage);
    return this.#events.take();
  }

  error(error: ApiError, usage: UsageMetadata): string {
    this.#begin();
    this.#output.cut();
    this.#tell('failed', this.#endState('failed', usage, { error: toResponseError(error) }));
    return this.#events.take();
  }

  signatures(): ReadonlyMap<string, string> {
    if (this.#textSignature) this.#signatures.set(answerSignatureKey(this.#text, this.#images), this.#textSignature);
    return this.#signatures;
  }

  stored(): StoredResponse | null {
    return this.#stored;
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const state = { status: 'in_progress', completed_at: null, error: null, incomplete_details: null, output: [] };
    this.#tell('created', state);
    this.#tell('in_progress', state);
  }

  /** Tells of the response as a whole and returns it as JSON. */
  #tell(event: string, state: object): string {
    const json = JSON.stringify({ ...this.#head, ...state });
    this.#events.addMembers(`response.${event}`, `"response":${json}`);
    return json;
  }

  #read(response: GenerateContentResponse): void {
    const [candidate] = response.candidates ?? [];
    if (!candidate) {
      this.#blockReason ??= response.promptFeedback?.blockReason;
      return;
    }
    if (candidate.finishReason) this.#finishReason = candidate.finishReason;
    if (candidate.finishMessage) this.#finishMessage = candidate.finishMessage;
    if (candidate.groundingMetadata || candidate.citationMetadata) this.#sources.push(candidate);
    let logprobs = toLogprobs(candidate) ?? [];
    for (const part of candidate.content?.parts ?? []) {
      this.#partStarts.add(part, this.#text.length, this.#options.request.stream);
      this.#readPart(part, logprobs);
      if (part.text && !part.thought) logprobs = [];
    }
  }

  #readPart(part: Part, logprobs: TokenLogprob[]): void {
    const { text, functionCall, thoughtSignature, inlineData, thought } = part;
    // Parts that are not shown have signatures too; those of another part are refused later.
    if (thoughtSignature && (text !== undefined || inlineData)) {
      this.#textSignature = thoughtSignature;
      this.#uncarried.text = thoughtSignature;
    }
    if (functionCall) this.#addCall(this.#calls.read(part));
    else if (thought) this.#addThought(text ?? '');
    else if (inlineData?.mimeType?.startsWith('image/')) this.#addImage(inlineData.data ?? '');
    else this.#addText(text || codeText(part) || part.fileData?.fileUri || '', logprobs);
  }

  #addThought(text: string): void {
    if (text === '') return;
    if (this.#output.open !== 'reasoning') this.#close();
    this.#output.addThought(this.#options.showsThoughts ? text : '');
  }

  #addText(text: string, logprobs: TokenLogprob[]): void {
    if (text === '') return;
    if (this.#output.open !== 'message') this.#closeAndCarry();
    this.#text += text;
    this.#output.addText(text, logprobs);
  }

  #addImage(data: string): void {
    this.#closeAndCarry();
    this.#images.push(data);
    this.#output.addImage(data);
  }

  #addCall({ id, name, args, isCustom, signature }: ToolCall): void {
    if (signature) {
      this.#signatures.set(id, signature);
      this.#uncarried.calls.set(id, signature);
    }
    this.#closeAndCarry();
    this.#hasCalls = true;
    const input = isCustom ? toText(args.input ?? '') : JSON.stringify(args);
    this.#output.addCall({ callId: id, ...this.#options.namespaces.toClient(name), input, isCustom });
  }

  #close(status: 'completed' | 'incomplete' = 'completed'): void {
    const encrypted = this.#output.open === 'reasoning' ? this.#takeCarrier() : undefined;
    this.#output.close({ status, annotations: (text) => this.#annotationsOf(text), encrypted });
  }

  /** Signatures travel in a reasoning item: the one before what they sign, or else one of their own. */
  #closeAndCarry(status: 'completed' | 'incomplete' = 'completed'): void {
    this.#close(status);
    const encrypted = this.#takeCarrier();
    if (encrypted === undefined) return;
    this.#output.addThought('');
    this.#output.close({ status, annotations: () => [], encrypted });
  }

  #takeCarrier(): string | undefined {
    const { calls, text } = this.#uncarried;
    if (!this.#options.carriesSignatures || (calls.size === 0 && text === undefined)) return undefined;
    this.#uncarried = { calls: new Map(), text: undefined };
    return encodeCarrier({ calls, text, model: this.#options.model });
  }

  /** The sources of the message that ends here, as far as they are known: an answer sent whole gets its annotations when all is read. */
  #annotationsOf(text: string): UrlCitation[] {
    return this.#options.request.stream ? this.#sourcesOf(text, this.#text.length, true) : [];
  }

  #annotateAll(): void {
    const messages = this.#output.texts();
    let end = 0;
    for (const [index, message] of messages.entries()) {
      end += message.text.length;
      message.annotations = this.#sourcesOf(message.text, end, index === messages.length - 1);
    }
  }

  /**
   * What a message's statements rest on. Gemini counts over the whole answer, OpenAI within the message.
   * @param end Of the message, as an index of the whole text. @param isLast Sources of the answer as a whole are told at its end.
   */
  #sourcesOf(text: string, end: number, isLast: boolean): UrlCitation[] {
    if (this.#sources.length === 0) return [];
    const first = charactersIn(this.#text.slice(0, end - text.length));
    const last = first + charactersIn(text);
    return toAnnotations(this.#sources, this.#text, this.#partStarts.indexes)
      .map(({ type, url_citation }) => ({ type, ...url_citation }))
      .filter(({ start_index: start }) => start >= first && (start < last || (isLast && start === last)))
      .map((citation) => ({
        ...citation,
        start_index: citation.start_index - first,
        end_index: Math.min(citation.end_index, last) - first,
      }));
  }

  /** Ends the response and returns it as JSON. */
  #finish(usage: UsageMetadata): string {
    const hasContent = this.#text !== '' || this.#hasCalls || this.#images.length > 0;
    const finish = this.#blockReason
      ? 'content_filter'
      : toFinishReason(this.#finishReason, this.#hasCalls, hasContent);
    const reason = incompleteReasons[finish];
    const status = reason ? 'incomplete' : 'completed';
    this.#closeAndCarry(status);
    if (!hasContent && finish === 'content_filter') this.#output.addRefusal(this.#refusal());
    // A client reads the answer's text in its message, also where it is empty.
    if (!hasContent && finish === 'stop') {
      this.#output.addText('', []);
      this.#close();
    }
    if (!this.#options.request.stream) this.#annotateAll();
    const details = { incomplete_details: reason ? { reason } : null };
    const state = this.#endState(status, usage, details);
    const json = this.#tell(status, state);
    this.#store(state, json.length);
    return json;
  }

  #refusal(): string {
    if (this.#blockReason) return `Prompt blocked by Gemini: ${this.#blockReason}`;
    return this.#finishMessage ?? `Response blocked by Gemini: ${this.#finishReason}`;
  }

  #endState(status: Ending, usage: UsageMetadata, more: object): EndState {
    return {
      status,
      completed_at: status === 'completed' ? this.#options.now() : null,
      error: null,
      incomplete_details: null,
      output: this.#output.items,
      usage: toUsage(usage),
      service_tier: servedTier(usage) ?? 'default',
      ...more,
    };
  }

  #store(state: EndState, jsonLength: number): void {
    if (!this.#head.store) return;
    const { input, previous } = this.#options;
    this.#stored = { body: { ...this.#head, ...state }, input, bytes: jsonLength + (previous?.bytes ?? 0) };
  }
}

/** As OpenAI counts. */
function charactersIn(text: string): number {
  return [...text].length;
}

/** Why a response is incomplete, by OpenAI's finish reason. */
const incompleteReasons: Record<string, string> = { length: 'max_output_tokens', content_filter: 'content_filter' };
