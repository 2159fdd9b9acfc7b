import type { Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import type { TranslationContext } from '../format.ts';
import { sniffMediaType } from '../media-type.ts';
import { isObject, toText } from './read-fields.ts';

/** Media that a client named by address. Its part is empty until it was fetched. */
export interface Download {
  url: string;
  /** Of the address in the body, for the error. */
  param: string;
  part: Part;
}

const audioTypes: Record<string, string> = {
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  flac: 'audio/flac',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  m4a: 'audio/mp4',
  aiff: 'audio/aiff',
  webm: 'audio/webm',
  pcm16: 'audio/l16;rate=24000',
};

const fileTypes: Record<string, string> = {
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
  xml: 'text/xml',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  gif: 'image/gif',
  mp3: 'audio/mp3',
  mpga: 'audio/mp3',
  mpeg: 'audio/mp3',
  m4a: 'audio/mp4',
  wav: 'audio/wav',
  flac: 'audio/flac',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  aiff: 'audio/aiff',
  mp4: 'video/mp4',
  avi: 'video/x-msvideo',
  mpg: 'video/mpeg',
  mov: 'video/quicktime',
  webm: 'video/webm',
};

/** So many characters of base64 tell what a file is. */
const sniffedCharacters = 84;

const filesApi = /^https:\/\/generativelanguage\.googleapis\.com\/v1(?:beta|alpha)?\/(files\/[\w-]+)/;
const filesUrl = 'https://generativelanguage.googleapis.com/v1beta/';

/** Collects the media of one request: what is there, what has to be fetched, and what only one upstream key can read. */
export class MediaReader {
  readonly downloads: Download[] = [];
  readonly resources: string[] = [];
  readonly #ownsFile: (name: string) => boolean;

  constructor({ ownsFile }: Pick<TranslationContext, 'ownsFile'>) {
    this.#ownsFile = ownsFile;
  }

  /** A picture, film or sound given by a data: URL or an address. @throws ApiError @param path Of the URL, for the error. */
  fromUrl(url: unknown, path: string): Part {
    if (typeof url !== 'string' || url === '') throw invalidRequest('A URL is missing.', path);
    if (/^data:/i.test(url)) return fromDataUrl(url, path);
    const file = filesApi.exec(url)?.[1];
    // Films on YouTube are Google's own business, as are files that were given to Google before.
    if (file || /^https:\/\/((www\.|m\.)?youtube\.com\/(watch|shorts)|youtu\.be\/)/.test(url)) {
      this.resources.push(file ?? url);
      return { fileData: { fileUri: url } };
    }
    if (!/^https?:\/\//i.test(url))
      throw invalidRequest('Pictures come as data:, https: or http: URLs.', path, 'invalid_image_url');
    const part: Part = {};
    this.downloads.push({ url, param: path, part });
    return part;
  }

  /** A file of OpenAI's formats: its data, an address, or the id of one that was uploaded. @throws ApiError @param path Of the object, for the error. */
  fromFile(value: unknown, path: string): Part {
    const { file_data: data, file_id: id, file_url: url, filename } = isObject(value) ? value : {};
    if (id !== undefined && id !== null) return this.fromFileId(id, `${path}.file_id`);
    if (url !== undefined && url !== null) return this.fromUrl(url, `${path}.file_url`);
    if (typeof data !== 'string' || data === '') throw invalidRequest('`file_data` is missing.', `${path}.file_data`);
    if (data.startsWith('data:')) return fromDataUrl(data, `${path}.file_data`);
    const mimeType = mimeTypeOf(filename);
    if (!mimeType)
      throw invalidRequest('The kind of file is not known: send a data: URL or a usual file name.', `${path}.filename`);
    return { inlineData: { mimeType, data } };
  }

  /** A file that the same client uploaded: by its name, with or without `files/`, or its address. @throws ApiError for any other */
  fromFileId(id: unknown, path: string): Part {
    const text = typeof id === 'string' ? id : '';
    const name = filesApi.exec(text)?.[1] ?? (text.startsWith('files/') ? text : `files/${text}`);
    if (!/^files\/[\w-]+$/.test(name) || !this.#ownsFile(name))
      throw invalidRequest(
        'file_id is not supported, except for a file that the same client key uploaded through this gateway (POST /upload/v1beta/files).',
        path,
        'unsupported_value',
      );
    this.resources.push(name);
    return { fileData: { fileUri: filesUrl + name } };
  }
}

/** The media type that a file's name tells. */
export function mimeTypeOf(filename: unknown): string | undefined {
  const extension = /\.(\w+)$/.exec(typeof filename === 'string' ? filename : '')?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(fileTypes, extension) ? fileTypes[extension] : undefined;
}

/** Media in base64 with a type that may be wrong or absent. */
export function fromBase64(data: string, mimeType: unknown, path: string): Part {
  const named = typeof mimeType === 'string' ? mimeType.split(';')[0]?.trim().toLowerCase() : '';
  const type = named || sniffMediaType(Buffer.from(data.slice(0, sniffedCharacters), 'base64'));
  if (!type) throw invalidRequest('The media type is missing.', path, 'invalid_image_url');
  return { inlineData: { mimeType: type === 'image/jpg' ? 'image/jpeg' : type, data } };
}

/** @throws ApiError */
export function fromDataUrl(url: string, path: string): Part {
  const comma = url.indexOf(',');
  const head = url.slice('data:'.length, comma);
  if (comma < 0) throw invalidRequest('The data URL has no comma.', path, 'invalid_image_url');
  const isBase64 = /;\s*base64$/i.test(head);
  const rest = url.slice(comma + 1);
  const data = isBase64 ? withoutSpace(rest) : Buffer.from(percentDecoded(rest, path)).toString('base64');
  return fromBase64(data, head, path);
}

/** @throws ApiError @param path Of the object with `data` and `format`, for the error. */
export function fromAudio(value: unknown, path: string): Part {
  const { data, format } = isObject(value) ? value : {};
  const name = toText(format).toLowerCase();
  if (typeof data !== 'string' || data === '') throw invalidRequest('`data` must be audio in base64.', `${path}.data`);
  if (!Object.hasOwn(audioTypes, name))
    throw invalidRequest(`\`format\` must be one of ${Object.keys(audioTypes).join(', ')}.`, `${path}.format`);
  return { inlineData: { mimeType: audioTypes[name] as string, data: data.replace(/^data:[^,]*,/, '') } };
}

/** Without a copy where there is nothing to take out: pictures are large. */
function withoutSpace(text: string): string {
  return /\s/.test(text) ? text.replace(/\s+/g, '') : text;
}

function percentDecoded(text: string, path: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidRequest('The data URL is not percent-encoded as it should be.', path, 'invalid_image_url');
  }
}
