import type { GenerateContentRequest } from '../../gemini/types.ts';
import type { SignatureUse, TranslationContext } from '../format.ts';
import type { Conversation } from './conversation.ts';
import { type GenerationSettings, limitsOf, schemaText, toGenerationConfig } from './generation-config.ts';
import { withExtensions } from './google-extensions.ts';
import type { Fields } from './read-fields.ts';
import { toServiceTier } from './service-tier.ts';
import { withSystem } from './system-instruction.ts';
import type { Tools } from './tools.ts';

/** What has been read of a request of OpenAI's formats. */
export interface ReadRequest {
  /** The id to call upstream. */
  model: string;
  /** The request itself, for the fields that its formats have in common: `service_tier`, `store` and Google's extensions. */
  fields: Fields;
  conversation: Conversation;
  tools: Tools;
  settings: GenerationSettings;
}

/** Puts together the request to Gemini. @throws ApiError for an empty conversation, calls without results, and an unknown tier. */
export function toGenerateContent(
  { model, fields, conversation, tools, settings }: ReadRequest,
  context: Pick<TranslationContext, 'rulesOf' | 'outputTokenLimit' | 'takesTopK'>,
): { body: GenerateContentRequest; signatureUse: SignatureUse } {
  const rules = context.rulesOf(model);
  const words = schemaText(settings.json, rules, tools);
  if (words !== null) conversation.addSystem([{ text: words }]);
  const built = conversation.build();
  const generationConfig = toGenerationConfig(settings, rules, tools, limitsOf(model, context));
  const serviceTier = toServiceTier(fields.service_tier);
  const gemini: GenerateContentRequest = {
    ...withSystem(built, rules),
    ...tools.gemini,
    ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    ...(serviceTier && { serviceTier }),
    ...(fields.store === false && { store: false }),
  };
  return { body: withExtensions(gemini, fields), signatureUse: built.signatureUse };
}
