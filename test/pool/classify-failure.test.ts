import { expect, test } from 'vitest';
import { classifyFailure, type FailureClass } from '../../server/pool/classify-failure.ts';
import { nextPacificMidnight } from '../../server/pool/pacific-midnight.ts';

const now = Date.parse('2026-11-23T12:00:00Z');
const type = (name: string) => ({ '@type': `type.googleapis.com/google.rpc.${name}` });
const reason = (text: string) => ({ ...type('ErrorInfo'), reason: text });
const quota = (...ids: string[]) => ({ ...type('QuotaFailure'), violations: ids.map((quotaId) => ({ quotaId })) });
const day = 'GenerateRequestsPerDayPerProjectPerModel-FreeTier';
const minute = 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier';

function classify(status: number, message: string, ...details: unknown[]) {
  return classifyFailure({ kind: 'error', status, text: JSON.stringify({ error: { message, details } }) }, now);
}

test.for<[FailureClass, ReturnType<typeof classify>['keyAction']['kind'], ReturnType<typeof classify>]>([
  ['key_dead', 'reject', classify(400, 'API key not valid.', reason('API_KEY_INVALID'))],
  ['key_dead', 'reject', classify(403, 'Your API key was reported as leaked.')],
  ['key_dead', 'reject', classify(403, 'x', reason('CONSUMER_SUSPENDED'))],
  ['key_misconfigured', 'reject', classify(403, 'x', reason('SERVICE_DISABLED'))],
  ['key_dead', 'reject', classify(401, 'x')],
  ['no_key_sent', 'none', classify(403, "Method doesn't allow unregistered callers")],
  ['resource_affinity', 'none', classify(403, 'No access to cachedContents/x')],
  ['key_model_denied', 'rest-model', classify(403, 'Denied.')],
  ['key_model_denied', 'rest-model', classify(404, 'It is no longer available to new users.')],
  ['model_not_found', 'rest-model', classify(404, 'models/x is not found for API version v1beta')],
  ['key_model_denied', 'rest-model', classify(429, 'limit: 0, model: x', quota(day))],
  ['key_model_day', 'rest-model', classify(429, 'x', quota(minute, day), { ...type('RetryInfo'), retryDelay: '59s' })],
  ['key_billing', 'rest-key', classify(429, 'Your prepayment credits are depleted.')],
  ['model_overloaded', 'none', classify(429, 'This model is experiencing high demand.')],
  ['key_model_minute', 'rest-model', classify(429, 'Please retry in 12.3s.')],
  ['key_model_minute', 'rest-model-longer', classify(429, 'Resource has been exhausted (e.g. check quota).')],
  ['region_blocked', 'none', classify(400, 'User location is not supported for the API use.')],
  ['signature', 'none', classify(400, 'Function call is missing a thought_signature')],
  ['thinking_config', 'none', classify(400, 'Thinking level MINIMAL is not supported for this model.')],
  ['context_length', 'none', classify(400, 'The input token count (9) exceeds the maximum (8).')],
  ['bad_request', 'none', classify(400, 'Request contains an invalid argument.')],
  ['transient', 'none', classify(500, 'Internal error encountered.')],
  ['model_overloaded', 'none', classify(503, 'The model is overloaded.')],
  ['bad_request', 'none', classify(501, 'x')],
  ['transient', 'none', classifyFailure({ kind: 'broken', message: 'other side closed' }, now)],
])('%s, %s', ([name, action, failure]) => {
  expect([failure.class, failure.keyAction.kind]).toEqual([name, action]);
});

test('a key that Google echoes is never repeated', () => {
  const { message } = classify(403, `Consumer 'api_key:AIza${'x'.repeat(35)}' has been suspended.`);
  expect(message).toBe("Consumer 'api_key:[key]' has been suspended.");
});

test.for([
  ['2026-11-23T12:00:00.000Z', '2026-11-24T08:00:00.000Z'],
  ['2026-07-01T12:00:00.000Z', '2026-07-02T07:00:00.000Z'],
  ['2026-11-01T12:00:00.000Z', '2026-11-02T08:00:00.000Z'],
  ['2026-03-08T09:30:00.000Z', '2026-03-09T07:00:00.000Z'],
])('the quota day of %s ends at %s, midnight in California', ([at = '', end]) => {
  expect(new Date(nextPacificMidnight(Date.parse(at))).toISOString()).toBe(end);
});
