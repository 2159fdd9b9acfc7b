import type { Content, GenerateContentRequest, GenerationConfig, Part } from '../../server/gemini/types.ts';
import type { GoogleFailure } from './gemini-answers.ts';
import { badRequest } from './gemini-failures.ts';
import { isSignature } from './simulated-signature.ts';

/**
 * What Gemini itself checks before it answers, in its own words (observed from May to November 2026). Null when all is well.
 * Knows the models on its own, so that a mistake in the gateway's table of models shows.
 */
export function checkRequest(model: string, body: unknown): GoogleFailure | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return badRequest('Invalid JSON payload received. Unexpected token.');
  }
  const request = body as GenerateContentRequest;
  const config = request.generationConfig ?? {};
  return (
    checkNames(body, topLevelNames, '') ??
    checkNames(config, configNames, " at 'generation_config'") ??
    checkContents(request.contents) ??
    checkFunctionTurns(request.contents) ??
    checkSignatures(model, request.contents) ??
    checkConfig(model, request, config) ??
    checkLastTurn(model, request.contents)
  );
}

/** The same for `:countTokens`, which takes contents, or a whole request with its model. */
export function checkCountRequest(body: unknown): GoogleFailure | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return badRequest('Invalid JSON payload received. Unexpected token.');
  }
  const { contents, generateContentRequest: whole } = body as CountTokensRequest;
  if (whole === undefined) return checkNames(body, countNames, '') ?? checkContents(contents);
  const place = " at 'generate_content_request'";
  if (contents !== undefined) {
    return badRequest('* CountTokensRequest: contents and generate_content_request must not both be set\n');
  }
  if (!whole.model?.startsWith('models/')) {
    return badRequest('* CountTokensRequest.generate_content_request.model: unexpected model name format\n');
  }
  return checkNames(body, countNames, '') ?? checkNames(whole, topLevelNames, place) ?? checkContents(whole.contents);
}

/** What `:countTokens` takes. */
export interface CountTokensRequest {
  contents?: Content[];
  generateContentRequest?: GenerateContentRequest & { model?: string };
}

const countNames = new Set(['model', 'contents', 'generateContentRequest']);
const topLevelNames = new Set(
  'model contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent serviceTier store labels continuationToken'.split(
    ' ',
  ),
);
const configNames = new Set(
  'candidateCount stopSequences maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs responseMimeType responseSchema responseJsonSchema responseModalities speechConfig imageConfig thinkingConfig mediaResolution enableEnhancedCivicAnswers'.split(
    ' ',
  ),
);
const stopSequencesMax = 5;

const isGeneration2 = (model: string) => /^gemini-[12]([.-]|$)/.test(model);
const isGemma = (model: string) => model.startsWith('gemma-');
const signs = (model: string) => !isGeneration2(model) && !isGemma(model);
const mayContinueModelTurn = (model: string) =>
  isGeneration2(model) || /^gemma-3/.test(model) || /^gemini-3(-|\.1-|\.5-flash$)/.test(model);
const thinksByBudget = (model: string) => model.startsWith('gemini-2.5') || model.startsWith('gemini-3-pro-image');
const refusesMinimal = (model: string) =>
  /pro|3\.[78]-flash|gemini-4|^gemini-flash-latest/.test(model) && !model.includes('lite');

/** Fields that Google does not know; `place` reads as in ` at 'generation_config'`. */
export function checkNames(value: object, known: Set<string>, place: string): GoogleFailure | null {
  const unknown = Object.keys(value).filter((name) => !known.has(name) && !known.has(toCamelCase(name)));
  if (unknown.length === 0) return null;
  const lines = unknown.map(
    (name) => `Invalid JSON payload received. Unknown name "${name}"${place}: Cannot find field.`,
  );
  return badRequest(lines.join('\n'), place.replace(/^ at '|'$/g, ''));
}

function checkContents(contents: Content[] | undefined): GoogleFailure | null {
  if (!Array.isArray(contents) || contents.length === 0) {
    return badRequest('* GenerateContentRequest.contents: contents is not specified\n');
  }
  for (const [index, { parts }] of contents.entries()) {
    const place = `GenerateContentRequest.contents[${index}].parts`;
    if (!Array.isArray(parts) || parts.length === 0)
      return badRequest(`* ${place}: contents.parts must not be empty.\n`);
    const empty = parts.findIndex((part) => Object.keys(part).every((name) => name === 'thoughtSignature'));
    if (empty >= 0) {
      return badRequest(`* ${place}[${empty}].data: required oneof field 'data' must have one initialized field\n`);
    }
  }
  return null;
}

