import type { ModelCard } from '../gemini/types.ts';

/** What a model takes beside text, and what it gives. */
export type Capability =
  | 'chat'
  | 'vision'
  | 'audioInput'
  | 'tools'
  | 'thinking'
  | 'json'
  | 'embeddings'
  | 'imageOutput'
  | 'speech';

/** US dollars per million tokens. */
export interface ModelPrices {
  input: number;
  /** Null: nothing is cached. */
  cachedInput: number | null;
  /** Of text and thinking. */
  output: number;
  /** Of images, where the model makes them. */
  imageOutput?: number;
}

/** A model as a list shows it, before it takes the asker's shape. */
export interface ListedModel {
  /** As clients write it: an alias, or the model's own id. */
  id: string;
  /** The id that is called upstream. */
  target: string;
  /** For people; never empty. */
  name: string;
  /** When it came out, or was first seen here; seconds since 1970, above 0. */
  created: number;
  capabilities: ReadonlySet<Capability>;
  /** Null when they are not known. */
  prices: ModelPrices | null;
  /** What Google says of the target. */
  card: ModelCard;
}
