import type { Part } from '../../gemini/types.ts';
import { type ApiError, invalidRequest } from '../api-error.ts';
import { fromBase64, type MediaReader } from '../to-gemini/media.ts';
import { type Fields, isObject, readObjects } from '../to-gemini/read-fields.ts';

/** One block of a message's content and where it stands in the body. */
export interface Block {
  value: Fields;
  /** For errors, such as `messages[1].content[0]`. */
  path: string;
}

/** Content as blocks; a text alone is one block. @throws ApiError */
export function readBlocks(content: unknown, path: string): Block[] {
  if (typeof content === 'string') return [{ value: { type: 'text', text: content }, path }];
  if (!Array.isArray(content)) throw invalidRequest('Content must be a text or a list of blocks.', path);
  return readObjects(content, path);
}

/** Blocks as Gemini parts; empty texts are left out, and so is everything that only steers Anthropic's own cache. @throws ApiError */
export function toParts(blocks: readonly Block[], media: MediaReader): Part[] {
  return blocks.flatMap((block) => toPart(block, media));
}

/** Texts and nothing else, as system prompts are. @throws ApiError */
export function toTexts(blocks: readonly Block[]): Part[] {
  return blocks.flatMap((block) => {
    if (block.value.type !== 'text') throw unsupported(block);
    return textPart(block.value.text, `${block.path}.text`);
  });
}

/** The error for a block whose kind is unknown or has no meaning here. */
export function unsupported({ value: { type }, path }: Block): ApiError {
  if (typeof type !== 'string') return invalidRequest('A block needs a `type`.', `${path}.type`);
  return invalidRequest(`Blocks of type "${type}" are not supported here.`, `${path}.type`, 'unsupported_value');
}

function toPart(block: Block, media: MediaReader): Part[] {
  const { value, path } = block;
  switch (value.type) {
    case 'text':
      return textPart(value.text, `${path}.text`);
    case 'image':
    case 'document':
      return fromSource(value.source, `${path}.source`, media);
    case 'search_result': {
      const content = toTexts(readBlocks(value.content, `${path}.content`));
      return [{ text: `${textOrNone(value.title)}\n${textOrNone(value.source)}\n` }, ...content];
    }
    // Clients with many tools find some of them by a search of their own; Gemini has been told of all of them.
    case 'tool_reference':
      return [{ text: `The tool ${textOrNone(value.tool_name)} is available.` }];
    default:
      throw unsupported(block);
  }
}

function textPart(text: unknown, path: string): Part[] {
  if (typeof text !== 'string') throw invalidRequest('A text is missing.', path);
  return text === '' ? [] : [{ text }];
}

function textOrNone(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What a picture or a document holds. */
function fromSource(source: unknown, path: string, media: MediaReader): Part[] {
  const { type, data, media_type: mimeType, url, content, file_id: id } = isObject(source) ? source : {};
  switch (type) {
    case 'base64':
      if (typeof data !== 'string' || data === '') throw invalidRequest('`data` must be base64.', `${path}.data`);
      return [fromBase64(data, mimeType, `${path}.media_type`)];
    case 'url':
      return [media.fromUrl(url, `${path}.url`)];
    case 'text':
      return textPart(data, `${path}.data`);
    case 'content':
      return toParts(readBlocks(content, `${path}.content`), media);
    case 'file':
      return [media.fromFileId(id, `${path}.file_id`)];
    default:
      throw invalidRequest('`source.type` must be base64, url, text, content or file.', `${path}.type`);
  }
}
