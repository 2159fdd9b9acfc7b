/**
 * How often durations fell where, in steps of an eighth of an octave: any percentile is known to 6 %. Sketches add up, whole numbers only, so
 * that the same durations always make the same sketch.
 */
export type LatencySketch = Map<number, number>;

const stepsPerOctave = 8;
const stepBits = 3;

/** @param ms A whole number from 0. */
export function addLatency(sketch: LatencySketch, ms: number): void {
  const step = stepOf(ms);
  sketch.set(step, (sketch.get(step) ?? 0) + 1);
}

export function mergeSketch(into: LatencySketch, other: LatencySketch): void {
  for (const [step, count] of other) into.set(step, (into.get(step) ?? 0) + count);
}

/** @param share From 0 to 1, such as 0.95. @returns the upper end of the step that holds it, ms; null for an empty sketch. */
export function percentileMs(sketch: LatencySketch, share: number): number | null {
  const steps = [...sketch].sort(([a], [b]) => a - b);
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.max(1, Math.ceil(total * share));
  for (const [step, count] of steps) {
    left -= count;
    if (left <= 0) return highestOf(step);
  }
  return null;
}

/** As stored: `step:count` in order, for example `40:3,41:1`; '' for none. */
export function writeSketch(sketch: LatencySketch): string {
  return [...sketch]
    .sort(([a], [b]) => a - b)
    .map(([step, count]) => `${step}:${count}`)
    .join(',');
}

export function readSketch(text: string): LatencySketch {
  const sketch: LatencySketch = new Map();
  if (text === '') return sketch;
  for (const entry of text.split(',')) {
    const [step, count] = entry.split(':');
    sketch.set(Number(step), Number(count));
  }
  return sketch;
}

/** Below two octaves of steps every millisecond has its own. */
function stepOf(ms: number): number {
  const whole = Math.min(Math.max(Math.trunc(ms), 0), 0x3fffffff);
  if (whole < stepsPerOctave) return whole;
  const octave = 31 - Math.clz32(whole) - stepBits;
  return (octave + 1) * stepsPerOctave + ((whole >> octave) - stepsPerOctave);
}

function highestOf(step: number): number {
  if (step < stepsPerOctave) return step;
  const octave = Math.floor(step / stepsPerOctave) - 1;
  return ((step % stepsPerOctave) + stepsPerOctave + 1) * 2 ** octave - 1;
}
