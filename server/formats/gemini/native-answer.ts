import type { GenerateContentResponse } from '../../gemini/types.ts';
import type { ApiError } from '../api-error.ts';
import type { Answer, AnswerBody } from '../format.ts';
import { renderGoogleError } from './error.ts';

/** The answer of a native call. Its bytes are passed on by the relay as they are; only signatures are read on the way. */
export class NativeAnswer implements Answer {
  readonly #signatures = new Map<string, string>();

  body(responses: readonly GenerateContentResponse[]): AnswerBody {
    for (const response of responses) this.chunk(response);
    return { content: '' };
  }

  chunk(response: GenerateContentResponse): string {
    for (const { content } of response.candidates ?? []) {
      for (const { functionCall, thoughtSignature } of content?.parts ?? []) {
        if (functionCall?.id && thoughtSignature) this.#signatures.set(functionCall.id, thoughtSignature);
      }
    }
    return '';
  }

  end(): string {
    return '';
  }

  error(error: ApiError): string {
    return `data: ${JSON.stringify(renderGoogleError(error))}\r\n\r\n`;
  }

  /** So that a conversation can go on in another format. */
  signatures(): ReadonlyMap<string, string> {
    return this.#signatures;
  }
}
