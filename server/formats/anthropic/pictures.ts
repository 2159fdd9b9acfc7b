import type { Part } from '../../gemini/types.ts';

/** Anthropic has no block for a picture that the model made: it goes out as a picture in Markdown, and comes back as one. */
const pictureInMarkdown = /!\[image\]\(data:(image\/[\w.+-]+);base64,([A-Za-z0-9+/=]+)\)/;

/** A picture as text; undefined for a part of another kind. */
export function pictureText({ inlineData, thought }: Part): string | undefined {
  if (thought || !inlineData?.data || !inlineData.mimeType?.startsWith('image/')) return undefined;
  return `![image](data:${inlineData.mimeType};base64,${inlineData.data})`;
}

/** What the model said, with its pictures as pictures again: as text they would be a million tokens. */
export function fromPictureText(text: string): Part[] {
  const pieces = text.split(pictureInMarkdown);
  const parts: Part[] = [];
  for (let index = 0; index < pieces.length; index += 3) {
    const [words = '', mimeType, data] = pieces.slice(index, index + 3);
    if (words !== '') parts.push({ text: words });
    if (mimeType !== undefined && data !== undefined) parts.push({ inlineData: { mimeType, data } });
  }
  return parts;
}
