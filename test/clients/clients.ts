import { aiSdkAnthropic } from './ai-sdk-anthropic.ts';
import { aiSdkGoogle } from './ai-sdk-google.ts';
import { aiSdkOpenai, aiSdkOpenaiChat } from './ai-sdk-openai.ts';
import { aiSdkOpenaiCompatible } from './ai-sdk-openai-compatible.ts';
import { anthropicSdk } from './anthropic-sdk.ts';
import type { Client } from './client.ts';
import { googleGenai } from './google-genai.ts';
import { langchainOpenai } from './langchain-openai.ts';
import { openaiChat, openaiResponses } from './openai.ts';
import { openaiAgents, openaiAgentsChat } from './openai-agents.ts';

/** The rows, in their order. */
export const clients: readonly Client[] = [
  openaiChat,
  openaiResponses,
  openaiAgents,
  openaiAgentsChat,
  langchainOpenai,
  aiSdkOpenai,
  aiSdkOpenaiChat,
  aiSdkOpenaiCompatible,
  anthropicSdk,
  aiSdkAnthropic,
  googleGenai,
  aiSdkGoogle,
];
