import type { Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { sniffMediaType } from '../media-type.ts';
import { mimeTypeOf } from './media.ts';
import { type Fields, isObject } from './read-fields.ts';

/** A file of a form. */
export interface Upload {
  filename: string;
  /** As the client named it: often `application/octet-stream`, or nothing that is true. */
  mimeType: string;
  data: Buffer;
}

/** What a field of a form is to hold. */
export type MediaKind = 'image' | 'audio';

/** The files of a field, in order, as Gemini takes them; none when it is absent. @throws ApiError naming the field */
export function readUploads(form: Fields, name: string, kind: MediaKind): Part[] {
  const value = form[name];
  if (value === undefined) return [];
  const isList = Array.isArray(value);
  return (isList ? value : [value]).map((file, index) => toPart(file, kind, isList ? `${name}[${index}]` : name));
}

function toPart(file: unknown, kind: MediaKind, path: string): Part {
  if (!isUpload(file)) throw invalidRequest(`\`${path}\` must be a file.`, path);
  if (file.data.length === 0) throw invalidRequest(`The file in \`${path}\` is empty.`, path);
  const mimeType = typeOf(file);
  if (!mimeType || !isOfKind(mimeType, kind))
    throw invalidRequest(`The file in \`${path}\` is not of a known kind of ${kind}.`, path);
  return { inlineData: { mimeType, data: file.data.toString('base64') } };
}

/** The bytes do not lie; only they cannot tell a film from a sound recording, which has the same containers. */
function typeOf({ filename, mimeType, data }: Upload): string | undefined {
  const named = /^(image|audio|video)\//.test(mimeType) ? mimeType : mimeTypeOf(filename);
  const seen = sniffMediaType(data);
  return seen?.startsWith('video/') && named?.startsWith('audio/') ? seen.replace('video/', 'audio/') : (seen ?? named);
}

function isOfKind(mimeType: string, kind: MediaKind): boolean {
  return mimeType.startsWith(`${kind}/`) || (kind === 'audio' && mimeType.startsWith('video/'));
}

function isUpload(value: unknown): value is Upload {
  return isObject(value) && Buffer.isBuffer(value.data);
}
