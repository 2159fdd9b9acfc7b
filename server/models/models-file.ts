import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../config.ts';
import type { ModelRules, ThinkingRule } from '../formats/model-rules.ts';
import { isModelId, plainId } from './model-id.ts';

/** What an operator says of models beside what is built in. `*` in the patterns is the only wildcard. */
export interface ModelsFile {
  /** Names that clients use → the model that answers. */
  aliases: Readonly<Record<string, string>>;
  /** What models accept, where the built-in table is wrong or cannot know: changes to the rules of the model they are like, or of their own. */
  rules: Readonly<Record<string, RuleChanges>>;
  /** Models that no list shows; they still answer. */
  hidden: readonly string[];
}

export type RuleChanges = { like?: string } & Partial<Omit<ModelRules, 'family'>>;

export const noModelsFile: ModelsFile = { aliases: {}, rules: {}, hidden: [] };

const patternRule = 'takes 1 to 128 characters without spaces, where * stands for any';
const pattern = z.string(patternRule).regex(/^\S{1,128}$/, patternRule);
const model = z
  .string('takes the id of a model, such as "gemini-3.8-flash"')
  .transform(plainId)
  .refine(isModelId, 'takes the id of a model, such as "gemini-3.8-flash"');
const flag = z.boolean('takes true or false').optional();
const tokens = z.int('takes a whole number of tokens').min(0, 'takes a whole number of tokens');

const thinking = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('level'),
      minimum: z.enum(['MINIMAL', 'LOW'], 'takes "MINIMAL" or "LOW"'),
      hasMedium: z.boolean('takes true or false').default(true),
      hasExtraHigh: z.boolean('takes true or false').default(false),
    }),
    z.strictObject({ kind: z.literal('budget'), min: tokens, max: tokens, offBudget: tokens }),
  ],
  {
    error: ({ code }) =>
      code === 'invalid_union' ? 'takes "none", "level" or "budget"' : 'takes an object with a "kind"',
  },
) satisfies z.ZodType<ThinkingRule>;

const signatures = z.enum(['g2', 'g3', 'gemma4'], 'takes "g2", "g3", "gemma4" or null').nullable();

const lists = {
  imageSizes: z
    .array(z.enum(['512', '1K', '2K', '4K'], 'takes "512", "1K", "2K" or "4K"'), 'takes a list of sizes')
    .optional(),
  aspectRatios: z
    .array(
      z.string('takes a text').regex(/^[1-9]\d?:[1-9]\d?$/, 'takes width to height, such as "16:9"'),
      'takes a list',
    )
    .min(1, 'takes at least one')
    .optional(),
};

const flags = {
  hasSampling: flag,
  hasCandidateCount: flag,
  hasJsonWithFunctions: flag,
  hasSystemInstruction: flag,
  needsSignature: flag,
  hasMediaInResults: flag,
  hasImageOutput: flag,
  hasAudioOutput: flag,
  hasSpeechMetadata: flag,
  isTranscriber: flag,
  hasTaskType: flag,
  mayEndWithModelTurn: flag,
  hasHops: flag,
} satisfies Record<Exclude<keyof ModelRules, 'family' | 'thinking' | 'signatures' | keyof typeof lists>, typeof flag>;

const shape = z.strictObject(
  {
    aliases: z.record(pattern, model, 'takes an object of names and model ids').default({}),
    rules: z
      .record(
        pattern,
        z.strictObject(
          {
            like: model.optional(),
            thinking: thinking.optional(),
            signatures: signatures.optional(),
            ...lists,
            ...flags,
          },
          'takes an object',
        ),
        'takes an object of patterns and rules',
      )
      .default({}),
    hidden: z.array(pattern, 'takes a list of patterns').default([]),
  },
  'takes an object',
) satisfies z.ZodType<ModelsFile>;

/** Reads the file named by MODELS_FILE; an absent one says nothing. @throws ConfigError that names the place inside and what it takes. */
export function readModelsFile(path: string): ModelsFile {
  const text = readText(path);
  return text === null ? noModelsFile : parseModelsFile(text, path);
}

/** @param path For the error only. @throws ConfigError */
export function parseModelsFile(text: string, path: string): ModelsFile {
  const refuse = (problem: string) => new ConfigError(`MODELS_FILE ${path} is not accepted: ${problem}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is not JSON (${(error as Error).message})`);
  }
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  throw refuse(result.error.issues.map(sentenceOf)[0] ?? 'the file');
}

/** Sentences for the log: aliases by which clients change their ways (they take them for OpenAI's reasoning models). */
export function warningsOf({ aliases }: ModelsFile): string[] {
  return Object.keys(aliases)
    .filter((alias) => /o[134]|gpt-5/i.test(alias))
    .map((alias) => `The alias ${alias} makes some clients speak as to OpenAI's reasoning models; see docs/models.md.`);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new ConfigError(`MODELS_FILE ${path} cannot be read: ${(error as Error).message}`);
  }
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const place = placeOf(issue.path);
  if (issue.code === 'unrecognized_keys') return `${place} has no "${issue.keys[0]}"`;
  return `${place} ${issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message}`;
}

/** As people write it: `rules["my-*"].thinking.kind`. */
function placeOf(path: readonly PropertyKey[]): string {
  const steps = path.map((step) =>
    typeof step === 'number' ? `[${step}]` : /^\w+$/.test(String(step)) ? `.${String(step)}` : `["${String(step)}"]`,
  );
  return steps.join('').replace(/^\./, '') || 'the file';
}
