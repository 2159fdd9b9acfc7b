import { describe, expect, test } from 'vitest';
import {
  blameAction,
  blameResource,
  classifyFailure,
  failureOfAnswer,
  rejectionEndMs,
} from '../../server/pool/classify-failure.ts';
import { nextPacificMidnight } from '../../server/pool/pacific-midnight.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const hour = 3_600_000;
const day = 24 * hour;
const google = (name: string, more: object) => ({ '@type': `type.googleapis.com/google.rpc.${name}`, ...more });
const because = (reason: string) => google('ErrorInfo', { reason, domain: 'googleapis.com' });
const retryIn = (retryDelay: string) => google('RetryInfo', { retryDelay });
const quota = (...ids: string[]) =>
  google('QuotaFailure', {
    violations: ids.map((quotaId) => ({ quotaId, quotaValue: '20', quotaDimensions: { model: 'gemini-3.1-pro' } })),
  });
const perMinute = 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier';
const perDay = 'GenerateRequestsPerDayPerProjectPerModel-FreeTier';
const exceeded = (limit: string) =>
  `You exceeded your current quota, please check your plan and billing details. \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: ${limit}, model: gemini-3.8-flash\nPlease retry in 23.5s.`;

function classify(status: number, message: string, ...details: object[]) {
  return classifyFailure(
    { kind: 'error', status, text: JSON.stringify({ error: { code: status, message, details } }) },
    now,
  );
}

const none = { kind: 'none' };
const reject = (untilMs: number | null) => ({ kind: 'reject', untilMs });
const restModel = (untilMs: number) => ({ kind: 'rest-model', untilMs });

