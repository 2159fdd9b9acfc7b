import type { Part } from '../../gemini/types.ts';
import { invalidRequest } from '../api-error.ts';
import { type ContentPart, isObject } from './request.ts';

const audioTypes: Record<string, string> = {
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  flac: 'audio/flac',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  m4a: 'audio/mp4',
  aiff: 'audio/aiff',
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
  mp3: 'audio/mp3',
  wav: 'audio/wav',
  mp4: 'video/mp4',
};

/** The first bytes of image files, in base64. */
const imageMagic: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

/** A message's content as Gemini parts; empty texts are left out. @param path For errors, such as `messages[1].content`. @throws ApiError */
export function toParts(content: string | ContentPart[] | null | undefined, path: string): Part[] {
  if (content === null || content === undefined || content === '') return [];
  if (typeof content === 'string') return [{ text: content }];
  return content.flatMap((part, index) => toPart(part, `${path}[${index}]`));
}

/** All text of a content, without separators. */
export function textOf(content: string | ContentPart[] | null | undefined): string {
  if (!Array.isArray(content)) return content ?? '';
  return content.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
}

function toPart(part: ContentPart, path: string): Part[] {
  switch (part.type) {
    case 'text':
    case 'input_text':
      return part.text ? [{ text: String(part.text) }] : [];
    case 'refusal':
      return part.refusal ? [{ text: String(part.refusal) }] : [];
    case 'image_url':
    case 'video_url':
      return [fromUrl(urlOf(part[part.type], `${path}.${part.type}`), `${path}.${part.type}.url`)];
    case 'input_audio':
      return [fromAudio(part.input_audio, `${path}.input_audio`)];
    case 'file':
      return [fromFile(part.file, `${path}.file`)];
    default:
      throw invalidRequest(
        `Content parts of type "${part.type}" are not supported.`,
        `${path}.type`,
        'unsupported_value',
      );
  }
}

function urlOf(value: unknown, path: string): string {
  const url = isObject(value) ? value.url : value;
  if (typeof url !== 'string' || url === '') throw invalidRequest('A URL is missing.', `${path}.url`);
  return url;
}

/** Pictures and films come as data URLs. Two kinds of address are Google's own business and pass as they are. */
function fromUrl(url: string, path: string): Part {
  if (url.startsWith('data:')) return fromDataUrl(url, path);
  const isYouTube = /^https:\/\/(www\.youtube\.com\/watch|youtu\.be\/)/.test(url);
  if (isYouTube || /^https:\/\/generativelanguage\.googleapis\.com\/v1(beta)?\/files\//.test(url))
    return { fileData: { fileUri: url } };
  throw invalidRequest('Pictures must be sent as data: URLs; addresses are not fetched.', path, 'invalid_image_url');
}

function fromDataUrl(url: string, path: string): Part {
  const comma = url.indexOf(',');
  const head = url.slice('data:'.length, comma);
  if (comma < 0) throw invalidRequest('The data URL has no comma.', path, 'invalid_image_url');
  const isBase64 = /;\s*base64$/i.test(head);
  const rest = url.slice(comma + 1);
  const data = isBase64 ? rest.replace(/\s+/g, '') : Buffer.from(percentDecoded(rest, path)).toString('base64');
  const named = head.split(';')[0]?.trim().toLowerCase() ?? '';
  const mimeType = named || imageMagic.find(([magic]) => data.startsWith(magic))?.[1];
  if (!mimeType) throw invalidRequest('The data URL names no media type.', path, 'invalid_image_url');
  return { inlineData: { mimeType: mimeType === 'image/jpg' ? 'image/jpeg' : mimeType, data } };
}

function percentDecoded(text: string, path: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidRequest('The data URL is not percent-encoded as it should be.', path, 'invalid_image_url');
  }
}

function fromAudio(value: unknown, path: string): Part {
  const { data, format } = isObject(value) ? value : {};
  const mimeType = audioTypes[String(format).toLowerCase()];
  if (typeof data !== 'string' || data === '') throw invalidRequest('`data` must be audio in base64.', `${path}.data`);
  if (!mimeType)
    throw invalidRequest(`\`format\` must be one of ${Object.keys(audioTypes).join(', ')}.`, `${path}.format`);
  return { inlineData: { mimeType, data: data.replace(/^data:[^,]*,/, '') } };
}

function fromFile(value: unknown, path: string): Part {
  const { file_data: data, file_id: id, filename } = isObject(value) ? value : {};
  if (id !== undefined)
    throw invalidRequest('file_id is not supported; send `file_data`.', `${path}.file_id`, 'unsupported_value');
  if (typeof data !== 'string' || data === '') throw invalidRequest('`file_data` is missing.', `${path}.file_data`);
  if (data.startsWith('data:')) return fromDataUrl(data, `${path}.file_data`);
  const mimeType = fileTypes[/\.(\w+)$/.exec(String(filename ?? ''))?.[1]?.toLowerCase() ?? ''];
  if (!mimeType)
    throw invalidRequest('The kind of file is not known: send a data: URL or a usual file name.', `${path}.filename`);
  return { inlineData: { mimeType, data } };
}
