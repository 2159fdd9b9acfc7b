import type { GenerateContentResponse } from './types.ts';

/** One response out of the hops of a continued answer: the parts in order, the rest as the last hop says. */
export function mergeHops(hops: readonly GenerateContentResponse[]): GenerateContentResponse {
  const last = hops.at(-1) ?? {};
  if (hops.length < 2) return last;
  const parts = hops.flatMap((hop) => hop.candidates?.[0]?.content?.parts ?? []);
  const candidate = { ...last.candidates?.[0], content: { role: 'model' as const, parts } };
  return { ...last, responseId: hops[0]?.responseId ?? last.responseId ?? '', candidates: [candidate] };
}
