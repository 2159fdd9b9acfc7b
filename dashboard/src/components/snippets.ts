/** A model that Google points at its newest small one, so that the example does not age. */
const model = 'gemini-flash-latest';

export const snippetNames = ['curl', 'Python', 'Node'] as const;
export type SnippetName = (typeof snippetNames)[number];

/**
 * A first request for a terminal or a program.
 * @param secret The client key.
 * @param origin Where this gateway answers, for example `http://127.0.0.1:8080`.
 */
export function snippet(name: SnippetName, secret: string, origin: string): string {
  switch (name) {
    case 'curl':
      return `curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer ${secret}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`;
    case 'Python':
      return `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${secret}")
answer = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)`;
    case 'Node':
      return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: '${secret}' });
const answer = await client.chat.completions.create({
  model: '${model}',
  messages: [{ role: 'user', content: 'Hello!' }],
});
console.log(answer.choices[0].message.content);`;
  }
}
