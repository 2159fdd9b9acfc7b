import type { Candidate, GenerateContentResponse, Part, UsageMetadata } from '../../gemini/types.ts';
import type { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody, AnswerHead } from '../format.ts';
import { codeText } from '../from-gemini/code-text.ts';
import { toFinishReason } from '../from-gemini/finish-reason.ts';
import { ToolCallReader } from '../from-gemini/tool-calls.ts';
import { answerSignatureKey } from '../to-gemini/conversation.ts';
import { isObject } from '../to-gemini/read-fields.ts';
import { encodeCarrier } from '../to-gemini/signature-carrier.ts';
import type { ToolNames } from '../to-gemini/tool-names.ts';
import { renderAnthropicError } from './error.ts';
import { pictureText } from './pictures.ts';
import { toUsage } from './usage.ts';

/** Breaks the silence of a stream that has begun. */
export const ping = event({ type: 'ping' });

export interface MessageAnswerOptions extends AnswerHead {
  /** As the client named it. */
  model: string;
  /** The one that is called, whose signatures these are. */
  upstreamModel: string;
  names: ToolNames;
}

type Block =
  | { type: 'thinking'; thinking: string }
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

const stopReasons: Record<string, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
};

/** A message of Anthropic's, whole or as events. */
export class MessageAnswer implements Answer {
  readonly #options: MessageAnswerOptions;
  readonly #calls: ToolCallReader;
  readonly #blocks: Block[] = [];
  readonly #callSignatures = new Map<string, string>();
  /** What the model said, without its pictures; with them it is the key of the signature that belongs to no call. */
  #text = '';
  readonly #pictures: string[] = [];
  #textSignature: string | undefined;
  #hasBegun = false;
  /** The last block still takes deltas. */
  #isOpen = false;
  #blockReason: string | undefined;
  #finishReason: string | undefined;
  #finishMessage: string | undefined;

  constructor(options: MessageAnswerOptions) {
    this.#options = options;
    this.#calls = new ToolCallReader(options.names, new Set(), options.randomId);
  }

