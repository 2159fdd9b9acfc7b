import { describe, expect, test } from 'vitest';
import { conversationOf } from '../../server/relay/conversation.ts';
import { startTestGateway } from '../support/gateway.ts';
import { exhausted } from '../support/gemini-failures.ts';

const long = 'x'.repeat(10_000);
type Call = Parameters<typeof conversationOf>[0];

function nameOf(
  body: object,
  {
    bytes = 10_000,
    firstText = 'first',
    ...call
  }: Partial<Call> & { bytes?: number; firstText?: string; model?: string } = {},
) {
  const contents = [{ role: 'user', parts: [{ text: firstText }] }];
  const { model = 'gemini-3.8-flash' } = call;
  return conversationOf(
    { clientKeyId: 'ck_1', session: undefined, ...call, body, bodyBytes: bytes },
    { model, calls: [{ action: 'generateContent', body: { contents } }] },
  );
}

describe('what a request goes on with', () => {
  test('is named by a session, by what the body says, or by its first turn', () => {
    const names = [
      nameOf({}, { session: 's' }),
      nameOf({ prompt_cache_key: 'c' }),
      nameOf({ user: 'u' }),
      nameOf({ metadata: { user_id: 'a_session_b' } }),
      nameOf({}),
      nameOf({}, { firstText: 'another' }),
    ];
    expect(names.every((name) => typeof name === 'string')).toBe(true);
    expect(new Set(names).size).toBe(names.length);
    expect(nameOf({ user: 'u' }, { firstText: 'another' })).toBe(nameOf({ user: 'u' }));
  });

  test("is the client's own, and of one model", () => {
    expect(nameOf({ user: 'u' }, { clientKeyId: 'ck_2' })).not.toBe(nameOf({ user: 'u' }));
    expect(nameOf({ user: 'u' }, { model: 'gemini-2.5-pro' })).not.toBe(nameOf({ user: 'u' }));
  });

  test('does not matter where Google keeps nothing: a prompt is too short for it', () => {
    expect(nameOf({ user: 'u' }, { bytes: 8191 })).toBeNull();
  });

  test.each([[null], ['text'], [{ user: 7, metadata: 'x' }], [{ user: '' }]])(
    'is found whatever the body holds: %j',
    (body) => {
      expect(nameOf(body as object)).toBe(nameOf({}));
    },
  );
});

test('the turns of a conversation go to the key that served it, until that one is not free', async () => {
  const keys = ['AIzaA', 'AIzaB', 'AIzaC'].map((key) => `${key}-0123456789`);
  const { openai, gemini } = await startTestGateway({ GEMINI_API_KEYS: keys.join(',') });
  const client = await openai();
  const messages: { role: 'user' | 'assistant'; content: string }[] = [];
  async function turn(content: string) {
    messages.push({ role: 'user', content });
    const answer = await client.chat.completions.create({ model: 'gemini-3.8-flash', messages });
    messages.push({ role: 'assistant', content: answer.choices[0]?.message.content ?? '' });
    return gemini.generations().at(-1)?.key;
  }
  const first = await turn(long);
  // Others are served in between.
  for (let count = 0; count < 2; count++)
    await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'short' }] });
  expect([await turn('more'), await turn('and more')]).toEqual([first, first]);
  gemini.answerWith(({ key }) => (key === first ? { json: exhausted({ per: 'day' }), status: 429 } : null));
  const next = await turn('on');
  expect(next).not.toBe(first);
  expect([await turn('and on'), await turn('and on')]).toEqual([next, next]);
});
