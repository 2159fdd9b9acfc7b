import { expect, test } from 'vitest';
import { normalPath } from '../../server/http/normal-path.ts';

const bareNames = new Set(['chat', 'models', 'embeddings', 'responses', 'messages', 'images', 'dashboard']);

test.each([
  ['/', '/'],
  ['//', '/'],
  ['/v1/chat/completions', '/v1/chat/completions'],
  ['/v1/chat/completions/', '/v1/chat/completions'],
  ['//v1///chat//completions//', '/v1/chat/completions'],
  ['/chat/completions', '/v1/chat/completions'],
  ['/models', '/v1/models'],
  ['/models/', '/v1/models'],
  ['/models/gemini-3.8-flash:generateContent', '/v1/models/gemini-3.8-flash:generateContent'],
  ['/v1/models/google/gemini-3.8-flash', '/v1/models/google/gemini-3.8-flash'],
  ['/messages/count_tokens', '/v1/messages/count_tokens'],
  ['/dashboard/billing/usage', '/v1/dashboard/billing/usage'],
  ['/v1/v1/messages', '/v1/messages'],
  ['/v1/v1beta/models', '/v1beta/models'],
  ['/v1beta/v1beta/models', '/v1beta/models'],
  ['/v1/v1alpha/models', '/v1alpha/models'],
  ['/openai/v1/chat/completions', '/v1/chat/completions'],
  ['/openai/responses', '/v1/responses'],
  ['/v1beta/openai/chat/completions', '/v1/chat/completions'],
  ['/v1beta/openai//models/', '/v1/models'],
  ['/v1/v1beta/openai/models', '/v1/models'],
  // Left alone: pages, the admin API, Google's own paths, and what is nobody's.
  ['/app/usage', '/app/usage'],
  ['/assets/index-1a2b.js', '/assets/index-1a2b.js'],
  ['/graphql', '/graphql'],
  ['/healthz', '/healthz'],
  ['/readyz', '/readyz'],
  ['/v1', '/v1'],
  ['/v1beta/models/gemini-3.8-flash:countTokens', '/v1beta/models/gemini-3.8-flash:countTokens'],
  ['/upload/v1beta/files', '/upload/v1beta/files'],
  ['/openai', '/openai'],
  ['/chatter', '/chatter'],
  ['/v1/chat/completions/chat/completions', '/v1/chat/completions/chat/completions'],
])('%s is %s', (written, meant) => {
  expect(normalPath(written, bareNames)).toEqual({ path: meant });
});

test.each([
  ['/openai/deployments/gemini-3.8-flash/chat/completions', '/v1/chat/completions', 'gemini-3.8-flash'],
  ['//openai/deployments/my%20model/embeddings/', '/v1/embeddings', 'my model'],
  ['/openai/deployments/%E0%A4%A/images/generations', '/v1/images/generations', '%E0%A4%A'],
])("Azure's %s is %s of %s", (written, path, model) => {
  expect(normalPath(written, bareNames)).toEqual({ path, model });
});
