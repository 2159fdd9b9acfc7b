import type { Candidate, GenerateContentResponse, Part, UsageMetadata } from '../../gemini/types.ts';
import type { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody, AnswerHead } from '../format.ts';
import { PartStarts, toAnnotations } from '../from-gemini/annotations.ts';
import { codeText } from '../from-gemini/code-text.ts';
import { toFinishReason } from '../from-gemini/finish-reason.ts';
import { toLogprobs } from '../from-gemini/logprobs.ts';
import { servedTier } from '../from-gemini/service-tier.ts';
import { type ToolCall, ToolCallReader } from '../from-gemini/tool-calls.ts';
import { soundOf, toPcm, toWav } from '../from-gemini/wav.ts';
import { answerSignatureKey } from '../to-gemini/conversation.ts';
import { toText } from '../to-gemini/read-fields.ts';
import type { ToolNames } from '../to-gemini/tool-names.ts';
import { toErrorEvent } from './events.ts';
import { toUsage } from './usage.ts';

export interface ChatAnswerOptions extends AnswerHead {
  /** As the client named it. */
  model: string;
  names: ToolNames;
  customNames: ReadonlySet<string>;
  /** The stream ends with a usage chunk. */
  includeUsage: boolean;
  /** The request used `functions`: calls come back as `function_call`. */
  isLegacy: boolean;
  /** The client asked for Google's own account of its sources. */
  showsGrounding: boolean;
  /** Speech: a WAV file, or its samples alone. */
  soundFormat: 'wav' | 'pcm16';
}

/** What has come so far of one choice. */
interface Choice {
  index: number;
  text: string;
  reasoning: string;
  calls: Record<string, unknown>[];
  images: { type: 'image_url'; index: number; image_url: { url: string } }[];
  /** Pieces of speech. */
  sounds: Part[];
  /** The last signature that belongs to no call. */
  signature: string | undefined;
  finishReason: string | undefined;
  finishMessage: string | undefined;
  /** Frames that may hold sources, for the annotations. */
  sources: Candidate[];
  /** Where each part of Gemini's begins in the text. */
  partStarts: PartStarts;
}

/** A chat completion, whole or in chunks. */
export class ChatAnswer implements Answer {
  readonly #options: ChatAnswerOptions;
  readonly #choices = new Map<number, Choice>();
  readonly #signatures = new Map<string, string>();
  readonly #calls: ToolCallReader;
  #id = '';
  #fingerprint: string | undefined;
  #blockReason: string | undefined;
  /** Everything of a chunk that is the same in all of them, up to the list of choices. */
  #prefix = '';
  #suffix = ']}\n\n';

  constructor(options: ChatAnswerOptions) {
    this.#options = options;
    this.#calls = new ToolCallReader(options.names, options.customNames, options.randomId);
  }

  signatures(): ReadonlyMap<string, string> {
    for (const { signature, text, images } of this.#choices.values()) {
      const pictures = images.map(({ image_url: { url } }) => url.slice(url.indexOf(',') + 1));
      if (signature) this.#signatures.set(answerSignatureKey(text, pictures), signature);
    }
    return this.#signatures;
  }

