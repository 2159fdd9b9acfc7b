import type { GenerateContentResponse } from './types.ts';

/** A frame that is longer than this is no answer of Gemini. */
const frameBytesMax = 64 * 1024 * 1024;
const lineFeed = 10;
const carriageReturn = 13;

/** Something in a stream that is neither an event nor JSON. */
export class MalformedStream extends Error {
  override name = 'MalformedStream';
}

/**
 * Cuts Gemini's stream into its responses, however the bytes arrive. Gemini ends events by an empty line and also sends bare error
 * objects without `data:`. Text is decoded only up to a line end, so that no character is ever cut.
 */
export class FrameSplitter {
  /** Pieces of a line that has not ended yet; joined once, as a line with an image comes in hundreds of them. */
  #pieces: Buffer[] = [];
  #piecesLength = 0;
  #data = '';
  #bare = '';
  readonly #onResponse: (response: GenerateContentResponse) => void;

  /** @param onResponse Told each response as soon as it is read: a list of them would be garbage that lives too long to be cheap. */
  constructor(onResponse: (response: GenerateContentResponse) => void) {
    this.#onResponse = onResponse;
  }

  /** Tells the responses that these bytes complete. @throws MalformedStream */
  push(bytes: Buffer): void {
    const end = bytes.lastIndexOf(lineFeed) + 1;
    if (end === 0) {
      this.#keep(bytes);
      return;
    }
    const text = this.#takeText(bytes.subarray(0, end));
    if (end < bytes.length) this.#keep(bytes.subarray(end));
    this.#takeLines(text);
  }

  /** Tells the responses in what is left when the stream has ended. @throws MalformedStream when something is left that is none. */
  end(): void {
    this.#takeLines(`${this.#takeText(Buffer.alloc(0))}\n\n`);
    if (this.#bare.trim() !== '') this.#onResponse(parse(this.#bare));
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#piecesLength += piece.length;
    if (this.#piecesLength > frameBytesMax) throw new MalformedStream('A frame is too long.');
  }

  #takeText(last: Buffer): string {
    if (this.#pieces.length === 0) return last.toString('utf8');
    const text = Buffer.concat([...this.#pieces, last]).toString('utf8');
    this.#pieces = [];
    this.#piecesLength = 0;
    return text;
  }

  #takeLines(text: string): void {
    for (let start = 0; start < text.length; ) {
      const end = text.indexOf('\n', start);
      const isCrLf = end > start && text.charCodeAt(end - 1) === carriageReturn;
      const line = text.slice(start, isCrLf ? end - 1 : end);
      // A carriage return alone is a line end too, by the rules of event streams; JSON never has one inside a string.
      if (line.includes('\r')) for (const part of line.split('\r')) this.#takeLine(part);
      else this.#takeLine(line);
      start = end + 1;
    }
  }

  #takeLine(line: string): void {
    if (line.startsWith('data:')) {
      this.#data += this.#data === '' ? line.slice(5) : `\n${line.slice(5)}`;
    } else if (line !== '') {
      if (!/^(:|event:|id:|retry:)/.test(line)) this.#bare += `${line}\n`;
    } else if (this.#data !== '') {
      const text = this.#data;
      this.#data = '';
      this.#onResponse(parse(text));
    }
    if (this.#data.length + this.#bare.length > frameBytesMax) throw new MalformedStream('A frame is too long.');
  }
}

function parse(text: string): GenerateContentResponse {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedStream('The stream ended inside a frame, or a frame is not JSON.');
  }
  // Google's OpenAI layer and its gateways wrap errors in a list.
  return (Array.isArray(value) ? value[0] : value) ?? {};
}
