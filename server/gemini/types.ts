/**
 * Gemini's wire format, as far as the gateway reads or writes it (generativelanguage v1beta). Everything that Google sends may be missing.
 * What the gateway sends is strict; what it receives is tolerated.
 */

/** What can be asked of a model; `interactions` names its model in the body. */
export type GeminiAction =
  | 'generateContent'
  | 'streamGenerateContent'
  | 'countTokens'
  | 'embedContent'
  | 'batchEmbedContents'
  | 'interactions';

export interface Part {
  text?: string;
  thought?: boolean;
  thoughtSignature?: string;
  inlineData?: { mimeType?: string; data?: string };
  fileData?: { mimeType?: string; fileUri: string };
  functionCall?: { id?: string; name?: string; args?: Record<string, unknown> };
  functionResponse?: { id?: string; name: string; response: Record<string, unknown>; parts?: Part[] };
  executableCode?: { language?: string; code?: string };
  codeExecutionResult?: { outcome?: string; output?: string };
  /** How a text is to be spoken. */
  speechMetadata?: { style?: string };
}

export interface Content {
  role?: 'user' | 'model';
  parts?: Part[];
}

export interface ThinkingConfig {
  thinkingLevel?: string;
  thinkingBudget?: number;
  includeThoughts?: boolean;
}

export interface GenerationConfig {
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  candidateCount?: number;
  stopSequences?: string[];
  seed?: number;
  responseLogprobs?: boolean;
  logprobs?: number;
  responseMimeType?: string;
  responseJsonSchema?: unknown;
  responseModalities?: string[];
  thinkingConfig?: ThinkingConfig;
  [extension: string]: unknown;
}

export interface FunctionCallingConfig {
  mode: 'AUTO' | 'ANY' | 'NONE' | 'VALIDATED';
  allowedFunctionNames?: string[];
}

export interface GenerateContentRequest {
  contents: Content[];
  systemInstruction?: { parts: Part[] };
  tools?: Record<string, unknown>[];
  toolConfig?: { functionCallingConfig?: FunctionCallingConfig; [extension: string]: unknown };
  safetySettings?: unknown[];
  generationConfig?: GenerationConfig;
  cachedContent?: string;
  serviceTier?: string;
  store?: boolean;
  continuationToken?: string;
}

export interface UsageMetadata {
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  toolUsePromptTokenCount?: number;
  totalTokenCount?: number;
  initialPromptTokenCount?: number;
  promptTokensDetails?: ModalityTokenCount[];
  candidatesTokensDetails?: ModalityTokenCount[];
  cacheTokensDetails?: ModalityTokenCount[];
  serviceTier?: string;
}

export interface ModalityTokenCount {
  modality?: string;
  tokenCount?: number;
}

export interface Candidate {
  content?: Content;
  finishReason?: string;
  finishMessage?: string;
  index?: number;
  citationMetadata?: { citationSources?: CitationSource[]; citations?: CitationSource[] };
  groundingMetadata?: GroundingMetadata;
  logprobsResult?: {
    topCandidates?: { candidates?: LogprobsCandidate[] }[];
    chosenCandidates?: LogprobsCandidate[];
  };
  continuationToken?: string;
}

export interface CitationSource {
  startIndex?: number;
  endIndex?: number;
  uri?: string;
}

export interface LogprobsCandidate {
  token?: string;
  logProbability?: number;
}

export interface GroundingChunkSource {
  uri?: string;
  title?: string;
}

export interface GroundingMetadata {
  groundingChunks?: {
    web?: GroundingChunkSource;
    maps?: GroundingChunkSource;
    retrievedContext?: GroundingChunkSource;
  }[];
  groundingSupports?: {
    segment?: { startIndex?: number; endIndex?: number; partIndex?: number; text?: string };
    groundingChunkIndices?: number[];
  }[];
  [extension: string]: unknown;
}

export interface GenerateContentResponse {
  candidates?: Candidate[];
  promptFeedback?: { blockReason?: string; blockReasonMessage?: string };
  usageMetadata?: UsageMetadata;
  modelVersion?: string;
  responseId?: string;
  /** Of `embedContent`. */
  embedding?: { values?: number[] };
  /** Of `batchEmbedContents`. */
  embeddings?: { values?: number[] }[];
  /** Of `countTokens`. */
  totalTokens?: number;
  /** Of `interactions`. */
  steps?: InteractionStep[];
  /** Of `interactions`, which count in words of their own. */
  usage?: InteractionUsage;
  /** Google also sends bare error objects where a response is expected. */
  error?: GeminiErrorBody;
}

export interface InteractionStep {
  content?: { type?: string; text?: string }[];
}

export interface InteractionUsage {
  total_input_tokens?: number;
  total_cached_tokens?: number;
  total_output_tokens?: number;
  total_thought_tokens?: number;
  total_tool_use_tokens?: number;
  total_tokens?: number;
  input_tokens_by_modality?: { modality?: string; tokens?: number }[];
}

/** Google's error object. */
export interface GeminiErrorBody {
  code?: number;
  message?: string;
  status?: string;
  details?: Record<string, unknown>[];
}

/** One entry of `GET /v1beta/models`. */
export interface ModelCard {
  name: string;
  displayName?: string;
  description?: string;
  inputTokenLimit?: number;
  outputTokenLimit?: number;
  supportedGenerationMethods?: string[];
  thinking?: boolean;
  /** Absent where the setting is not taken. */
  topK?: number;
}
