import type { Candidate, LogprobsCandidate } from '../../gemini/types.ts';

export interface TokenLogprob {
  token: string;
  logprob: number;
  /** The token in UTF-8. */
  bytes: number[];
}

/** The log probabilities of an answer's tokens in OpenAI's words; null when there are none. */
export function toLogprobs(
  candidate: Candidate | undefined,
): (TokenLogprob & { top_logprobs: TokenLogprob[] })[] | null {
  const result = candidate?.logprobsResult;
  if (!result) return null;
  return (result.chosenCandidates ?? []).map((chosen, index) => ({
    ...toToken(chosen),
    top_logprobs: (result.topCandidates?.[index]?.candidates ?? []).map(toToken),
  }));
}

function toToken({ token = '', logProbability = 0 }: LogprobsCandidate): TokenLogprob {
  return { token, logprob: logProbability, bytes: [...Buffer.from(token)] };
}
