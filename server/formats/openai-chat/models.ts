import type { Capability, ListedModel, ModelPrices } from '../listed-model.ts';

/** A model as OpenAI's clients read it, with the fields beside that many of them look for (the names are OpenRouter's). No field is null. */
export function toModel({ id, name, created, capabilities, prices, card }: ListedModel) {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'google',
    name,
    ...(card.description && { description: card.description }),
    ...(card.inputTokenLimit && { context_length: card.inputTokenLimit }),
    ...(card.outputTokenLimit && !capabilities.has('embeddings') && { max_output_tokens: card.outputTokenLimit }),
    capabilities: toCapabilities(capabilities),
    architecture: toArchitecture(capabilities),
    ...(prices && { pricing: toPricing(prices) }),
  };
}

function toCapabilities(has: ReadonlySet<Capability>) {
  return {
    chat: has.has('chat'),
    vision: has.has('vision'),
    audio_input: has.has('audioInput'),
    function_calling: has.has('tools'),
    reasoning: has.has('thinking'),
    json_output: has.has('json'),
    embeddings: has.has('embeddings'),
    image_output: has.has('imageOutput'),
    speech: has.has('speech'),
  };
}

function toArchitecture(has: ReadonlySet<Capability>) {
  const input = ['text', ...(has.has('vision') ? ['image'] : []), ...(has.has('audioInput') ? ['audio'] : [])];
  const output = [
    ...(has.has('embeddings') ? ['embeddings'] : []),
    ...(has.has('chat') || !(has.has('embeddings') || has.has('speech')) ? ['text'] : []),
    ...(has.has('imageOutput') ? ['image'] : []),
    ...(has.has('speech') ? ['audio'] : []),
  ];
  return {
    modality: `${input.join('+')}->${output.join('+')}`,
    input_modalities: input,
    output_modalities: output,
  };
}

function toPricing({ input, cachedInput, output, imageOutput }: ModelPrices) {
  return {
    prompt: perToken(input),
    completion: perToken(output),
    ...(cachedInput !== null && { input_cache_read: perToken(cachedInput) }),
    ...(imageOutput !== undefined && { image_output: perToken(imageOutput) }),
  };
}

const priceDigits = 12;

/** A price per million tokens as one per token, in full: clients multiply it, and some cannot read an exponent. */
function perToken(perMillion: number): string {
  return String((perMillion / 1e6).toFixed(priceDigits)).replace(/\.?0+$/, '');
}
