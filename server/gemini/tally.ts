import type {
  Candidate,
  GenerateContentRequest,
  GenerateContentResponse,
  InteractionUsage,
  ModalityTokenCount,
  Part,
  UsageMetadata,
} from './types.ts';

/** Token counts as the ledger takes them. */
interface Counts {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  totalTokens: number;
  /** Parts of these that are not text. */
  modalities?: { [Sum in 'input' | 'cachedInput' | 'output']?: Record<string, number> };
}

/** What an answer has to hold to be one. */
export type Expectation = 'content' | 'audio' | 'embeddings' | 'tokens' | 'steps';

/** An answer that Google calls a success and that is none. */
export interface BadAnswer {
  class:
    | 'malformed_function_call'
    | 'malformed_response'
    | 'unexpected_tool_call'
    | 'too_many_tool_calls'
    | 'empty_response'
    | 'stream_interrupted';
  message: string;
}

const malformedFinishes: ReadonlyMap<string, BadAnswer['class']> = new Map([
  ['MALFORMED_FUNCTION_CALL', 'malformed_function_call'],
  ['MALFORMED_RESPONSE', 'malformed_response'],
  ['UNEXPECTED_TOOL_CALL', 'unexpected_tool_call'],
  ['TOO_MANY_TOOL_CALLS', 'too_many_tool_calls'],
]);

const counters: ReadonlySet<string> = new Set([
  'promptTokenCount',
  'cachedContentTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'toolUsePromptTokenCount',
  'totalTokenCount',
] satisfies (keyof UsageMetadata)[]);
/** Counters that grow with every hop of a continued answer; the others are those of the first hop. */
const summedOverHops = ['candidatesTokenCount', 'thoughtsTokenCount'] as const;

/** What has been seen of an answer, chunk by chunk. Independent of the client's format; no I/O. */
export class Tally {
  finishReason: string | undefined;
  blockReason: string | undefined;
  modelVersion: string | undefined;
  /** Something the caller can use: text, a call, media. Thoughts count: they are shown while the model thinks. */
  hasContent = false;
  readonly #expects: Expectation;
  readonly #promptTokensEstimate: number | undefined;
  hasFunctionCall = false;
  #continuationToken: string | undefined;
  #usage: UsageMetadata = {};
  #earlierHops: UsageMetadata | null = null;
  #hasUsage = false;
  #hasImpossibleCount = false;
  #textCharacters = 0;
  #isPromptSpent = false;

  /** @param promptTokensEstimate What the prompt counts as when Google does not count it. */
  constructor(expects: Expectation = 'content', promptTokensEstimate?: number) {
    this.#expects = expects;
    this.#promptTokensEstimate = promptTokensEstimate;
  }

  add(response: GenerateContentResponse): void {
    if (isName(response.modelVersion)) this.modelVersion = response.modelVersion;
    const blockReason = response.promptFeedback?.blockReason;
    if (isName(blockReason) && !response.candidates?.length) this.blockReason = blockReason;
    if (response.usageMetadata) this.#addUsage(response.usageMetadata);
    if (response.usage && typeof response.usage === 'object') this.#addUsage(fromInteraction(response.usage));
    if (response.candidates) for (const candidate of response.candidates) this.#addCandidate(candidate);
    if (this.#expects !== 'content') this.hasContent ||= hasExpected(response, this.#expects);
  }

  #addCandidate(candidate: Candidate): void {
    if (isName(candidate.finishReason)) this.finishReason = candidate.finishReason;
    if (candidate.continuationToken) this.#continuationToken = candidate.continuationToken;
    const parts = candidate.content?.parts;
    if (!parts) return;
    for (const part of parts) {
      if (typeof part.text === 'string') this.#textCharacters += part.text.length;
      if (part.functionCall) this.hasFunctionCall = true;
      if (!this.hasContent && this.#expects === 'content') this.hasContent = isContent(part);
    }
  }

  /** Counts are cumulative and not every frame has every one: the last value seen wins, per field. */
  #addUsage(usage: UsageMetadata): void {
    const known = this.#usage as Record<string, unknown>;
    // Not `Object.entries`: this runs for every chunk of every stream.
    for (const name in usage) {
      const value = usage[name as keyof UsageMetadata];
      if (isCount(value)) this.#hasUsage = true;
      else if (counters.has(name)) {
        if (value !== undefined && value !== null) this.#hasImpossibleCount = true;
        continue;
      }
      known[name] = value;
    }
  }

