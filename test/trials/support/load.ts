import { type Course, type RequestForm, toPrompt } from './request-forms.ts';

/** One request that a client of the trial makes. */
export interface TrialRequest {
  /** Its name in the trial, and its `x-client-request-id`. */
  marker: string;
  form: RequestForm;
  course: Course;
  /** The client hangs up once something has come. */
  leaves: boolean;
}

/** What a client saw of its request. */
export interface Sighting extends TrialRequest {
  requestId: string | null;
  /** Null when no answer began. */
  status: number | null;
  /**
   * `answered`: a whole answer. `failed`: it was told of a failure, by status or by the last event of a stream. `left`: it hung up
   * itself. `cut`: the connection ended before that.
   */
  end: 'answered' | 'failed' | 'left' | 'cut';
}

/** When clients are told something. */
export interface LoadWatch {
  onFirstByte?(request: TrialRequest): void;
  onLastByte?(request: TrialRequest): void;
  /** Awaited before an answer that has begun is read. */
  beforeReading?(request: TrialRequest): Promise<void>;
}

export interface LoadOptions extends LoadWatch {
  url: string;
  /** Of the client keys, which take turns. */
  secrets: readonly string[];
  /** Requests that are made at the same time. */
  callerCount: number;
  /** The next request; null when there are no more. */
  next(): TrialRequest | null;
  onSighting(sighting: Sighting): void;
}

/** Clients at work. */
export interface Load {
  /** They make no new requests. */
  stop(): void;
  /** Settles when the last of them has seen the end of its request. */
  ended: Promise<void>;
}

/** A closed loop: each caller asks again when it has its answer. */
export function startLoad(options: LoadOptions): Load {
  let isOver = false;
  async function call(secret: string): Promise<void> {
    while (!isOver) {
      const request = options.next();
      if (request === null) return;
      const sighting = await ask(options.url, secret, request, options);
      options.onSighting(sighting);
      // Nobody is there any more.
      if (sighting.end === 'cut' && sighting.status === null) return;
    }
  }
  const secretOf = (index: number) => options.secrets[index % options.secrets.length] ?? '';
  const callers = Array.from({ length: options.callerCount }, (_, index) => call(secretOf(index)));
  return {
    stop() {
      isOver = true;
    },
    ended: Promise.all(callers).then(() => {}),
  };
}

/** Makes one request and reads its answer to the end. */
export async function ask(
  url: string,
  secret: string,
  request: TrialRequest,
  watch: LoadWatch = {},
): Promise<Sighting> {
  const unseen: Sighting = { ...request, requestId: null, status: null, end: 'cut' };
  const hangUp = new AbortController();
  const response = await send(url, secret, request, hangUp.signal).catch(() => null);
  if (response === null) return unseen;
  watch.onFirstByte?.(request);
  await watch.beforeReading?.(request);
  const begun = { ...unseen, requestId: response.headers.get('x-request-id'), status: response.status };
  const text = await read(response, () => request.leaves && hangUp.abort());
  if (hangUp.signal.aborted) return { ...begun, end: 'left' };
  if (text === null) return begun;
  watch.onLastByte?.(request);
  const end = response.ok ? endOf(text, request.form) : 'failed';
  return { ...begun, end };
}

function send(url: string, secret: string, { marker, form, course }: TrialRequest, signal: AbortSignal) {
  const shown = form.secretHeader === 'authorization' ? `Bearer ${secret}` : secret;
  return fetch(url + form.path, {
    method: 'POST',
    headers: { [form.secretHeader]: shown, 'content-type': 'application/json', 'x-client-request-id': marker },
    body: JSON.stringify(form.body(toPrompt(marker, course))),
    signal,
  });
}

/** Null when the answer broke off. */
async function read({ body }: Response, onPiece: () => void): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const piece of body ?? []) {
      text += decoder.decode(piece, { stream: true });
      onPiece();
    }
    return text;
  } catch {
    return null;
  }
}

const toldFailure = /"error":\s*\{|event: error|event: response\.failed/;

function endOf(text: string, { lastWords }: RequestForm): Sighting['end'] {
  if (!lastWords) return isJson(text) ? 'answered' : 'cut';
  if (lastWords.test(text)) return 'answered';
  return toldFailure.test(text) ? 'failed' : 'cut';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
