import { setTimeout as delay } from 'node:timers/promises';
import {
  cutAfter,
  type GeminiAnswer,
  type Reply,
  reset,
  silentAfter,
  text,
  toolCall,
} from '../../support/gemini-answers.ts';
import { badRequest, failure, overloaded } from '../../support/gemini-failures.ts';
import type { SimulatedCall, SimulatedGemini } from '../../support/gemini-simulator.ts';
import { type Course, readPrompt } from './request-forms.ts';

export interface CoursesOptions {
  /** 0 to 1. */
  random(): number;
  /** Told of each call with a prompt of the trial. */
  onCall?(marker: string): void;
  /** Told before each frame but the first. */
  onFrame?(): void;
  /** Settles when the gated answers may end. */
  gate?: Promise<void>;
}

const words = 'The sky is blue because short waves are scattered more than long ones.';
const frameCount = 6;
/** Where an answer that does not come to its end stops. */
const stopsAfter = 3;
const frameMsMin = 2;
const frameMsMax = 25;
const largeCharacters = 12_000_000;

/** Lets the simulated Gemini do with each call what its prompt says. */
export function followCourses(gemini: SimulatedGemini, options: CoursesOptions): void {
  const met = new Set<string>();
  gemini.script({ calls: 'all', answer: (call) => answerOf(call, met, options) });
}

/** @param met The requests whose one failure has been. */
function answerOf(call: SimulatedCall, met: Set<string>, options: CoursesOptions): GeminiAnswer | null {
  const prompt = readPrompt(JSON.stringify(call.body));
  if (!prompt) return null;
  options.onCall?.(prompt.marker);
  const once = onceFailures[prompt.course];
  if (once && !met.has(prompt.marker)) {
    met.add(prompt.marker);
    return once();
  }
  // Embeddings have no words: the simulated Gemini knows what they are.
  if (call.action.toLowerCase().includes('embed')) return null;
  return replyOf(prompt.course, call, options);
}

const onceFailures: Partial<Record<Course, () => GeminiAnswer>> = {
  'limited once': limited,
  'overloaded once': overloaded,
  'reset once': reset,
};

/** 429 that tells of no limit: the pool would keep to it. */
function limited(): GeminiAnswer {
  const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' };
  return failure(429, 'RESOURCE_EXHAUSTED', 'Please retry in 1s.', [retry]);
}

function replyOf(course: Course, { body }: SimulatedCall, options: CoursesOptions): GeminiAnswer {
  const answer = body.tools ? toolCall('look_up', { place: 'Basel' }) : text(words, frameCount);
  const whole = { ...answer, beforeFrame: async (index: number) => void (index > 0 && options.onFrame?.()) };
  switch (course) {
    case 'paced':
      return paced(whole, options);
    case 'endless':
      return paced(silentAfter(stopsAfter, whole), options);
    case 'gated':
      return { ...whole, beforeFrame: async (index) => void (index === frameCount - 1 && (await options.gate)) };
    case 'large':
      return { ...text('x'.repeat(largeCharacters), 1), beforeFrame: async () => void (await options.gate) };
    case 'refused':
      return badRequest('The trial wants this to be refused.');
    case 'broken off':
      return cutAfter(stopsAfter, whole);
    default:
      return whole;
  }
}

function paced(reply: Reply, { random, onFrame }: CoursesOptions): Reply {
  return {
    ...reply,
    async beforeFrame(index) {
      if (index > 0) onFrame?.();
      await delay(frameMsMin + random() * (frameMsMax - frameMsMin));
    },
  };
}
