import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Content, Part } from '../../server/gemini/types.ts';
import * as answers from '../support/gemini-answers.ts';
import { exhausted, overloaded } from '../support/gemini-failures.ts';
import type { SimulatedCall } from '../support/gemini-simulator.ts';
import { embedText, toUnitLength } from '../support/simulated-embedding.ts';
import { makeSignature } from '../support/simulated-signature.ts';
import type { Answer, Calls, Client, Gateway, Tool } from './client.ts';

/** What a check works with. */
export interface Bench {
  gateway: Gateway;
  /** What Gemini answers next, one call each. Forgets what was not used up. */
  script(...next: answers.GeminiAnswer[]): void;
  /** The calls of this check as Gemini saw them, oldest first. */
  calls(): SimulatedCall[];
}

/** Keys in the pool. */
export const upstreamKeyCount = 2;

/** A column of the matrix. It passes when it returns. */
type Check = (client: Client, bench: Bench) => Promise<void>;

const words = 'Bonjour à tous 🌍, 你好';
const abortMsMax = 250;

/** An answer with thoughts, which count but are not part of the text, and one that was cut by length. */
async function chat(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  script(answers.thinking('Whom do I greet?', words), answers.finished('MAX_TOKENS', 'Bonj'));
  const { chat: ask } = client.connect(gateway);
  const whole = await ask('Greet everybody.');
  const cut = ask('Greet everybody.');
  if (client.throwsWhenCut) await assert.rejects(cut, { message: client.throwsWhenCut });
  else checkAnswer(client, await cut, 'Bonj', 'length', calls()[1]);
  const [first] = calls();
  assert.deepEqual(first?.body.contents, [{ role: 'user', parts: [{ text: 'Greet everybody.' }] }]);
  assert.equal(first?.action, 'generateContent');
  checkAnswer(client, whole, words, 'stop', first);
}

/** Gemini sends each piece only after the client has shown the one before. */
async function stream(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  const gate = answers.createGate();
  script(gate.hold(answers.text(words)));
  gate.pass();
  const pieces: string[] = [];
  const answer = await client.connect(gateway).stream('Greet everybody.', (piece) => {
    pieces.push(piece);
    gate.pass();
  });
  const [call] = calls();
  assert.equal(call?.action, 'streamGenerateContent');
  assert.ok(pieces.length >= 3, `The text came in ${pieces.length} piece(s).`);
  assert.equal(pieces.join(''), words);
  checkAnswer(client, answer, words, 'stop', call);
}

/**
 * Two calls at once, one more, an answer, and another question. The simulated Gemini refuses a step without its thought signature,
 * and here it must be the very one that it gave, not the placeholder.
 */