  signatures(): ReadonlyMap<string, string> {
    const all = new Map(this.#callSignatures);
    if (this.#textSignature) all.set(answerSignatureKey(this.#text, this.#pictures), this.#textSignature);
    return all;
  }

  body([response = {}]: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    this.#read(response, null);
    const content = this.#blocks.map((block) =>
      block.type === 'thinking' ? { ...block, signature: this.#carrier() } : block,
    );
    return { content: JSON.stringify({ ...this.#head(response), content, ...this.#ending(), usage: toUsage(usage) }) };
  }

  chunk(response: GenerateContentResponse): string {
    const out: string[] = [];
    if (!this.#hasBegun) this.#begin(response, out);
    this.#read(response, out);
    return out.join('');
  }

  end(usage: UsageMetadata): string {
    const out: string[] = [];
    if (!this.#hasBegun) this.#begin({}, out);
    this.#close(out);
    out.push(event({ type: 'message_delta', delta: this.#ending(), usage: toUsage(usage) }));
    out.push(event({ type: 'message_stop' }));
    return out.join('');
  }

  error(error: ApiError): string {
    return event({ ...renderAnthropicError(error, null) });
  }

  #head({ responseId }: GenerateContentResponse) {
    const { model, randomId } = this.#options;
    return { id: `msg_${responseId || randomId(24)}`, type: 'message', role: 'assistant', model };
  }

  #begin(response: GenerateContentResponse, out: string[]): void {
    this.#hasBegun = true;
    const open = { stop_reason: null, stop_sequence: null, stop_details: null, container: null };
    const usage = toUsage(response.usageMetadata ?? {});
    out.push(event({ type: 'message_start', message: { ...this.#head(response), content: [], ...open, usage } }), ping);
  }

  /** Takes in a response; `out` receives its events, null when the answer is sent whole. */
  #read(response: GenerateContentResponse, out: string[] | null): void {
    const candidate: Candidate = response.candidates?.[0] ?? {};
    this.#blockReason ??= response.promptFeedback?.blockReason;
    if (candidate.finishReason) this.#finishReason = candidate.finishReason;
    if (candidate.finishMessage) this.#finishMessage = candidate.finishMessage;
    for (const part of candidate.content?.parts ?? []) this.#readPart(part, out);
  }

  #readPart(part: Part, out: string[] | null): void {
    if (part.thoughtSignature && !part.functionCall) this.#textSignature = part.thoughtSignature;
    if (part.text) {
      if (part.thought) this.#addThought(part.text, out);
      else this.#addText(part.text, out);
    } else if (part.functionCall) {
      this.#addCall(part, out);
    } else {
      const picture = pictureText(part);
      if (picture) {
        this.#pictures.push(part.inlineData?.data ?? '');
        this.#show(picture, out);
      } else {
        const text = codeText(part) ?? part.fileData?.fileUri;
        if (text) this.#addText(text, out);
      }
    }
  }

  /** A thinking block comes before all others or, in a stream where others were sent, not at all: clients refuse it elsewhere. */
  #addThought(thinking: string, out: string[] | null): void {
    let block = this.#blocks[0];
    if (block?.type !== 'thinking') {
      if (out && block) return;
      block = { type: 'thinking', thinking: '' };
      this.#blocks.unshift(block);
      this.#isOpen = true;
      out?.push(this.#start({ ...block, signature: '' }));
    }
    if (out && this.#blocks.length > 1) return;
    block.thinking += thinking;
    out?.push(this.#delta(`{"type":"thinking_delta","thinking":${JSON.stringify(thinking)}}`));
  }

  #addText(text: string, out: string[] | null): void {
    this.#text += text;
    this.#show(text, out);
  }

  #show(text: string, out: string[] | null): void {
    let block = this.#blocks.at(-1);
    if (block?.type !== 'text') {
      block = { type: 'text', text: '' };
      this.#open(block, out);
    }
    block.text += text;
    // The one delta that matters for speed: built from pieces, with one call of JSON.stringify.
    out?.push(this.#delta(`{"type":"text_delta","text":${JSON.stringify(text)}}`));
  }

  /** A call comes whole, so its input is one delta. */
  #addCall(part: Part, out: string[] | null): void {
    const { id, name, args, signature } = this.#calls.read(part);
    // Before the thinking block closes: it carries the signature.
    if (signature) this.#callSignatures.set(id, signature);
    const input = isObject(args) ? args : {};
    this.#open({ type: 'tool_use', id, name, input }, out);
    if (!out) return;
    out.push(this.#delta(JSON.stringify({ type: 'input_json_delta', partial_json: JSON.stringify(input) })));
    this.#close(out);
  }

  #open(block: Block, out: string[] | null): void {
    if (out) this.#close(out);
    this.#blocks.push(block);
    this.#isOpen = true;
    out?.push(this.#start(block.type === 'tool_use' ? { ...block, input: {} } : block));
  }

  #close(out: string[]): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#blocks.at(-1)?.type === 'thinking')
      out.push(this.#delta(JSON.stringify({ type: 'signature_delta', signature: this.#carrier() })));
    out.push(event({ type: 'content_block_stop', index: this.#blocks.length - 1 }));
  }

  #start(block: object): string {
    return event({ type: 'content_block_start', index: this.#blocks.length - 1, content_block: block });
  }

  #delta(delta: string): string {
    const index = this.#blocks.length - 1;
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":${delta}}\n\n`;
  }

  /** The signatures that are known by now. */
  #carrier(): string {
    return encodeCarrier({
      calls: this.#callSignatures,
      text: this.#textSignature,
      model: this.#options.upstreamModel,
    });
  }

  /** How it ended. Gemini does not tell whether a stop sequence was met, so that looks like any other end. */
  #ending() {
    const said = this.#blocks.filter(({ type }) => type !== 'thinking');
    const hasCalls = said.some(({ type }) => type === 'tool_use');
    const isBlocked = said.length === 0 && this.#blockReason !== undefined;
    const finish = isBlocked ? 'content_filter' : toFinishReason(this.#finishReason, hasCalls, said.length > 0);
    const explanation = isBlocked
      ? `Prompt blocked by Gemini: ${this.#blockReason}`
      : (this.#finishMessage ?? `Response blocked by Gemini: ${this.#finishReason}`);
    return {
      stop_reason: stopReasons[finish],
      stop_sequence: null,
      stop_details: finish === 'content_filter' ? { type: 'refusal', category: null, explanation } : null,
      container: null,
    };
  }
}

/** A server-sent event, which Anthropic names after its data. */
function event(data: { type: string; [field: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