function checkFunctionTurns(contents: Content[]): GoogleFailure | null {
  for (const [index, { role, parts = [] }] of contents.entries()) {
    const calls = parts.filter((part) => part.functionCall).length;
    if (role !== 'model' || calls === 0) continue;
    if (contents[index - 1] === undefined || contents[index - 1]?.role === 'model') return badRequest(misplacedCalls);
    const responses = contents[index + 1]?.parts?.filter((part) => part.functionResponse).length ?? 0;
    if (responses !== calls) return badRequest(missingResponses);
  }
  return null;
}

const misplacedCalls =
  'Please ensure that function call turn comes immediately after a user turn or after a function response turn.';
const missingResponses =
  'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.';

/** The first call of each model step must be signed, in the current turn only: after the last thing that the user said. */
function checkSignatures(model: string, contents: Content[]): GoogleFailure | null {
  if (isGemma(model)) return contents.some(hasForeignSignature) ? badRequest('Corrupted thought signature.') : null;
  if (!signs(model)) return null;
  const start = contents.findLastIndex(({ role, parts = [] }) => role !== 'model' && !parts.every(isFunctionResponse));
  for (const [index, { role, parts = [] }] of contents.entries()) {
    if (role !== 'model') continue;
    if (parts.some((part) => part.thoughtSignature !== undefined && !isAccepted(part.thoughtSignature))) {
      return badRequest(
        `Unable to submit request because it has an invalid thought signature for content at index ${index}.`,
      );
    }
    const first = parts.find((part) => part.functionCall);
    if (index > start && first && first.thoughtSignature === undefined) {
      return badRequest(missingSignature(first.functionCall?.name ?? '', index));
    }
  }
  return null;
}

const placeholders = ['skip_thought_signature_validator', 'context_engineering_is_the_way_to_go'];
const isAccepted = (signature: string) => placeholders.includes(signature) || isSignature(signature);
const isFunctionResponse = (part: Part) => part.functionResponse !== undefined;
const hasForeignSignature = ({ parts = [] }: Content) => parts.some((part) => part.thoughtSignature !== undefined);

function missingSignature(name: string, position: number): string {
  return `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\` , position ${position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`;
}

function checkConfig(model: string, request: GenerateContentRequest, config: GenerationConfig): GoogleFailure | null {
  const { thinkingBudget, thinkingLevel } = config.thinkingConfig ?? {};
  const level = thinkingLevel?.toLowerCase();
  const hasFunctions = request.tools?.some((tool) => 'functionDeclarations' in tool) ?? false;
  if (config.presencePenalty !== undefined || config.frequencyPenalty !== undefined) {
    return badRequest(`Penalty is not enabled for models/${model}`);
  }
  if (config.responseLogprobs) return badRequest(`Logprobs is not enabled for models/${model}`);
  if ((config.stopSequences?.length ?? 0) > stopSequencesMax) return badRequest();
  if (level !== undefined && isGeneration2(model)) {
    return badRequest('Thinking level is not supported for this model.');
  }
  if (level === 'minimal' && refusesMinimal(model)) {
    return badRequest('Thinking level MINIMAL is not supported for this model.');
  }
  if (thinkingBudget === 0 && !thinksByBudget(model)) return badRequest();
  if ((config.candidateCount ?? 1) > 1 && !isGeneration2(model)) {
    return badRequest('Multiple candidates is not enabled for this model');
  }
  if (hasFunctions && config.responseMimeType === 'application/json' && isGeneration2(model)) {
    return badRequest("Function calling with a response mime type: 'application/json' is unsupported");
  }
  if (request.systemInstruction && model.startsWith('gemma-3')) {
    return badRequest(`Developer instruction is not enabled for models/${model}`);
  }
  return null;
}

function checkLastTurn(model: string, contents: Content[]): GoogleFailure | null {
  if (contents.at(-1)?.role !== 'model' || mayContinueModelTurn(model)) return null;
  return badRequest('Requests ending with a model turn are not supported.');
}

/** Google's JSON takes field names in both spellings. */
function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