const tools = (isStreaming: boolean): Check =>
  async function callTools(client, { gateway, script, calls }) {
    const called: string[] = [];
    const tool: Tool = {
      name: 'get_weather',
      description: 'Tells the weather of a city.',
      parameters: z.object({ city: z.string() }),
      run({ city }) {
        called.push(city);
        return `Sunny in ${city}`;
      },
    };
    const weatherOf = (city: string) => ({ name: tool.name, args: { city } });
    const parallel = answers.toolCalls(weatherOf('Paris'), weatherOf('Rome'));
    script(
      { ...parallel, frames: [[{ text: 'Two cities.', thought: true }], ...parallel.frames] },
      answers.toolCalls(weatherOf('Oslo')),
      answers.text('Sunny everywhere.'),
      answers.text('Goodbye.'),
    );
    const questions = ['What is the weather in Paris, Rome and Oslo?', 'Thank you.'];
    const { texts, finishReasons } = await client.connect(gateway).converse(questions, tool, isStreaming);
    assert.deepEqual(called, ['Paris', 'Rome', 'Oslo']);
    assert.deepEqual(texts, ['Sunny everywhere.', 'Goodbye.']);
    const { stop, tools: toolsReason } = client.finishReasons;
    if (stop !== null) assert.deepEqual(finishReasons, [toolsReason, toolsReason, stop, stop]);

    const upstream = calls();
    assert.equal(upstream.length, 4);
    const declared = JSON.stringify(upstream[0]?.body.tools);
    assert.match(declared, /"name":"get_weather".*"city":\{"type":"string"/i, 'The tool did not arrive.');
    const turns = upstream[3]?.body.contents ?? [];
    const expected = [
      { text: questions[0] },
      { call: 'Paris', signature: makeSignature(upstream[0]?.n ?? 0) },
      { call: 'Rome' },
      { result: 'Sunny in Paris' },
      { result: 'Sunny in Rome' },
      { call: 'Oslo', signature: makeSignature(upstream[1]?.n ?? 0) },
      { result: 'Sunny in Oslo' },
      { text: 'Sunny everywhere.' },
      { text: questions[1] },
    ];
    assert.deepEqual(turns.flatMap(readParts), expected);
    assert.deepEqual(
      turns.map(({ role }) => role),
      ['user', 'model', 'user', 'model', 'user', 'model', 'user'],
    );
  };

/** What matters of a turn. Thoughts may come back or not, and signatures of texts as well. */
function readParts({ parts = [] }: Content): Record<string, unknown>[] {
  const texts = parts.filter(({ text, thought }) => text && !thought).map(({ text }) => text);
  const others = parts.flatMap(({ functionCall, functionResponse, thoughtSignature }): Record<string, unknown>[] => {
    if (functionCall)
      return [{ call: functionCall.args?.city, ...(thoughtSignature && { signature: thoughtSignature }) }];
    if (functionResponse) return [{ result: onlyText(functionResponse.response) }];
    return [];
  });
  return texts.length > 0 ? [...others, { text: texts.join('') }] : others;
}

/** A tool's result may be wrapped in an object of any form. */
function onlyText(response: Record<string, unknown>): unknown {
  const values = Object.values(response);
  const [value] = values.filter((each) => typeof each === 'string' && each.startsWith('Sunny'));
  return value ?? JSON.stringify(response);
}

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

async function images(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  script(answers.text('One pixel.'));
  const answer = await client.connect(gateway).lookAt(png, 'What is this?');
  const [call] = calls();
  const parts: Part[] = call?.body.contents.flatMap((content) => content.parts ?? []) ?? [];
  assert.deepEqual(parts.find(({ inlineData }) => inlineData)?.inlineData, { mimeType: 'image/png', data: png });
  assert.ok(parts.some(({ text }) => text === 'What is this?'));
  checkAnswer(client, answer, 'One pixel.', 'stop', call);
}

const city = z.object({
  name: z.string(),
  inhabitants: z.number(),
  districts: z.array(z.string()),
  motto: z.string().nullable(),
});

/** The schema goes to Gemini as JSON Schema, and the client parses what comes back. */
async function jsonSchema(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  const oslo = { name: 'Oslo', inhabitants: 717_710, districts: ['Frogner', 'Grünerløkka'], motto: null };
  script(answers.text(JSON.stringify(oslo)));
  assert.deepEqual(await client.connect(gateway).extract('Tell me about Oslo.', city), oslo);
  const [call] = calls();
  const { responseMimeType, responseJsonSchema } = call?.body.generationConfig ?? {};
  assert.equal(responseMimeType, 'application/json');
  const { properties, required } = responseJsonSchema as { properties: Record<string, unknown>; required: string[] };
  assert.deepEqual(Object.keys(properties), Object.keys(city.shape));
  assert.deepEqual([...required].sort(), Object.keys(city.shape).sort());
  assert.partialDeepStrictEqual(properties, {
    name: { type: 'string' },
    inhabitants: { type: 'number' },
    districts: { type: 'array', items: { type: 'string' } },
  });
  assert.match(JSON.stringify(properties.motto), /"string".*"null"|"nullable":true/);
}

const dimensions = 64;
/** JSON and base64 bring the vectors as 32 bit floats. */
const floatError = 1e-6;

/** Several texts of a model whose vectors have to be brought to unit length, then one of a model that counts tokens. */
async function embeddings(client: Client, { gateway, calls }: Bench): Promise<void> {
  const { embed } = client.connect(gateway) as Required<Calls>;
  const texts = ['one', 'zwei', '三'];
  const several = await embed(texts, 'gemini-embedding-001', dimensions);
  const asGiven = texts.map((text) => embedText('gemini-embedding-001', text, dimensions));
  const isNative = client.endpoint.endsWith(':generateContent');
  checkVectors(several.vectors, isNative ? asGiven : asGiven.map(toUnitLength));
  const single = await embed(['four'], 'gemini-embedding-2', dimensions);
  checkVectors(single.vectors, [embedText('gemini-embedding-2', 'four', dimensions)]);
  const upstream = calls();
  assert.equal(upstream.length, 2);
  if (single.tokens !== null) assert.equal(single.tokens, upstream[1]?.usage?.promptTokenCount);
}

function checkVectors(vectors: number[][], expected: number[][]): void {
  assert.deepEqual(
    vectors.map(({ length }) => length),
    expected.map(({ length }) => length),
  );
  for (const [row, vector] of vectors.entries()) {
    for (const [column, value] of vector.entries()) {
      const wanted = expected[row]?.[column] ?? Number.NaN;
      assert.ok(Math.abs(value - wanted) <= floatError, `Vector ${row} has ${value} at ${column}, not ${wanted}.`);
    }
  }
}

/** A model of its own for each client: once its quota is spent, the gateway leaves it alone. */
export const spentModel = ({ id }: Client) => `gemini-2.5-flash-spent-by-${id}`;
const quotaBackSeconds = 40;
/** The official clients ignore a longer wait and come back at once. */
const obeyedSecondsMax = 60;

/** Each of the usual failures is the client's own error; an answer that breaks off is not taken for a whole one. */
async function errors(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  const badKey = client.connect({ ...gateway, key: 'gp_wrong' });
  await checkError(client, badKey.chat('Hello?'), 401, /client key/i);
  assert.equal(calls().length, 0, 'A bad key was let through.');

  const unknownModel = client.connect({ ...gateway, model: 'gemini-9-nothing' });
  await checkError(client, unknownModel.chat('Hello?'), 404, /gemini-9-nothing/);

  const model = spentModel(client);
  const quota = exhausted({ retryAfterSeconds: quotaBackSeconds, model });
  script(...Array(upstreamKeyCount).fill(quota));
  const rateLimited = client.connect({ ...gateway, model });
  const error = await checkError(client, rateLimited.chat('Hello?'), 429, /try again in \d+s/i);
  if (error.retryAfter !== undefined) {
    const seconds = Number(error.retryAfter);
    assert.ok(seconds >= quotaBackSeconds - 1 && seconds <= obeyedSecondsMax, `retry-after is ${error.retryAfter}.`);
  }

  script(answers.errorAfter(1, answers.text(words), overloaded()));
  let shown = '';
  const broken = client.connect(gateway).stream('Hello?', (piece) => {
    shown += piece;
  });
  const ended = await broken.then(
    ({ finishReason }) => finishReason,
    () => 'thrown',
  );
  assert.match(ended ?? '', /^(thrown|failed)$/, 'A broken answer was taken for a whole one.');
  assert.ok(shown !== '' && words.startsWith(shown), `"${shown}" was shown of a broken answer.`);
}

async function checkError(client: Client, call: Promise<unknown>, status: 401 | 404 | 429, message: RegExp) {
  const thrown = await call.then(
    () => assert.fail(`An answer instead of ${status}.`),
    (error: unknown) => error,
  );
  const error = client.readError(thrown);
  if (error === null) throw thrown;
  assert.equal(error.status, status);
  assert.equal(error.name, client.errorNames[status]);
  assert.match(error.message, message);
  return error;
}

/** Whoever hangs up ends the call to Gemini, before the answer and in its middle. */
async function abort(client: Client, { gateway, script, calls }: Bench): Promise<void> {
  for (const isStreaming of [false, true]) {
    const begun = Promise.withResolvers<void>();
    script({
      ...answers.text(words),
      beforeFrame(index) {
        if (isStreaming && index === 0) return Promise.resolve();
        if (!isStreaming) begun.resolve();
        return new Promise(() => {});
      },
    });
    const { chat: ask, stream: askStreaming } = client.connect(gateway);
    const controller = new AbortController();
    const { signal } = controller;
    const answer = isStreaming ? askStreaming('Hello?', () => begun.resolve(), signal) : ask('Hello?', signal);
    const text = answer.then(
      ({ text: shown }) => shown,
      () => null,
    );
    await Promise.race([begun.promise, answer]);
    const hungUpAt = Date.now();
    controller.abort();
    const call = calls().at(-1);
    await call?.ended;
    assert.ok(call?.abortedAt, 'Gemini was not hung up on.');
    const tookMs = call.abortedAt - hungUpAt;
    assert.ok(tookMs <= abortMsMax, `Gemini was hung up on after ${tookMs} ms.`);
    assert.notEqual(await text, words);
  }
}

function checkAnswer(
  client: Client,
  answer: Answer,
  text: string,
  reason: 'stop' | 'length',
  call: SimulatedCall | undefined,
): void {
  const { promptTokenCount, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = call?.usage ?? {};
  assert.equal(answer.text, text);
  assert.equal(answer.finishReason, client.finishReasons[reason]);
  assert.deepEqual(answer.tokens, { input: promptTokenCount, output: candidatesTokenCount + thoughtsTokenCount });
  assert.match(answer.id ?? '', client.answerId);
}

/** The columns, in their order. */
export const checks = {
  chat,
  stream,
  tools: tools(false),
  'tools streamed': tools(true),
  images,
  'JSON schema': jsonSchema,
  embeddings,
  errors,
  abort,
} satisfies Record<string, Check>;

export type CheckName = keyof typeof checks;
