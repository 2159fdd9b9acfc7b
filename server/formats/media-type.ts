/** How many of a file's first bytes are looked at. */
export const headBytes = 64;

/**
 * The first bytes of the kinds of file that models read, one character a byte, and Google's name of the kind
 * (https://ai.google.dev/gemini-api/docs/video-understanding and its neighbours for pictures, sound and documents).
 * A dot stands for any byte. A table and no package: `file-type` parses hundreds of formats, and hostile files have kept it busy for
 * ever (https://github.com/sindresorhus/file-type/pull/792).
 */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^RIFF.{4}WEBP/s, 'image/webp'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^.{4}ftyphe(ic|ix|im|is|vc|vx)/s, 'image/heic'],
  [/^.{4}ftyp(mif|msf)1/s, 'image/heif'],
  [/^.{4}ftypavi[fs]/s, 'image/avif'],
  [/^%PDF-/, 'application/pdf'],
  [/^.{4}ftypqt {2}/s, 'video/mov'],
  [/^.{4}ftyp3g/s, 'video/3gpp'],
  [/^.{4}ftypM4[AB] /s, 'audio/mp4'],
  [/^.{4}ftyp/s, 'video/mp4'],
  [/^.E\xdf\xa3.*webm/s, 'video/webm'],
  [/^RIFF.{4}AVI /s, 'video/avi'],
  [/^RIFF.{4}WAVE/s, 'audio/wav'],
  [/^FORM.{4}AIF[FC]/s, 'audio/aiff'],
  [/^OggS/, 'audio/ogg'],
  [/^fLaC/, 'audio/flac'],
  [/^(ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb])/, 'audio/mp3'],
  [/^\xff[\xf0\xf1\xf8\xf9]/, 'audio/aac'],
];

/**
 * What a picture, film, sound or PDF is, by its first bytes; null when they are none of these. Of base64 text, decode the first
 * `headBytes * 4 / 3` characters for it.
 */
export function sniffMediaType(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, headBytes)).toString('latin1');
  return kinds.find(([start]) => start.test(head))?.[1] ?? null;
}
