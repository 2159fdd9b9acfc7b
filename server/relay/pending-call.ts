import type { UpstreamCall } from '../formats/format.ts';
import { type AnswerHeaders, type GeminiEnd, strangeAnswer } from '../gemini/gemini-client.ts';
import { mergeHops } from '../gemini/merge-hops.ts';
import { type Repair, repairRequest } from '../gemini/repair-request.ts';
import { type BadAnswer, type Expectation, emptyAnswer, interruptedAnswer, Tally } from '../gemini/tally.ts';
import type { GeminiAction, GenerateContentRequest, GenerateContentResponse } from '../gemini/types.ts';
import {
  blameAction,
  blameResource,
  classifyFailure,
  type Failure,
  failureOfAnswer,
} from '../pool/classify-failure.ts';
import type { AttemptResult } from '../pool/pool.ts';
import type { PoolKey } from '../pool/pool-key.ts';
import type { RelayParts } from './parts.ts';

/** Gemini 4 answers longer than one request are continued at most so often (a loop without end would cost without end). */
const hopsMax = 16;

const tierCharactersMax = 32;

/** The call without the level or budget of thinking that its model is known to refuse; a native client's is passed on as it is. */
export function withoutRefused(
  call: UpstreamCall,
  model: string,
  { refusedThinking }: Pick<RelayParts, 'refusedThinking'>,
): UpstreamCall {
  const body = call.body as GenerateContentRequest;
  if (call.native || !refusedThinking.isRefused(model, body.generationConfig)) return call;
  return { ...call, body: repairRequest(body, 'drop-thinking') };
}

/** The body of a call as it goes upstream. @throws RangeError when it is nested so deeply that the stack does not suffice. */
export function writeOut({ body, native }: UpstreamCall): string | Buffer {
  return native?.bytes ?? JSON.stringify(body);
}

/** What a call needs of the request it belongs to. */
export interface CallOwner {
  readonly abortedBy: string | null;
  readonly isCommitted: boolean;
  /** It is about files, caches or the like. */
  readonly hasResources: boolean;
  /** A try begins: what earlier ones brought is void. */
  onAttempt(key: PoolKey): void;
  /** Takes a chunk of a stream. */
  onChunk(chunk: GenerateContentResponse): void;
  /** Told after the chunks of one read of the socket; false asks for a pause until `resume`. */
  onRead(resume: () => void, bytes: Buffer, headers: AnswerHeaders): boolean;
  /** Content has come that is not streamed. */
  onContent(): void;
}

/** One upstream call of a request on its way: over its tries and, for a long answer, its hops. */
export class PendingCall {
  readonly #call: UpstreamCall;
  readonly #model: string;
  readonly #expects: Expectation;
  readonly #promptTokens: number;
  readonly #owner: CallOwner;
  readonly #parts: Pick<RelayParts, 'gemini' | 'now' | 'refusedThinking'>;
  /** Its body for the first try; let go then, as it may be large. */
  #written: string | Buffer | null;
  #responses: GenerateContentResponse[] = [];
  #abortCall: (() => void) | null = null;
  #wasEmpty = false;
  tally = new Tally();
  /** The answer of an unstreamed call as it came. */
  text = '';
  /** What Google said beside the answer. */
  headers: AnswerHeaders = {};

  /** @param written What `writeOut` made of the call. */
  constructor(
    call: UpstreamCall,
    written: string | Buffer,
    { model, expects, promptTokens }: { model: string; expects: 'audio' | undefined; promptTokens: number },
    owner: CallOwner,
    parts: Pick<RelayParts, 'gemini' | 'now' | 'refusedThinking'>,
  ) {
    this.#call = call;
    this.#written = written;
    this.#model = model;
    this.#expects = expectationOf(call.action, expects);
    this.#promptTokens = call.promptTokensEstimate ?? promptTokens;
    this.#owner = owner;
    this.#parts = parts;
  }

  /** Google's tier that served the answer, where it was told. */
  get serviceTier(): string | undefined {
    const told = this.tally.usageMetadata().serviceTier ?? this.headers['x-gemini-service-tier'];
    return typeof told === 'string' && told.length <= tierCharactersMax ? told.toLowerCase() : undefined;
  }

  get isNative(): boolean {
    return this.#call.native !== undefined;
  }

