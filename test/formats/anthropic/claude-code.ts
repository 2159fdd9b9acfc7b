/** A request of the kind that Claude Code sends in the middle of its work: fewer tools and shorter texts, but everything else. */
export const claudeCodeRequest = {
  model: 'gemini-3.8-flash',
  max_tokens: 32_000,
  stream: true,
  system: [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.197.d1f; cc_entrypoint=cli; cch=36ee5;' },
    { type: 'text', text: 'You are a coding agent.', cache_control: { type: 'ephemeral' } },
    { type: 'text', text: 'Answer briefly.', cache_control: { type: 'ephemeral', ttl: '1h' } },
  ],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: '<system-reminder>Today is Monday.</system-reminder>' },
        { type: 'text', text: 'What is in the picture?', cache_control: { type: 'ephemeral' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'I have to look.', signature: 'EqQBCkYIBxgCKkD' },
        { type: 'text', text: 'I will look at both.' },
        { type: 'tool_use', id: 'toolu_01', name: 'Read', input: { file_path: '/a.png' } },
        { type: 'tool_use', id: 'toolu_02', name: 'Bash', input: { command: 'ls' } },
      ],
    },
    { role: 'system', content: [{ type: 'text', text: 'The user has opened b.ts.' }] },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_02', content: 'permission denied', is_error: true },
        {
          type: 'tool_result',
          tool_use_id: 'toolu_01',
          content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } }],
        },
        { type: 'text', text: 'Go on.', cache_control: { type: 'ephemeral' } },
      ],
    },
  ],
  tools: [
    {
      name: 'Read',
      description: 'Reads a file.',
      input_schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          file_path: { type: 'string' },
          limit: { type: 'integer', exclusiveMinimum: 0, maximum: 9_007_199_254_740_991 },
        },
        required: ['file_path'],
        additionalProperties: false,
      },
    },
    {
      name: 'Bash',
      description: 'Runs a command.',
      input_schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          command: { type: 'string' },
          env: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'string' } },
        },
        required: ['command'],
        additionalProperties: false,
      },
    },
    {
      name: 'mcp__tickets__update',
      description: 'Updates a ticket.',
      input_schema: {
        type: 'object',
        properties: { status: { anyOf: [{ const: 'open' }, { const: 'done' }] } },
      },
      cache_control: { type: 'ephemeral' },
    },
  ],
  metadata: { user_id: 'user_1_account__session_2' },
  thinking: { type: 'adaptive' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  output_config: { effort: 'medium' },
};
