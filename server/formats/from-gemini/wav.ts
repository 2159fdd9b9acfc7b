import type { Part } from '../../gemini/types.ts';

const defaultRate = 24_000;
const headerBytes = 44;
const bytesPerSample = 2;

/** The sound of an answer's parts as Gemini sends it: WAV already, or raw 16-bit mono samples. Null when there is none. */
export function soundOf(parts: readonly Part[]): { mimeType: string; data: Buffer } | null {
  const sounds = parts.flatMap(({ inlineData, thought }) =>
    inlineData?.data && !thought && inlineData.mimeType?.startsWith('audio/') ? [inlineData] : [],
  );
  const [first] = sounds;
  if (!first) return null;
  const data = Buffer.concat(sounds.map((sound) => Buffer.from(sound.data ?? '', 'base64')));
  return { mimeType: first.mimeType ?? '', data };
}

/** Raw samples with the header that makes them a WAV file; what is one already stays as it is. */
export function toWav({ mimeType, data }: { mimeType: string; data: Buffer }): Buffer {
  if (isWav(data)) return data;
  const rate = Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? defaultRate);
  const header = Buffer.alloc(headerBytes);
  header.write('RIFF', 0);
  header.writeUInt32LE(headerBytes - 8 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * bytesPerSample, 28);
  header.writeUInt16LE(bytesPerSample, 32);
  header.writeUInt16LE(bytesPerSample * 8, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

/** The samples alone: of a WAV file, what is in its `data` chunk; other chunks may come before it and after it. */
export function toPcm(data: Buffer): Buffer {
  if (!isWav(data)) return data;
  for (let at = riffHeadBytes; at + chunkHeadBytes <= data.length; ) {
    const start = at + chunkHeadBytes;
    const length = data.readUInt32LE(at + 4);
    if (data.toString('latin1', at, at + 4) === 'data') return data.subarray(start, start + length);
    // Chunks begin at even places.
    at = start + length + (length % 2);
  }
  return data.subarray(headerBytes);
}

/** `RIFF`, a length, `WAVE`. */
const riffHeadBytes = 12;
/** A name and a length. */
const chunkHeadBytes = 8;

function isWav(data: Buffer): boolean {
  return data.toString('latin1', 0, 4) === 'RIFF';
}
