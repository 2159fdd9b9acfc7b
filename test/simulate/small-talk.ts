import { setTimeout as delay } from 'node:timers/promises';
import { finished, type Reply, text, thinking, toolCall } from '../support/gemini-answers.ts';

/** What an application of the demo asks next. */
export interface Chat {
  model: string;
  messages: { role: 'user'; content: string }[];
  isStreaming: boolean;
  /** Loses patience after the first words of a stream. */
  hangsUp: boolean;
}

const models = ['gemini-3.8-flash', 'gemini-3.8-flash', 'gemini-3.5-flash-lite', 'gemini-2.5-flash'];
const misspelt = 'gemini-3.8-flsh';
const questions = [
  'Why is the sky blue in the morning and red in the evening?',
  'Summarise the minutes of yesterday in three sentences.',
  'Write a test for a function that adds two numbers.',
  'Which trains go to Basel tomorrow after nine?',
  'Translate "good morning, everybody" into Chinese.',
];
const answers = [
  'Short waves are scattered more than long ones, so the sky looks blue; in the evening the light has a longer way and red is what is left of it.',
  'The release was moved to Thursday. Two people look into the slow start. Everybody else is on holiday.',
  'test("adds two numbers", () => { expect(add(2, 3)).toBe(5); }); and a second one for negative numbers would not hurt.',
  '大家早上好。',
];
const streamingShare = 0.7;
const misspeltShare = 0.03;
const hangUpShare = 0.05;
const frameMsMin = 60;
const frameMsMax = 350;
const frameCount = 12;

/** @param random From 0 to 1. */
export function pickChat(random: () => number): Chat {
  return {
    model: random() < misspeltShare ? misspelt : pick(models, random),
    messages: [{ role: 'user', content: pick(questions, random) }],
    isStreaming: random() < streamingShare,
    hangsUp: random() < hangUpShare,
  };
}

/** An answer at the pace of a model: mostly words, sometimes thoughts first, a call, or a limit that is reached. */
export function pickAnswer(random: () => number): Reply {
  const words = pick(answers, random);
  const kind = random();
  const whole =
    kind < 0.7
      ? text(words, frameCount)
      : kind < 0.85
        ? thinking('The user wants a short answer. Let me put it in order first.', words)
        : kind < 0.95
          ? toolCall('find_trains', { to: 'Basel', after: '09:00' })
          : finished('MAX_TOKENS', words);
  return { ...whole, beforeFrame: () => delay(frameMsMin + random() * (frameMsMax - frameMsMin)) };
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)] as Item;
}
