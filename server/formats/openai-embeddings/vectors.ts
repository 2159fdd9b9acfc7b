import type { GenerateContentResponse } from '../../gemini/types.ts';
import { ApiError } from '../api-error.ts';

/**
 * The vectors of one answer, of unit length as OpenAI's are: Google normalises only those of full length.
 * @throws ApiError 502 when there are not as many as texts: which belongs to which would be a guess.
 */
export function readVectors({ embedding, embeddings }: GenerateContentResponse, count: number): number[][] {
  const list = Array.isArray(embeddings) ? embeddings : [embedding];
  if (list.length !== count) throw badAnswer(`Gemini gave ${list.length} vectors for ${count} texts.`);
  return list.map((item) => {
    const values = item?.values;
    if (!Array.isArray(values) || values.length === 0 || !values.every(Number.isFinite))
      throw badAnswer('Gemini gave a vector that is no list of numbers.');
    return toUnitLength(values);
  });
}

/** A vector as the official clients ask for it: 32-bit floats, little-endian, as every platform of Node's has them. */
export function toBase64(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64');
}

function toUnitLength(values: readonly number[]): number[] {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? [...values] : values.map((value) => value / length);
}

function badAnswer(message: string): ApiError {
  return new ApiError(502, 'upstream_error', message);
}
