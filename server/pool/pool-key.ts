import type { Candidate, Rest } from './choose-key.ts';
import type { FailureClass } from './classify-failure.ts';

/** A Gemini API key as the pool holds it, in the clear, in memory only. */
export interface PoolKey extends Candidate {
  apiKey: string;
  maskedKey: string;
  rests: Map<string, Rest>;
  rejection: { untilMs: number | null; reason: FailureClass; message: string } | null;
  inFlight: number;
  lastFailure: { class: FailureClass; message: string } | null;
  /** Quota refusals in a row that named no time. */
  unknownRefusals: number;
  /** Models that Google denied to the key since it last served one. */
  deniedModels: Set<string>;
  /** Models the key has served. */
  servedModels: Set<string>;
}