  /** The whole answer of an unstreamed call, all hops merged. */
  get response(): GenerateContentResponse {
    return mergeHops(this.#responses);
  }

  /** One try with one key. */
  async attempt(key: PoolKey, repair: Repair | null): Promise<AttemptResult<null>> {
    this.#owner.onAttempt(key);
    this.tally = new Tally(this.#expects, this.#promptTokens);
    this.#responses = [];
    const original = this.#call.body as GenerateContentRequest;
    const request = repair ? repairRequest(original, repair) : original;
    let body = repair ? JSON.stringify(request) : (this.#written ?? writeOut(this.#call));
    this.#written = null;
    for (let hop = 1; ; hop++) {
      const end = await this.#callGemini(key, body);
      if (this.#owner.abortedBy || end.kind === 'aborted') {
        this.tally.assumePromptSpent();
        return { kind: 'aborted' };
      }
      const failure = this.#judge(end);
      // What came before a hop that failed is an answer all the same: it ends as if cut by length.
      if (failure && hop === 1) return { kind: 'failed', failure };
      if (repair === 'drop-thinking') this.#parts.refusedThinking.note(this.#model, original.generationConfig);
      if (failure || hop === hopsMax || this.#call.native || !this.tally.mayContinue(request))
        return { kind: 'answered', value: null, promptTokens: this.tally.usage().inputTokens };
      body = JSON.stringify({ ...request, continuationToken: this.tally.nextHop() });
    }
  }

  abort(): void {
    this.#abortCall?.();
  }

  #callGemini(key: PoolKey, body: string | Buffer): Promise<GeminiEnd> {
    return this.#parts.gemini.call({
      model: this.#model,
      action: this.#call.action,
      body,
      nativePath: this.#call.native?.path,
      key,
      onChunk: (chunk) => this.#owner.onChunk(chunk),
      onRead: (resume, bytes, headers) => this.#owner.onRead(resume, bytes, headers),
      onStart: (abort) => {
        this.#abortCall = abort;
        if (this.#owner.abortedBy) abort();
      },
    });
  }

  #judge(end: Exclude<GeminiEnd, { kind: 'aborted' }>): Failure | null {
    // To a caller who has a part of it, what breaks off is one and the same, whatever the cause.
    if (end.kind === 'broken' && this.#owner.isCommitted) return failureOfAnswer(interruptedAnswer);
    if (end.kind !== 'answered') return this.#blame(classifyFailure(end, this.#parts.now()));
    this.headers = end.headers;
    if (end.responses && !this.#takeWhole(end.responses, end.text ?? ''))
      return classifyFailure({ kind: 'broken', message: strangeAnswer }, this.#parts.now());
    const bad = this.tally.judge(this.#call.action === 'streamGenerateContent') ?? this.#emptyOnce();
    return bad && failureOfAnswer(bad);
  }

  /** What a request asks for in vain is not the fault of the key. */
  #blame(failure: Failure): Failure {
    if (this.#owner.hasResources) return blameResource(failure);
    return isUsual(this.#call, this.#model) ? failure : blameAction(failure);
  }

  /** @returns false for an answer whose fields are not of the types that Gemini's have. */
  #takeWhole(responses: GenerateContentResponse[], text: string): boolean {
    try {
      for (const response of responses) this.tally.add(response);
    } catch {
      return false;
    }
    this.text = text;
    this.#responses.push(...responses);
    if (this.tally.hasContent) this.#owner.onContent();
    return true;
  }

  /** A success without content is tried once more; the second time it is the answer. */
  #emptyOnce(): BadAnswer | null {
    if (!this.tally.isEmptySuccess || this.#wasEmpty || this.#owner.isCommitted) return null;
    this.#wasEmpty = true;
    return emptyAnswer;
  }
}

/** Whether a model of that name should have this action, in the version of the API that has every model. */
function isUsual({ action, native }: UpstreamCall, model: string): boolean {
  if (native && !native.path.startsWith('/v1beta/')) return false;
  const isEmbedder = model.includes('embedding');
  if (action === 'generateContent' || action === 'streamGenerateContent') return !isEmbedder;
  return action !== 'countTokens' && (action === 'interactions' || isEmbedder);
}

function expectationOf(action: GeminiAction, wanted: 'audio' | undefined): Expectation {
  switch (action) {
    case 'countTokens':
      return 'tokens';
    case 'embedContent':
    case 'batchEmbedContents':
      return 'embeddings';
    case 'interactions':
      return 'steps';
    default:
      return wanted ?? 'content';
  }
}
