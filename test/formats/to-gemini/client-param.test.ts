import { expect, test } from 'vitest';
import { clientParam } from '../../../server/formats/to-gemini/client-param.ts';

test.each([
  ['generation_config.temperature', { temperature: 1 }, 'temperature'],
  ['generationConfig.topK', { top_k: 1 }, 'top_k'],
  ['GenerateContentRequest.generation_config.max_output_tokens', { max_tokens: 1 }, 'max_tokens'],
  ['generation_config.max_output_tokens', { max_tokens: 1, max_completion_tokens: 1 }, 'max_completion_tokens'],
  ['generation_config.response_json_schema.properties[a]', { response_format: {} }, 'response_format'],
  ['contents[0].parts[1].inline_data', { messages: [] }, 'messages'],
  ['contents[0]', { input: 'x' }, 'input'],
  ['tools[0].function_declarations[2].name', { tools: [] }, 'tools'],
  ['generation_config.temperature', {}, null],
  ['generation_config', { temperature: 1 }, null],
  ['constructor', { temperature: 1 }, null],
  ['contents', null, null],
])('Google means by %s of %j the field %s', (field, body, param) => {
  expect(clientParam(field, body)).toBe(param);
});
