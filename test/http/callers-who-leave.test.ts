import { describe, expect, test } from 'vitest';
import type { RequestAborted, UsageAdjusted } from '../../server/ledger/events.ts';
import { startTestGateway } from '../support/gateway.ts';
import { readEvents } from '../support/ledger.ts';
import { frame, type ScriptedAnswer, text } from '../support/simulated-gemini.ts';

const patience = { timeout: 5000, interval: 5 };

/** A gateway whose only caller can leave. Its key has a budget of tokens. */
async function start(settings: Record<string, string> = {}) {
  const gateway = await startTestGateway(settings);
  await gateway.signIn();
  const { clientKeyCreate } = await gateway.graphql(
    `mutation { clientKeyCreate(input: {name: "x", budgets: [{unit: TOKENS, limit: "900000", period: DAY}]}) {
      ... on ClientKeyCreateSuccess { secret } } }`,
  );
  const ask = (stream: boolean) => {
    const leave = new AbortController();
    const answer = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: leave.signal,
      headers: { authorization: `Bearer ${clientKeyCreate.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gemini-3.8-flash', stream, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    answer.catch(() => {});
    return { leave: () => leave.abort(), answer };
  };
  const find = async <Type extends string>(type: Type) =>
    (await readEvents(gateway.folder)).find((event) => event.type === type);
  const untilTold = async (type: string) => {
    await expect.poll(() => find(type), patience).toBeTruthy();
    return find(type);
  };
  const budget = async () => {
    const { clientKeys } = await gateway.graphql('{ clientKeys { nodes { budgets { used reserved } } } }');
    return clientKeys.nodes[0].budgets[0];
  };
  return { ...gateway, ask, untilTold, budget };
}

/** Frames after which nothing comes any more. */
const stalled = (...frames: Parameters<typeof frame>[]): ScriptedAnswer => ({
  frames: [...frames.map((words) => frame(...words)), new Promise(() => {})],
});

describe('a caller who leaves', () => {
  test('in the middle of a stream is charged what Google had counted by then', async () => {
    const { ask, gemini, untilTold, budget } = await start();
    const counted = {
      ...frame('Hel'),
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, totalTokenCount: 9 },
    };
    gemini.answerWith(() => ({ frames: [counted, new Promise(() => {})] }));
    const { leave, answer } = ask(true);
    const reader = (await answer).body?.getReader();
    await reader?.read();
    leave();
    const aborted = (await untilTold('RequestAborted')) as RequestAborted;
    expect(aborted).toMatchObject({ by: 'client', usageSource: 'last-seen', usage: { totalTokens: 9 } });
    expect(aborted.charge?.priceId).toBe('gemini-3.8-flash@2026-09-23');
    expect(await budget()).toEqual({ used: '9', reserved: '0' });
  });

  test('before Google counted anything is charged an estimate of the prompt and of what was delivered', async () => {
    const { ask, gemini, untilTold } = await start();
    gemini.answerWith(() => stalled(['Hello there, you']));
    const { leave, answer } = ask(true);
    await (await answer).body?.getReader().read();
    leave();
    const aborted = (await untilTold('RequestAborted')) as RequestAborted;
    expect(aborted).toMatchObject({ usageSource: 'estimated', usage: { outputTokens: 4 } });
    expect(aborted.usage.inputTokens).toBeGreaterThan(0);
  });

  test('before any answer is charged an estimate of the prompt', async () => {
    const { ask, gemini, untilTold } = await start();
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    gemini.answerWith(() => {
      resolve();
      return { hangs: true };
    });
    const { leave } = ask(false);
    await reached;
    leave();
    const aborted = (await untilTold('RequestAborted')) as RequestAborted;
    expect(aborted).toMatchObject({ usageSource: 'estimated', usage: { outputTokens: 0 } });
    expect(aborted.usage.inputTokens).toBeGreaterThan(0);
  });
});

describe('where calls are drained', () => {
  /** Gemini has the call; it answers when it is let. */
  function hold(gemini: Awaited<ReturnType<typeof start>>['gemini']) {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    gemini.answerWith(() => ({
      async write(response) {
        reached.resolve();
        await released.promise;
        response.setHeader('content-type', 'application/json').end(JSON.stringify(text('Hello')));
      },
    }));
    return { reached: reached.promise, release: released.resolve };
  }

  test('a caller who leaves an unstreamed call is told as gone at once, and the truth comes later', async () => {
    const { ask, gemini, untilTold, budget, verifyLedger, graphql } = await start({ DRAIN_CANCELLED: 'true' });
    const held = hold(gemini);
    const { leave } = ask(false);
    await held.reached;
    leave();
    const aborted = (await untilTold('RequestAborted')) as RequestAborted;
    expect(aborted.usageSource).toBe('estimated');
    expect(await budget()).toEqual({ used: String(aborted.usage.totalTokens), reserved: '0' });
    held.release();
    const adjusted = (await untilTold('UsageAdjusted')) as UsageAdjusted;
    expect(adjusted).toMatchObject({ reason: 'drained', outcome: 'CANCELLED', usageSource: 'upstream' });
    expect(aborted.usage.totalTokens + adjusted.usage.totalTokens).toBe(10);
    expect(await budget()).toEqual({ used: '10', reserved: '0' });
    const { requests, usage } = await graphql(
      `{ requests { nodes { outcome usageSource tokens { input output total } cost } }
         usage(range: {preset: ALL_TIME}) { total { requests cancelled tokens { total } cost } } }`,
    );
    const cost = '0.0000165';
    expect(requests.nodes).toEqual([
      { outcome: 'CANCELLED', usageSource: 'upstream', tokens: { input: 7, output: 3, total: 10 }, cost },
    ]);
    expect(usage.total).toEqual({ requests: 1, cancelled: 1, tokens: { total: 10 }, cost });
    expect((await verifyLedger()).problem).toBeNull();
  });

  test('a stop ends what is drained, and nothing more is told', async () => {
    const { ask, gemini, untilTold, app, folder } = await start({ DRAIN_CANCELLED: 'true' });
    const held = hold(gemini);
    const { leave } = ask(false);
    await held.reached;
    leave();
    await untilTold('RequestAborted');
    app.abortCalls();
    await expect.poll(app.openCalls, patience).toBe(0);
    expect((await readEvents(folder)).filter(({ type }) => type === 'UsageAdjusted')).toEqual([]);
  });
});