  /** The caller left while the model was at work: what it was asked has to be paid for. */
  assumePromptSpent(): void {
    this.#isPromptSpent = true;
  }

  /** Usage in Gemini's words, over all hops. */
  usageMetadata(): UsageMetadata {
    if (this.#isEstimated) return this.#estimate();
    const first = this.#earlierHops;
    if (!first) return this.#usage;
    const merged: UsageMetadata = { ...this.#usage, ...first };
    for (const counter of summedOverHops) merged[counter] = (first[counter] ?? 0) + (this.#usage[counter] ?? 0);
    merged.totalTokenCount = sumOfParts(merged);
    return merged;
  }

  /** Google counted nothing for an answer that it gave. A call that failed has cost nothing. */
  get #isEstimated(): boolean {
    if (this.#expects === 'tokens') return false;
    return !this.#hasUsage && (this.hasContent || this.#isPromptSpent) && this.#promptTokensEstimate !== undefined;
  }

  #estimate(): UsageMetadata {
    const promptTokenCount = this.#promptTokensEstimate as number;
    const isText = this.#expects === 'content' && this.#textCharacters > 0;
    if (!isText) return { promptTokenCount };
    return { promptTokenCount, candidatesTokenCount: Math.ceil(this.#textCharacters / charactersPerToken) };
  }

  /** Usage as the ledger takes it: input includes what was cached, output includes what was thought. */
  usage(): Counts {
    const usage = this.usageMetadata();
    const inputTokens = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
    const reasoningTokens = usage.thoughtsTokenCount ?? 0;
    const outputTokens = (usage.candidatesTokenCount ?? 0) + reasoningTokens;
    const totalTokens = usage.totalTokenCount ?? inputTokens + outputTokens;
    const modalities = modalitiesOf(usage);
    return {
      inputTokens,
      cachedInputTokens: usage.cachedContentTokenCount ?? 0,
      outputTokens,
      reasoningTokens,
      totalTokens,
      ...(modalities && { modalities }),
    };
  }

  /** Google told a count that cannot be, or parts that do not make up their sum. */
  get isDoubtful(): boolean {
    const { totalTokenCount } = this.#usage;
    const isWrongSum = totalTokenCount !== undefined && totalTokenCount !== sumOfParts(this.#usage);
    return this.#hasUsage && (this.#hasImpossibleCount || isWrongSum);
  }

  usageSource(isComplete: boolean): UsageSource {
    if (!this.#hasUsage) return this.#fallbackSource;
    return isComplete && !this.#hasImpossibleCount ? 'upstream' : 'last-seen';
  }

  get #fallbackSource(): UsageSource {
    // Counting tokens costs none.
    if (this.#expects === 'tokens') return 'upstream';
    return this.#isEstimated ? 'estimated' : 'unknown';
  }

  /** Whether Gemini stopped only because one request may not return more, and the caller asked for more than that. */
  mayContinue(request: GenerateContentRequest): boolean {
    const isAskedFor = request.generationConfig?.maxOutputTokens !== undefined;
    return this.finishReason === 'CONTINUATION' && this.#continuationToken !== undefined && isAskedFor;
  }

  /** Begins the next hop and returns the token to send with it. */
  nextHop(): string | undefined {
    this.#earlierHops = this.usageMetadata();
    this.#usage = {};
    return this.#continuationToken;
  }

  /**
   * Null for a usable answer. Without a finish reason a stream was cut, unless a call had arrived whole; a body that came whole counts.
   */
  judge(isStreaming: boolean): BadAnswer | null {
    const malformed = malformedFinishes.get(this.finishReason ?? '');
    if (malformed) return { class: malformed, message: `Gemini ended with ${this.finishReason}.` };
    if (this.blockReason) return null;
    if (this.#expects !== 'content' && this.#expects !== 'audio') return this.hasContent ? null : emptyAnswer;
    if (!this.finishReason && !this.hasFunctionCall) {
      if (this.hasContent && !isStreaming) return null;
      return this.hasContent ? interruptedAnswer : emptyAnswer;
    }
    return null;
  }

  /** A success without any content: worth one more try, but in the end an answer like any other. */
  get isEmptySuccess(): boolean {
    if (this.hasContent) return false;
    if (this.#expects === 'audio') return this.finishReason === 'STOP' || this.finishReason === 'OTHER';
    return this.finishReason === 'STOP' && !this.#usage.candidatesTokenCount;
  }
}

export const emptyAnswer: BadAnswer = { class: 'empty_response', message: 'Gemini sent an empty answer.' };

export const interruptedAnswer: BadAnswer = {
  class: 'stream_interrupted',
  message: 'Upstream stream ended without a finish reason',
};

/** Where a usage comes from, as the ledger has it. */
type UsageSource = 'upstream' | 'last-seen' | 'estimated' | 'unknown';

function hasExpected(response: GenerateContentResponse, expects: Exclude<Expectation, 'content'>): boolean {
  switch (expects) {
    case 'audio':
      return (response.candidates ?? []).some((candidate) =>
        candidate.content?.parts?.some((part) => part.inlineData?.mimeType?.startsWith('audio/')),
      );
    case 'embeddings':
      return response.embedding !== undefined || response.embeddings !== undefined;
    case 'tokens':
      return response.totalTokens !== undefined;
    case 'steps':
      return Array.isArray(response.steps);
  }
}

/** The counts of the Interactions API (`Interaction.usage` of `@google/genai` 3.1) under the names that every other answer has. */
function fromInteraction(usage: InteractionUsage): UsageMetadata {
  const details = Array.isArray(usage.input_tokens_by_modality) ? usage.input_tokens_by_modality : [];
  const counts = {
    promptTokenCount: usage.total_input_tokens,
    cachedContentTokenCount: usage.total_cached_tokens,
    candidatesTokenCount: usage.total_output_tokens,
    thoughtsTokenCount: usage.total_thought_tokens,
    toolUsePromptTokenCount: usage.total_tool_use_tokens,
    totalTokenCount: usage.total_tokens,
  };
  const promptTokensDetails = details.map((detail) => ({
    modality: isName(detail?.modality) ? detail.modality.toUpperCase() : 'MODALITY_UNSPECIFIED',
    tokenCount: isCount(detail?.tokens) ? detail.tokens : 0,
  }));
  return { ...(counts as UsageMetadata), promptTokensDetails };
}

function isContent(part: Part): boolean {
  const { text, functionCall, inlineData, fileData, executableCode, codeExecutionResult } = part;
  return Boolean(text || functionCall || inlineData || fileData || executableCode || codeExecutionResult);
}

/** Of text, about. */
const charactersPerToken = 4;

/** In Gemini's words: the whole is what was asked, what tools put in, what was answered and what was thought. */
function sumOfParts(usage: UsageMetadata): number {
  const { promptTokenCount = 0, toolUsePromptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = usage;
  return promptTokenCount + toolUsePromptTokenCount + candidatesTokenCount + thoughtsTokenCount;
}

const otherModalities = ['AUDIO', 'IMAGE', 'VIDEO'];

/** The parts of a usage that are not text; undefined without any. */
function modalitiesOf(usage: UsageMetadata): Counts['modalities'] {
  const { promptTokensDetails, cacheTokensDetails, candidatesTokensDetails } = usage;
  // Nearly always there is nothing but text.
  const input = otherThanText(promptTokensDetails);
  const cachedInput = otherThanText(cacheTokensDetails);
  const output = otherThanText(candidatesTokensDetails);
  if (!input && !cachedInput && !output) return undefined;
  return { ...(input && { input }), ...(cachedInput && { cachedInput }), ...(output && { output }) };
}

function otherThanText(details: readonly ModalityTokenCount[] | undefined): Record<string, number> | undefined {
  if (!Array.isArray(details)) return undefined;
  let found: Record<string, number> | undefined;
  for (const detail of details) {
    const { modality, tokenCount } = (detail ?? {}) as ModalityTokenCount;
    if (!modality || !otherModalities.includes(modality) || !isCount(tokenCount) || tokenCount === 0) continue;
    found ??= {};
    found[modality] = (found[modality] ?? 0) + tokenCount;
  }
  return found;
}

/** No answer has as many tokens; sums over a great many answers stay exact. */
const countMax = 1_000_000_000;

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= countMax;
}

const nameCharactersMax = 200;

/** What goes into the ledger has to be of the type that it takes. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= nameCharactersMax;
}
