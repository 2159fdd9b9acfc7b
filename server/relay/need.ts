import type { Need } from '../clients/limits/admit.ts';
import type { TranslatedRequest, UpstreamCall } from '../formats/format.ts';
import type { GenerateContentRequest, Part } from '../gemini/types.ts';
import type { RelayParts } from './parts.ts';

/** What Gemini's models take and give at most, where their card is not known. */
const inputTokensMax = 1_048_576;
const outputTokensMax = 65_536;
/** A picture has at most so many tokens; sound and film have fewer than a third of their bytes. */
const tokensPerMediaMax = 2600;
const bytesPerMediaToken = 3;
/** What Google puts around each turn. */
const tokensPerTurn = 16;

/** What a request may need at most, before it is made; `promptTokens` is what it will need about. */
export function needOf(
  translated: TranslatedRequest,
  { promptTokens, writtenBytes }: { promptTokens: number; writtenBytes: number },
  { prices, translation, now }: Pick<RelayParts, 'prices' | 'translation' | 'now'>,
): Need {
  const { calls, model, requestedModel } = translated;
  const limit = translation.outputTokenLimit(model) ?? outputTokensMax;
  const isBounded = calls.every(({ action }) => action !== 'interactions');
  return {
    models: [requestedModel, model],
    promptTokens: promptTokens * calls.length,
    promptTokensMax: promptTokensMax(translated, writtenBytes),
    // What an interaction may answer cannot be limited here.
    outputTokensMax: isBounded ? calls.reduce((sum, call) => sum + outputOf(call, limit), 0) : null,
    outputFactor: calls.reduce((sum, call) => sum + candidatesOf(call), 0) || 1,
    costAtMost: (tokens) => prices.atMost(model, tokens, now()),
  };
}

/** Holds the answers of all calls together to so many tokens. */
export function limitOutput(calls: readonly UpstreamCall[], tokens: number): UpstreamCall[] {
  const factor = calls.reduce((sum, call) => sum + candidatesOf(call), 0) || 1;
  const maxOutputTokens = Math.floor(tokens / factor);
  return calls.map((call) => (isGeneration(call) ? withLimit(call, maxOutputTokens) : call));
}

function withLimit(call: UpstreamCall, maxOutputTokens: number): UpstreamCall {
  // A native client may write either name.
  const name = 'generation_config' in call.body ? 'generation_config' : 'generationConfig';
  const config = (call.body as Record<string, unknown>)[name] as object | undefined;
  const { max_output_tokens: _, ...others } = { max_output_tokens: undefined, ...config };
  const body = { ...call.body, [name]: { ...others, maxOutputTokens } };
  return { ...call, body, ...(call.native && { native: { ...call.native, bytes: null } }) };
}

function isGeneration({ action }: UpstreamCall): boolean {
  return action === 'generateContent' || action === 'streamGenerateContent';
}

function outputOf(call: UpstreamCall, limit: number): number {
  if (!isGeneration(call)) return 0;
  const asked = configOf(call).maxOutputTokens;
  // Also beyond the limit of one answer: Gemini 4 goes on in further ones up to what was asked for.
  return (isWhole(asked) ? asked : limit) * candidatesOf(call);
}

function candidatesOf(call: UpstreamCall): number {
  if (!isGeneration(call)) return 0;
  const { candidateCount } = configOf(call);
  return isWhole(candidateCount) && candidateCount > 0 ? candidateCount : 1;
}

function configOf({ body }: UpstreamCall): { maxOutputTokens?: unknown; candidateCount?: unknown } {
  const { generationConfig, generation_config: snake } = body as Record<string, Record<string, unknown> | undefined>;
  const config = generationConfig ?? snake ?? {};
  return {
    maxOutputTokens: config.maxOutputTokens ?? config.max_output_tokens,
    candidateCount: config.candidateCount ?? config.candidate_count,
  };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A token stands for at least one byte of text. Files and caches may hold anything. */
function promptTokensMax({ calls, resources }: TranslatedRequest, writtenBytes: number): number {
  const most = inputTokensMax * calls.length;
  if (resources.length > 0) return most;
  const contents = calls.flatMap(({ body }) => list((body as Partial<GenerateContentRequest>).contents));
  const parts = contents.flatMap((content) => list((content as { parts?: unknown } | null)?.parts));
  const media = parts.reduce<number>((sum, part) => sum + mediaTokens(part as Part | null), 0);
  return Math.min(writtenBytes + contents.length * tokensPerTurn + media, most);
}

/** What a part has more than its bytes in the body, or less: most media have fewer tokens than bytes. */
function mediaTokens(part: Part | null): number {
  if (part?.fileData) return inputTokensMax;
  const data = part?.inlineData?.data;
  if (typeof data !== 'string') return 0;
  return Math.ceil((data.length * 3) / 4 / bytesPerMediaToken) + tokensPerMediaMax - data.length;
}

/** A native body may have any shape. */
function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
