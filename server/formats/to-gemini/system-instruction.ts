import type { GenerateContentRequest } from '../../gemini/types.ts';
import type { ModelRules } from '../model-rules.ts';
import type { BuiltConversation } from './conversation.ts';

/** The turns with their system texts, which a model without `systemInstruction` gets at the head of the first user's turn. */
export function withSystem({ contents, system }: BuiltConversation, rules: ModelRules): GenerateContentRequest {
  if (system.length === 0) return { contents };
  if (rules.hasSystemInstruction) return { contents, systemInstruction: { parts: system } };
  const text = `${system.map((part) => part.text).join('\n\n')}\n\n`;
  const first = contents.findIndex((content) => content.role === 'user');
  if (first < 0) return { contents: [{ role: 'user', parts: [{ text }] }, ...contents] };
  return {
    contents: contents.map((content, index) =>
      index === first ? { ...content, parts: [{ text }, ...(content.parts ?? [])] } : content,
    ),
  };
}
