import type { NewEvent, SignatureCounts, TokenUsage } from '../../server/ledger/events.ts';

/** Events of one request, for tests that need a history. Times are ms since 1970. */
export function history(requestId: string, at = 1_700_000_000_000) {
  const ending = {
    requestId,
    attempt: 1,
    upstreamKeyId: 'uk_1',
    durationMs: 40,
    timeToFirstTokenMs: 20,
    servedModel: 'gemini-3.8-flash',
    usageSource: 'upstream' as const,
  };
  return {
    accepted: (signatures?: SignatureCounts): NewEvent => ({
      body: {
        type: 'RequestAccepted',
        requestId,
        clientKeyId: 'ck_1',
        format: 'openai-chat',
        requestedModel: 'gemini-flash-latest',
        model: 'gemini-flash-latest',
        isStreaming: false,
        upstreamKeyId: 'uk_1',
        bodyBytes: 100,
        ...(signatures && { signatures }),
      },
      occurredAt: at,
    }),
    attemptFailed: (): NewEvent => ({
      body: {
        type: 'AttemptFailed',
        requestId,
        attempt: 1,
        upstreamKeyId: 'uk_1',
        failure: 'key_model_day',
        httpStatus: 429,
        durationMs: 5,
      },
      occurredAt: at + 5,
    }),
    completed: (tokens = usage(10, 5)): NewEvent => ({
      body: { type: 'RequestCompleted', ...ending, usage: tokens, httpStatus: 200, finishReason: 'STOP' },
      occurredAt: at + 40,
    }),
    failed: (): NewEvent => ({
      body: {
        type: 'RequestFailed',
        ...ending,
        usage: usage(0, 0),
        httpStatus: 503,
        code: 'model_overloaded',
        message: 'The model is overloaded.',
        upstreamStatus: 503,
      },
      occurredAt: at + 40,
    }),
    aborted: (): NewEvent => ({
      body: { type: 'RequestAborted', ...ending, usage: usage(3, 1), usageSource: 'last-seen', by: 'client' },
      occurredAt: at + 40,
    }),
    rejected: (): NewEvent => ({
      body: {
        type: 'RequestRejected',
        requestId,
        clientKeyId: 'ck_1',
        format: 'openai-chat',
        requestedModel: 'gpt-x',
        httpStatus: 400,
        code: 'invalid_value',
        message: 'no',
      },
      occurredAt: at,
    }),
  };
}

export function usage(inputTokens: number, outputTokens: number): TokenUsage {
  return {
    inputTokens,
    cachedInputTokens: 0,
    outputTokens,
    reasoningTokens: 0,
    totalTokens: inputTokens + outputTokens,
  };
}