/** One row of the table of failures each, with texts as recorded from the live API. */
test.each<[string, ReturnType<typeof classify>, string, object, unknown]>([
  [
    'an invalid key',
    classify(400, 'API key not valid. Please pass a valid API key.', because('API_KEY_INVALID')),
    'key_dead',
    reject(now + day),
    'next-key',
  ],
  [
    'an expired key, by its text alone',
    classify(400, 'API key expired. Please renew the API key.'),
    'key_dead',
    reject(now + day),
    'next-key',
  ],
  [
    'a leaked key',
    classify(403, 'Your API key was reported as leaked. Please use another API key.'),
    'key_dead',
    reject(null),
    'next-key',
  ],
  [
    'a suspended key',
    classify(403, "Permission denied: Consumer 'x' has been suspended.", because('CONSUMER_SUSPENDED')),
    'key_dead',
    reject(null),
    'next-key',
  ],
  [
    'a project without the API',
    classify(
      403,
      'Generative Language API has not been used in project 1 before or it is disabled.',
      because('SERVICE_DISABLED'),
    ),
    'key_misconfigured',
    reject(now + day),
    'next-key',
  ],
  [
    'a key bound to another address',
    classify(403, 'The provided API key has an IP address restriction.', because('API_KEY_IP_ADDRESS_BLOCKED')),
    'key_misconfigured',
    reject(now + day),
    'next-key',
  ],
  [
    'a key of a kind that is not accepted',
    classify(401, 'Request had invalid authentication credentials.', because('ACCESS_TOKEN_TYPE_UNSUPPORTED')),
    'key_dead',
    reject(now + day),
    'next-key',
  ],
  [
    'no key at all',
    classify(403, "Method doesn't allow unregistered callers (callers without established identity)."),
    'no_key_sent',
    none,
    'never',
  ],
  [
    'a cache of another project',
    classify(403, 'You do not have permission to access the file files/abc or it may not exist.'),
    'resource_affinity',
    none,
    'never',
  ],
  ['a cache that is gone', classify(404, 'Not found: cachedContents/abc'), 'resource_affinity', none, 'never'],
  [
    'a model the key may not use',
    classify(403, 'The caller does not have permission'),
    'key_model_denied',
    restModel(now + day),
    'next-key',
  ],
  [
    'a model for older projects only',
    classify(404, 'This model models/gemini-2.0-flash is no longer available to new users.'),
    'key_model_denied',
    restModel(now + day),
    'next-key',
  ],
  [
    'an unknown model',
    classify(404, 'models/gemini-nope-9 is not found for API version v1beta, or is not supported for generateContent.'),
    'model_not_found',
    restModel(now + 6 * hour),
    'once',
  ],
  [
    'a model without free quota',
    classify(429, exceeded('0'), quota(perDay, perMinute), retryIn('23s')),
    'key_model_denied',
    restModel(now + day),
    'next-key',
  ],
  [
    'a quota of value zero',
    classify(429, 'Quota.', google('QuotaFailure', { violations: [{ quotaId: perDay, quotaValue: '0' }] })),
    'key_model_denied',
    restModel(now + day),
    'next-key',
  ],
  [
    'a spent day, although it lists the minute and says to wait 38 s',
    classify(429, exceeded('20'), quota(perMinute, perDay), retryIn('38s')),
    'key_model_day',
    restModel(Date.parse('2026-11-24T08:00:00Z')),
    'next-key',
  ],
  [
    'a spent day, told in words alone',
    classify(429, 'You have reached the daily limit of your quota.'),
    'key_model_day',
    restModel(Date.parse('2026-11-24T08:00:00Z')),
    'next-key',
  ],
  [
    'a day of tokens',
    classify(429, exceeded('1000000'), quota('GenerateContentInputTokensPerModelPerDay-FreeTier')),
    'key_model_day',
    restModel(Date.parse('2026-11-24T08:00:00Z')),
    'next-key',
  ],
  [
    'an empty account',
    classify(429, 'Your prepayment credits are depleted.'),
    'key_billing',
    { kind: 'rest-key', untilMs: now + 6 * hour },
    'next-key',
  ],
  [
    'a model without capacity',
    classify(429, 'No capacity available.', because('MODEL_CAPACITY_EXHAUSTED')),
    'model_overloaded',
    none,
    'backoff',
  ],
  [
    'a spent minute',
    classify(429, exceeded('5'), quota(perMinute), retryIn('12s')),
    'key_model_minute',
    restModel(now + 12_000),
    'next-key',
  ],
  [
    'a spent minute whose wait is only in the text',
    classify(429, 'Quota exceeded. Please retry in 850.5ms.'),
    'key_model_minute',
    restModel(now + 1000),
    'next-key',
  ],
  [
    'a spent minute that says nothing of a wait',
    classify(429, exceeded('5').split('\nPlease')[0] ?? '', quota(perMinute)),
    'key_model_minute',
    restModel(now + 60_000),
    'next-key',
  ],
  [
    'a wait beyond reason',
    classify(429, 'Slow down.', retryIn('99999999s')),
    'key_model_minute',
    restModel(now + day),
    'next-key',
  ],
  [
    'a quota without a word',
    classify(429, 'Resource has been exhausted (e.g. check quota).'),
    'key_model_minute',
    { kind: 'rest-model-longer', firstMs: 30_000, maxMs: 600_000 },
    'next-key',
  ],
  ['a region', classify(400, 'User location is not supported for the API use.'), 'region_blocked', none, 'never'],
  [
    'a region named in the details only',
    classify(400, 'Precondition check failed.', google('DebugInfo', { detail: 'User location is not supported' })),
    'region_blocked',
    none,
    'never',
  ],
  [
    'a missing signature',
    classify(400, 'Function call is missing a thought_signature in functionCall parts.'),
    'signature',
    none,
    { repair: 'add-signatures' },
  ],
  [
    'a signature of somebody else',
    classify(400, 'Unable to submit request because it has an invalid thought signature for content at index 1.'),
    'signature',
    none,
    { repair: 'dummy-signatures' },
  ],
  [
    'a thinking level',
    classify(400, 'Thinking level MINIMAL is not supported for this model.'),
    'thinking_config',
    none,
    { repair: 'drop-thinking' },
  ],
  [
    'a field the endpoint does not know',
    classify(400, 'Invalid JSON payload received. Unknown name "store": Cannot find field.'),
    'store_field',
    none,
    { repair: 'drop-store' },
  ],
  [
    'a prompt that is too long',
    classify(400, 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'),
    'context_length',
    none,
    'never',
  ],
  ['a mistake of the client', classify(400, 'Request contains an invalid argument.'), 'bad_request', none, 'never'],
  [
    'an overloaded model',
    classify(503, 'The model is overloaded. Please try again later.'),
    'model_overloaded',
    none,
    'backoff',
  ],
  ['a method that is not there', classify(501, 'Not implemented'), 'bad_request', none, 'never'],
  ['another refusal', classify(413, 'Payload too large'), 'bad_request', none, 'never'],
])('%s', (_name, failure, expectedClass, keyAction, retry) => {
  expect(failure).toMatchObject({ class: expectedClass, keyAction, retry });
});

test.each([408, 409, 499, 500, 502, 504])('HTTP %i is passing trouble and harms no key', (status) => {
  const failure = classify(status, 'Internal error encountered.');
  expect(failure).toMatchObject({ class: 'transient', keyAction: none, retry: 'backoff' });
});

describe('the classification', () => {
  test('takes a broken connection and a page of HTML for passing trouble', () => {
    const broken = classifyFailure({ kind: 'broken', message: 'other side closed' }, now);
    expect(broken).toMatchObject({
      class: 'transient',
      httpStatus: null,
      message: 'other side closed',
      retry: 'backoff',
    });
    const page = classifyFailure({ kind: 'error', status: 502, text: '<html>Bad Gateway</html>' }, now);
    expect(page).toMatchObject({ class: 'transient', httpStatus: 502, keyAction: none });
  });

  test.each([
    [403, 'transient'],
    [404, 'transient'],
    [503, 'transient'],
    [401, 'key_dead'],
    [429, 'key_model_minute'],
    [400, 'bad_request'],
  ])('takes a page with HTTP %i for %s', (status, expected) => {
    const page = { kind: 'error' as const, status, text: ' <!doctype html><title>Sorry</title>' };
    expect(classifyFailure(page, now).class).toBe(expected);
  });

  test('takes another 404 than that of a model for the mistake of the request', () => {
    expect(classify(404, 'Requested entity was not found.')).toMatchObject({ class: 'bad_request', retry: 'never' });
  });

  test('names the field that Google refused', () => {
    const violations = { fieldViolations: [{ field: 'generation_config.top_k', description: 'too large' }] };
    expect(classify(400, 'Invalid value.', google('BadRequest', violations)).field).toBe('generation_config.top_k');
    expect(classify(400, 'Logprobs is not enabled for models/x').field).toBe('generation_config.response_logprobs');
    expect(
      classify(400, 'Invalid value.', google('BadRequest', { fieldViolations: [null, { field: 5 }] })).field,
    ).toBeNull();
  });

  test("reads Google's error out of a list", () => {
    const text = JSON.stringify([
      { error: { code: 429, message: exceeded('5'), details: [retryIn('3s'), quota(perMinute)] } },
    ]);
    expect(classifyFailure({ kind: 'error', status: 429, text }, now).keyAction).toEqual(restModel(now + 3000));
  });

  test('names the model whose quota was hit', () => {
    expect(classify(429, exceeded('5'), quota(perMinute)).quotaModel).toBe('gemini-3.1-pro');
    expect(classify(503, 'overloaded').quotaModel).toBeNull();
  });

  test('survives details of any shape', () => {
    const text =
      '{"error":{"message":[],"details":[null,{"@type":"x.google.rpc.QuotaFailure","violations":[null,5,{}]}]}}';
    expect(classifyFailure({ kind: 'error', status: 429, text }, now).class).toBe('key_model_minute');
  });

  test('keeps keys out of its messages', () => {
    const key = `AIza${'x'.repeat(35)}`;
    const failure = classify(403, `Permission denied: Consumer 'api_key:${key}' has been suspended.`);
    expect(failure.message).toBe("Permission denied: Consumer 'api_key:[key]' has been suspended.");
  });

  test('tries a bad answer once more, a broken one with a pause, and blames no key', () => {
    const bad = failureOfAnswer({ class: 'malformed_function_call', message: 'm' });
    expect(bad).toMatchObject({ httpStatus: 200, keyAction: none, retry: 'once' });
    expect(failureOfAnswer({ class: 'stream_interrupted', message: 'm' }).retry).toBe('backoff');
  });
});

test('of a long message only the first 4,000 characters are looked at and kept', () => {
  const quoted = 'x'.repeat(3990);
  const cutOff = classify(400, `${quoted} User location is not supported`);
  expect(cutOff).toMatchObject({ class: 'bad_request', message: `${quoted} User loca` });
  const whole = classify(400, `User location is not supported ${quoted}`);
  expect([whole.class, whole.message.length]).toEqual(['region_blocked', 4000]);
});

test('a rejection that was read back ends after a day, unless Google never takes it back', () => {
  expect(rejectionEndMs('API key not valid.', now)).toBe(now + day);
  expect(rejectionEndMs('Your API key was reported as leaked.', now)).toBeNull();
  expect(rejectionEndMs("Consumer '[key]' has been suspended.", now)).toBeNull();
});

test.each([
  ['in winter', '2026-11-23T12:00:00Z', '2026-11-24T08:00:00Z'],
  ['in summer', '2026-07-01T12:00:00Z', '2026-07-02T07:00:00Z'],
  ['on the day the clocks go back', '2026-11-01T07:30:00Z', '2026-11-02T08:00:00Z'],
  ['on the day the clocks go forward', '2026-03-08T09:00:00Z', '2026-03-09T07:00:00Z'],
  ['at midnight itself', '2026-11-23T08:00:00Z', '2026-11-24T08:00:00Z'],
  ['a millisecond before', '2026-11-23T07:59:59.999Z', '2026-11-23T08:00:00Z'],
])('the next midnight in California is right %s', (_name, at, expected) => {
  expect(new Date(nextPacificMidnight(Date.parse(at)))).toEqual(new Date(expected));
});

test.each([
  [
    400,
    'Invalid JSON payload received. Unknown name "API key not valid. Please pass a valid API key.": Cannot find field.',
  ],
  [400, 'Invalid value at \'temperature\' (TYPE_FLOAT), "API key expired"'],
  [403, 'You do not have permission to access "reported as leaked" or "has been suspended".'],
])('a client cannot talk a key dead with what Google quotes: %i %s', (status, message) => {
  expect(classify(status, message).class).not.toBe('key_dead');
});

test('a key does not rest for a resource that is not there, nor for an action that a model does not have', () => {
  const denied = classify(403, 'You do not have permission to access the File abc or it may not exist.');
  const missing = classify(404, 'Interaction not found.');
  for (const failure of [denied, missing])
    expect(blameResource(failure)).toMatchObject({ class: 'resource_affinity', keyAction: none, retry: 'once' });
  expect(blameAction(missing)).toEqual({ ...missing, keyAction: none });
  const dead = classify(403, 'Your API key was reported as leaked.');
  expect(blameResource(dead)).toBe(dead);
  expect(blameAction(denied)).toBe(denied);
});