  body([response = {}]: readonly GenerateContentResponse[], usage: UsageMetadata): AnswerBody {
    this.#begin(response);
    for (const [position, candidate] of (response.candidates ?? []).entries())
      this.#readCandidate(candidate, position, null);
    const tier = servedTier(usage);
    const content = JSON.stringify({
      id: this.#id,
      object: 'chat.completion',
      created: this.#options.created,
      model: this.#options.model,
      ...(this.#fingerprint && { system_fingerprint: this.#fingerprint }),
      ...(tier && { service_tier: tier }),
      choices: this.#finalChoices().map((choice) => this.#toChoice(choice, response)),
      usage: toUsage(usage),
    });
    return { content };
  }

  chunk(response: GenerateContentResponse): string {
    const opening = this.#id === '';
    if (opening) this.#beginStream(response);
    else this.#blockReason ??= response.promptFeedback?.blockReason;
    const out: string[] = [];
    const candidates = response.candidates ?? [];
    for (let position = 0; position < candidates.length; position++)
      this.#readCandidate(candidates[position] as Candidate, position, out);
    if (opening && out.length === 0) this.#choice(0, out);
    return out.length === 1 ? (out[0] as string) : out.join('');
  }

  end(usage: UsageMetadata): string {
    const out: string[] = [];
    if (this.#id === '') this.#beginStream({});
    for (const choice of this.#finalChoices(out)) this.#endChoice(choice, out);
    if (this.#options.includeUsage) {
      out.push(`${this.#prefix.slice(0, -1)}[],"usage":${JSON.stringify(toUsage(usage))}}\n\n`);
    }
    out.push('data: [DONE]\n\n');
    return out.join('');
  }

  error(error: ApiError): string {
    return toErrorEvent(error);
  }

  #begin(response: GenerateContentResponse): void {
    this.#id = `${idPrefix}${response.responseId || this.#options.randomId(24)}`;
    this.#fingerprint = response.modelVersion;
    this.#blockReason = response.promptFeedback?.blockReason;
  }

  #beginStream(response: GenerateContentResponse): void {
    this.#begin(response);
    const { created, model, includeUsage } = this.#options;
    const head = {
      id: this.#id,
      object: 'chat.completion.chunk',
      created,
      model,
      ...(this.#fingerprint && { system_fingerprint: this.#fingerprint }),
    };
    this.#prefix = `data: ${JSON.stringify(head).slice(0, -1)},"choices":[`;
    if (includeUsage) this.#suffix = '],"usage":null}\n\n';
  }

  /** The choices of the answer: a blocked prompt has none upstream and one here. */
  #finalChoices(out: string[] | null = null): Choice[] {
    if (this.#choices.size === 0) this.#choice(0, out);
    return [...this.#choices.values()].sort((a, b) => a.index - b.index);
  }

  #choice(index: number, out: string[] | null): Choice {
    const known = this.#choices.get(index);
    if (known) return known;
    const empty = { signature: undefined, finishReason: undefined, finishMessage: undefined };
    const choice: Choice = {
      index,
      text: '',
      reasoning: '',
      calls: [],
      images: [],
      sounds: [],
      sources: [],
      partStarts: new PartStarts(),
      ...empty,
    };
    this.#choices.set(index, choice);
    out?.push(this.#frame(choice, '{"role":"assistant","content":""}'));
    return choice;
  }

  /** Takes in a candidate; `out` receives its chunks, null when the answer is sent whole. */
  #readCandidate(candidate: Candidate, position: number, out: string[] | null): void {
    const choice = this.#choice(candidate.index ?? position, out);
    if (candidate.finishReason) choice.finishReason = candidate.finishReason;
    if (candidate.finishMessage) choice.finishMessage = candidate.finishMessage;
    if (candidate.groundingMetadata || candidate.citationMetadata) choice.sources.push(candidate);
    for (const part of candidate.content?.parts ?? []) {
      choice.partStarts.add(part, choice.text.length, out !== null);
      this.#readPart(part, choice, out);
    }
    if (out && candidate.logprobsResult)
      out.push(this.#frame(choice, '{}', JSON.stringify(toChoiceLogprobs(candidate))));
  }

  #readPart(part: Part, choice: Choice, out: string[] | null): void {
    if (part.thoughtSignature && !part.functionCall) choice.signature = part.thoughtSignature;
    if (part.text) {
      this.#addText(part.text, part.thought === true, choice, out);
    } else if (part.functionCall) {
      const call = this.#toCall(this.#calls.read(part));
      choice.calls.push(call);
      // The old functions know one call only.
      if (!this.#options.isLegacy || choice.calls.length === 1)
        out?.push(this.#frame(choice, JSON.stringify(this.#callDelta(call, choice.calls.length - 1))));
    } else if (part.inlineData && !part.thought && part.inlineData.mimeType?.startsWith('image/')) {
      const url = `data:${part.inlineData.mimeType};base64,${part.inlineData.data ?? ''}`;
      const image = { type: 'image_url' as const, index: choice.images.length, image_url: { url } };
      choice.images.push(image);
      out?.push(this.#frame(choice, JSON.stringify({ images: [image] })));
    } else if (part.inlineData && !part.thought && part.inlineData.mimeType?.startsWith('audio/')) {
      choice.sounds.push(part);
    } else {
      const text = codeText(part) ?? part.fileData?.fileUri;
      if (text) this.#addText(text, false, choice, out);
    }
  }

  #addText(text: string, isThought: boolean, choice: Choice, out: string[] | null): void {
    if (isThought) choice.reasoning += text;
    else choice.text += text;
    if (!out) return;
    // The one delta that matters for speed: built from few pieces, with one call of JSON.stringify.
    const name = isThought ? 'reasoning_content' : 'content';
    out.push(
      `${this.#prefix}{"index":${choice.index},"delta":{"${name}":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}${this.#suffix}`,
    );
  }

  #frame(choice: Choice, delta: string, logprobs = 'null'): string {
    return `${this.#prefix}{"index":${choice.index},"delta":${delta},"logprobs":${logprobs},"finish_reason":null}${this.#suffix}`;
  }

  #toCall({ id, name, args, isCustom, signature }: ToolCall): Record<string, unknown> {
    if (signature) this.#signatures.set(id, signature);
    return {
      id,
      ...(isCustom
        ? { type: 'custom', custom: { name, input: toText(args.input ?? '') } }
        : { type: 'function', function: { name, arguments: JSON.stringify(args) } }),
      ...(signature && extraContent(signature)),
    };
  }

  #callDelta(call: Record<string, unknown>, index: number): Record<string, unknown> {
    return this.#options.isLegacy ? { function_call: call.function } : { tool_calls: [{ index, ...call }] };
  }

  #endChoice(choice: Choice, out: string[]): void {
    const ending = this.#endingOf(choice);
    if (ending.refusal) out.push(this.#frame(choice, JSON.stringify({ refusal: ending.refusal })));
    const annotations = toAnnotations(choice.sources, choice.text, choice.partStarts.indexes);
    if (annotations.length > 0) out.push(this.#frame(choice, JSON.stringify({ annotations })));
    const audio = this.#toAudio(choice);
    if (audio) out.push(this.#frame(choice, JSON.stringify({ audio })));
    const extra = this.#extraOf(choice);
    if (extra) out.push(this.#frame(choice, JSON.stringify(extra)));
    const last = { index: choice.index, delta: {}, logprobs: null, ...ending.finish };
    out.push(`${this.#prefix}${JSON.stringify(last)}${this.#suffix}`);
  }

  /** How a choice ended: its finish reason, and a refusal where there is nothing else to show. */
  #endingOf(choice: Choice) {
    const isEmpty =
      choice.text === '' && choice.calls.length === 0 && choice.images.length === 0 && choice.sounds.length === 0;
    if (isEmpty && this.#blockReason) {
      const refusal = `Prompt blocked by Gemini: ${this.#blockReason}`;
      return {
        refusal,
        finish: { finish_reason: 'content_filter', native_finish_reason: `PROMPT_BLOCKED_${this.#blockReason}` },
      };
    }
    const reason = choice.finishReason;
    const finish = toFinishReason(reason, choice.calls.length > 0, !isEmpty);
    const finish_reason = finish === 'tool_calls' && this.#options.isLegacy ? 'function_call' : finish;
    const native = reason ? { native_finish_reason: reason } : {};
    const refusal =
      choice.text === '' && finish === 'content_filter'
        ? (choice.finishMessage ?? `Response blocked by Gemini: ${reason}`)
        : null;
    return { refusal, finish: { finish_reason, ...native } };
  }

  #toChoice(choice: Choice, response: GenerateContentResponse) {
    const { refusal, finish } = this.#endingOf(choice);
    const annotations = toAnnotations(choice.sources, choice.text, choice.partStarts.indexes);
    const audio = this.#toAudio(choice);
    const hasNoText = choice.text === '' && (choice.calls.length > 0 || refusal !== null);
    const calls = this.#options.isLegacy ? { function_call: choice.calls[0]?.function } : { tool_calls: choice.calls };
    const message = {
      role: 'assistant',
      content: hasNoText ? null : choice.text,
      refusal,
      ...(choice.reasoning && { reasoning_content: choice.reasoning }),
      ...(annotations.length > 0 && { annotations }),
      ...(choice.calls.length > 0 && calls),
      ...(choice.images.length > 0 && { images: choice.images }),
      ...(audio && { audio }),
      ...this.#extraOf(choice),
    };
    const candidate = response.candidates?.find(({ index }, position) => (index ?? position) === choice.index);
    return { index: choice.index, message, logprobs: toChoiceLogprobs(candidate), ...finish };
  }

  #toAudio({ sounds }: Choice) {
    const sound = soundOf(sounds);
    if (!sound) return null;
    const expires_at = this.#options.created + audioSecondsKept;
    const data = this.#options.soundFormat === 'pcm16' ? toPcm(sound.data) : toWav(sound);
    return {
      id: `audio_${this.#id.slice(idPrefix.length)}`,
      data: data.toString('base64'),
      expires_at,
      transcript: '',
    };
  }

  /** What has no field of OpenAI's: under the name that Google's own layer gives it. */
  #extraOf({ signature, sources }: Choice): Record<string, unknown> | null {
    const grounding = this.#options.showsGrounding ? sources.findLast((source) => source.groundingMetadata) : undefined;
    if (!signature && !grounding) return null;
    const google = {
      ...(signature && { thought_signature: signature }),
      ...(grounding && { grounding_metadata: grounding.groundingMetadata }),
    };
    return { extra_content: { google } };
  }
}

const idPrefix = 'chatcmpl-';

/** OpenAI keeps its audio an hour; ours is in the answer and nowhere else. */
const audioSecondsKept = 3600;

function extraContent(signature: string) {
  return { extra_content: { google: { thought_signature: signature } } };
}

function toChoiceLogprobs(candidate: Candidate | undefined) {
  const content = toLogprobs(candidate);
  return content && { content, refusal: null };
}
