import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { schemaProblems } from '../support/openai-schema.ts';
import { frame, googleError, text } from '../support/simulated-gemini.ts';

const model = 'gemini-3.5-flash';
const lastRequestQuery = `{ requests(first: 1) { nodes { outcome tokens { total } attempts { number failure } } } }`;

async function startCompleting() {
  const gateway = await startTestGateway();
  const client = await gateway.openai();
  const lastRequest = async () => (await gateway.graphql(lastRequestQuery)).requests.nodes[0];
  return { ...gateway, client, lastRequest };
}

describe('completions for the official client', () => {
  test('of several prompts come in their order, with the usage of all', async () => {
    const { client, gemini, lastRequest, verifyLedger } = await startCompleting();
    gemini.answerWith(({ body }) => ({ json: text(`after ${body.contents[0].parts[0].text}`) }));
    const prompt = Array.from({ length: 20 }, (_, index) => `prompt ${index}`);
    const answer = await client.completions.create({ model, prompt, max_tokens: 64 });
    expect(schemaProblems('CreateCompletionResponse', answer)).toEqual([]);
    expect(answer.choices.map((choice) => choice.text)).toEqual(prompt.map((words) => `after ${words}`));
    expect(answer.usage).toMatchObject({ prompt_tokens: 140, completion_tokens: 60, total_tokens: 200 });
    const { outcome, tokens, attempts } = await lastRequest();
    expect([outcome, tokens.total, attempts.length]).toEqual(['SUCCEEDED', 200, 20]);
    expect(await verifyLedger()).toMatchObject({ isSound: true });

    const refused = googleError(400, 'INVALID_ARGUMENT', 'No.');
    gemini.answerWith(({ body }) => (JSON.stringify(body).includes('prompt 1"') ? refused : { json: text('x') }));
    await expect(client.completions.create({ model, prompt: prompt.slice(0, 2) })).rejects.toMatchObject({
      status: 400,
    });
    expect(await lastRequest()).toMatchObject({ outcome: 'FAILED', tokens: { total: 10 } });
  });

  test('whose client leaves end all their upstream calls, begin no more, and cost what had come', async () => {
    const { client, gemini, graphql, lastRequest, verifyLedger } = await startCompleting();
    const prompt = Array.from({ length: 12 }, (_, index) => `prompt ${index}.`);
    const isQuick = (words: string) => /prompt [012]\./.test(words);
    gemini.answerWith((call) => (isQuick(call.text) ? { json: text('x') } : { hangs: true }));
    const leave = new AbortController();
    const asked = client.completions.create({ model, prompt }, { signal: leave.signal });
    // Eight hang by then, which is all that are made at once: the last prompt waits.
    await expect.poll(() => gemini.generations().length).toBe(11);
    await expect.poll(async () => (await lastRequest()).attempts.length).toBe(3);
    leave.abort();
    await expect(asked).rejects.toThrow('aborted');
    const hanging = gemini.generations().filter((call) => !isQuick(call.text));
    await Promise.all(hanging.map(({ aborted }) => aborted));
    await expect.poll(async () => (await lastRequest()).outcome).toBe('CANCELLED');
    const succeeded = [1, 2, 3].map((number) => ({ number, failure: null }));
    expect(await lastRequest()).toEqual({ outcome: 'CANCELLED', tokens: { total: 30 }, attempts: succeeded });
    expect(gemini.generations()).toHaveLength(11);
    expect((await graphql('{ ledger { openRequests } }')).ledger.openRequests).toBe(0);
    expect(await verifyLedger()).toMatchObject({ isSound: true });
  });

  test('are streamed, with their usage at the end when it is asked for', async () => {
    const { client, gemini } = await startCompleting();
    gemini.answerWith(() => ({ frames: [frame('there '), text('was')] }));
    const options = { stream_options: { include_usage: true } };
    const stream = await client.completions.create({ model, prompt: 'Once', stream: true, ...options });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.text)).toEqual(['there ', 'was', '', undefined]);
    expect(chunks[2]?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks[3]?.usage).toMatchObject({ total_tokens: 10 });
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(['cmpl-answer']));
  });

  test('refuse what Gemini cannot do', async () => {
    const { client, gemini } = await startCompleting();
    const fill = client.completions.create({ model, prompt: 'Once', suffix: 'The end.' });
    await expect(fill).rejects.toMatchObject({ status: 400, param: 'suffix', type: 'invalid_request_error' });
    expect(gemini.generations()).toEqual([]);
  });
});
