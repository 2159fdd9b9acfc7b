import { invalidRequest } from '../api-error.ts';

/** The voices of Gemini's speech models. */
const voices = `Kore Puck Zephyr Charon Fenrir Leda Orus Aoede Callirrhoe Autonoe Enceladus Iapetus Umbriel Algieba Despina Erinome
  Algenib Rasalgethi Laomedeia Achernar Alnilam Schedar Gacrux Pulcherrima Achird Zubenelgenubi Vindemiatrix Sadachbia Sadaltager Sulafat`;
const byLowerCase = new Map(voices.split(/\s+/).map((voice) => [voice.toLowerCase(), voice]));

/** OpenAI's voices by the Gemini voice that comes near. */
const openAiVoices: readonly (readonly [string, string])[] = [
  ['alloy', 'Kore'],
  ['ash', 'Orus'],
  ['ballad', 'Umbriel'],
  ['coral', 'Leda'],
  ['echo', 'Puck'],
  ['fable', 'Fenrir'],
  ['nova', 'Aoede'],
  ['onyx', 'Charon'],
  ['sage', 'Sulafat'],
  ['shimmer', 'Zephyr'],
  ['verse', 'Iapetus'],
  ['marin', 'Achernar'],
  ['cedar', 'Algieba'],
];
for (const [theirs, ours] of openAiVoices) byLowerCase.set(theirs, ours);

/** The setting for a voice of OpenAI's or Gemini's, in any case; undefined when none is asked for. @throws ApiError for an unknown one. */
export function speechConfig(voice: unknown, path: string): Record<string, unknown> | undefined {
  if (voice === undefined || voice === null) return undefined;
  const voiceName = typeof voice === 'string' ? byLowerCase.get(voice.toLowerCase()) : undefined;
  if (!voiceName) throw invalidRequest(`\`${path}\` must be one of ${[...byLowerCase.keys()].join(', ')}.`, path);
  return { voiceConfig: { prebuiltVoiceConfig: { voiceName } } };
}
