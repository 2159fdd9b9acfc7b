import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sniffMediaType } from '../../server/formats/media-type.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

test.for([
  ['\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'image/png'],
  ['\xff\xd8\xff\xe0\0\x10JFIF', 'image/jpeg'],
  ['\xff\xd8\xff\xe1\0\x10Exif', 'image/jpeg'],
  ['RIFF\x24\0\0\0WEBPVP8 ', 'image/webp'],
  ['RIFF\n\n\n\nWEBPVP8L', 'image/webp'],
  ['GIF89a\x01\0', 'image/gif'],
  ['GIF87a\x01\0', 'image/gif'],
  ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'image/heic'],
  ['\0\0\0\x18ftypmif1\0\0\0\0mif1heic', 'image/heif'],
  ['\0\0\0\x1cftypavif\0\0\0\0', 'image/avif'],
  ['%PDF-1.7\n', 'application/pdf'],
  ['\0\0\0\x20ftypisom\0\0\x02\0isomiso2', 'video/mp4'],
  ['\0\0\0\x18ftypmp42\0\0\0\0', 'video/mp4'],
  ['\0\0\0\x14ftypqt  \0\0\x02\0qt  ', 'video/mov'],
  ['\0\0\0\x18ftyp3gp4\0\0\x02\0', 'video/3gpp'],
  ['\0\0\0\x18ftypM4A \0\0\x02\0', 'audio/mp4'],
  ['\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm', 'video/webm'],
  ['RIFF\x24\0\0\0AVI LIST', 'video/avi'],
  ['RIFF\x24\0\0\0WAVEfmt ', 'audio/wav'],
  ['FORM\0\0\0\x24AIFFCOMM', 'audio/aiff'],
  ['OggS\0\x02', 'audio/ogg'],
  ['fLaC\0\0\0\x22', 'audio/flac'],
  ['ID3\x04\0', 'audio/mp3'],
  ['\xff\xfb\x90\x64', 'audio/mp3'],
  ['\xff\xf3\x90\x64', 'audio/mp3'],
  ['\xff\xf1\x50\x80', 'audio/aac'],
])('%j is %s', ([start, mimeType]) => {
  expect(sniffMediaType(bytes(start as string))).toBe(mimeType);
});

test.for([
  '',
  '<!doctype html><title>PNG</title>',
  '{"error":"not found"}',
  'PNG',
  'x\x89PNG\r\n',
  'RIFF\0\0\0\0ACON',
  // Matroska that is not WebM; UTF-16 text.
  '\x1aE\xdf\xa3\xa3B\x82\x88matroska',
  '\xff\xfeh\0i\0',
])('%j is no known kind of media', (start) => {
  expect(sniffMediaType(bytes(start))).toBeNull();
});

test('the start of base64 text is enough', () => {
  const data = readFileSync('docs/overview.png').toString('base64');
  expect(sniffMediaType(Buffer.from(data.slice(0, 84), 'base64'))).toBe('image/png');
});
