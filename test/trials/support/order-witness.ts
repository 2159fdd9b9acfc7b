import type { TracedCall } from './read-trace.ts';
import type { RequestForm } from './request-forms.ts';

/** A request whose order is judged. */
export interface JudgedRequest {
  requestId: string;
  marker: string;
  form: Pick<RequestForm, 'isStreaming' | 'callCount'>;
}

/** Where something was written in the order of all calls that were traced. */
type Place = number;

/** The bytes that went to a client. */
interface Answer {
  first: Place;
  last: Place;
  /** Of the words that say that all has come; null when its format has none. */
  closing: Place | null;
}

/** An event as it stands in a page of the database. strace escapes the quotes. */
const eventText = /\\"type\\":\\"(\w+)\\",\\"requestId\\":\\"(req_\w+)\\"(?:,\\"attempt\\":(\d+))?/g;
const callHead = /POST \/v1beta\/models\//;
const markerText = /(m_\d+) \[/g;
const answerHead = /HTTP\/1\.1 \d+ /;
const answerId = /x-request-id: (req_\w+)/;
const closingWords = /data: \[DONE\]|event: message_stop|event: response\.completed/;
const terminalTypes = ['RequestCompleted', 'RequestFailed', 'RequestAborted'];
const syncs = ['fsync', 'fdatasync'];

/** Sees what a server writes, to its ledger, to Gemini and to its clients, and judges the order of it. */
export class OrderWitness {
  readonly #gemini: string;
  readonly #gateway: string;
  /** Events in the log of the database that no sync has covered yet. */
  readonly #written = new Map<string, Place>();
  readonly #durable = new Map<string, Place>();
  /** The first byte of each call to Gemini, by marker. */
  readonly #calls = new Map<string, Place[]>();
  readonly #answers = new Map<string, Answer>();
  /** What is on its way on each connection. */
  readonly #callOn = new Map<string, Place>();
  readonly #answerOn = new Map<string, Answer>();
  syncCount = 0;

  constructor(ports: { gateway: number; gemini: number }) {
    this.#gateway = `:${ports.gateway}->`;
    this.#gemini = `:${ports.gemini}]`;
  }

  see(call: TracedCall): void {
    if (call.file.endsWith('-wal')) {
      if (syncs.includes(call.name)) this.#seeSync(call);
      else this.#seeEvents(call);
    } else if (call.file.endsWith(this.#gemini)) this.#seeCall(call);
    else if (call.file.includes(this.#gateway)) this.#seeAnswer(call);
  }

  #seeEvents({ text, end }: TracedCall): void {
    for (const [, type, requestId, attempt] of text.matchAll(eventText)) {
      const event = nameOf(String(type), String(requestId), attempt);
      // A page is written again with every event that it gets.
      if (!this.#written.has(event) && !this.#durable.has(event)) this.#written.set(event, end);
    }
  }

  #seeSync({ begin, end, result }: TracedCall): void {
    if (result !== 0) return;
    this.syncCount++;
    for (const [event, place] of this.#written) {
      if (place >= begin) continue;
      this.#written.delete(event);
      this.#durable.set(event, end);
    }
  }

  #seeCall({ file, text, begin }: TracedCall): void {
    if (callHead.test(text)) this.#callOn.set(file, begin);
    const first = this.#callOn.get(file);
    if (first === undefined) return;
    for (const [, marker = ''] of text.matchAll(markerText))
      this.#calls.set(marker, [...(this.#calls.get(marker) ?? []), first]);
  }

  #seeAnswer({ file, text, begin }: TracedCall): void {
    if (answerHead.test(text)) {
      const begun = { first: begin, last: begin, closing: null };
      this.#answerOn.set(file, begun);
      this.#answers.set(answerId.exec(text)?.[1] ?? '', begun);
    }
    const answer = this.#answerOn.get(file);
    if (!answer) return;
    answer.last = begin;
    if (closingWords.test(text)) answer.closing ??= begin;
  }

  /** @returns What is wrong with the order of a request, or what of it was not seen at all. */
  judge(request: JudgedRequest): string[] {
    const { requestId, marker } = request;
    const calls = this.#calls.get(marker) ?? [];
    const answer = this.#answers.get(requestId);
    if (calls.length === 0 || !answer) return [`${requestId} (${marker}) was not seen`];
    return [...this.#callProblems(request, calls), ...this.#answerProblems(request, answer)];
  }

  /** The acceptance before the first byte upstream, a failed attempt before the first byte of the next. */
  #callProblems({ requestId, form }: JudgedRequest, calls: readonly Place[]): string[] {
    return calls.flatMap((first, index) => {
      const isRetry = index > 0 && form.callCount === 1;
      const event = isRetry ? nameOf('AttemptFailed', requestId, String(index)) : nameOf('RequestAccepted', requestId);
      return this.#isDurable(event, first)
        ? []
        : [`call ${index + 1} of ${requestId} went out before ${event} was on disk`];
    });
  }

  /** The terminal event before anything of a whole answer, and before the end of a stream. */
  #answerProblems({ requestId, form }: JudgedRequest, { first, last, closing }: Answer): string[] {
    const ends = form.isStreaming ? [closing ?? last, last] : [first];
    const isInOrder = ends.every((place) =>
      terminalTypes.some((type) => this.#isDurable(nameOf(type, requestId), place)),
    );
    return isInOrder ? [] : [`the answer to ${requestId} ended before its terminal event was on disk`];
  }

  #isDurable(event: string, before: Place): boolean {
    return (this.#durable.get(event) ?? Number.POSITIVE_INFINITY) < before;
  }
}

function nameOf(type: string, requestId: string, attempt?: string): string {
  return type.startsWith('Attempt') ? `${type} ${attempt} of ${requestId}` : `${type} of ${requestId}`;
}
