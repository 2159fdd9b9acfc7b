import type { GenerateContentResponse } from './types.ts';

/** A frame or a body that is longer than this is no answer of Gemini. */
const frameBytesMax = 64 * 1024 * 1024;
const lineFeed = 10;

/** Something in a stream that is neither an event nor JSON. */
export class MalformedStream extends Error {
  override name = 'MalformedStream';
}

/**
 * Cuts Gemini's stream into its responses, however the bytes arrive. Gemini ends events by an empty line and also sends bare error
 * objects without `data:`. Text is decoded only up to a line end, so that no character is ever cut.
 */
export class FrameSplitter {
  #tail: Buffer | null = null;
  #data = '';
  #bare = '';

  /** The responses that these bytes complete. @throws MalformedStream */
  push(bytes: Buffer): GenerateContentResponse[] {
    const all = this.#tail ? Buffer.concat([this.#tail, bytes]) : bytes;
    const end = all.lastIndexOf(lineFeed) + 1;
    this.#tail = end < all.length ? all.subarray(end) : null;
    if (all.length - end > frameBytesMax) throw new MalformedStream('A frame is too long.');
    return end === 0 ? [] : this.#takeLines(all.toString('utf8', 0, end));
  }

  /** The responses in what is left when the stream has ended. @throws MalformedStream when something is left that is none. */
  end(): GenerateContentResponse[] {
    // Line ends by carriage return alone are allowed; no line feed has announced them.
    const rest = (this.#tail?.toString('utf8') ?? '').replace(/\r\n?/g, '\n');
    this.#tail = null;
    const responses = this.#takeLines(`${rest}\n\n`);
    if (this.#bare.trim() !== '') responses.push(parse(this.#bare));
    return responses;
  }

  #takeLines(text: string): GenerateContentResponse[] {
    const responses: GenerateContentResponse[] = [];
    for (let start = 0; start < text.length; ) {
      const end = text.indexOf('\n', start);
      this.#takeLine(text.slice(start, text.charCodeAt(end - 1) === 13 && end > start ? end - 1 : end), responses);
      start = end + 1;
    }
    return responses;
  }

  #takeLine(line: string, responses: GenerateContentResponse[]): void {
    if (line.startsWith('data:')) {
      this.#data += this.#data === '' ? line.slice(5) : `\n${line.slice(5)}`;
    } else if (line !== '') {
      if (!/^(:|event:|id:|retry:)/.test(line)) this.#bare += `${line}\n`;
    } else if (this.#data !== '') {
      responses.push(parse(this.#data));
      this.#data = '';
    }
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
