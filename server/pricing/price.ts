/** US dollars per million tokens, as plain decimals of at most six places: exact to the picodollar a token. */
export interface Rates {
  /** Of text, and of whatever has no rate of its own. */
  input: string;
  /** Of what was read from a cache; null: as if it were not cached. */
  cachedInput: string | null;
  /** Of text and thinking, and of whatever has no rate of its own. */
  output: string;
  audioInput?: string;
  cachedAudioInput?: string;
  imageInput?: string;
  videoInput?: string;
  imageOutput?: string;
  audioOutput?: string;
  videoOutput?: string;
}

export const rateNames = [
  'input',
  'cachedInput',
  'output',
  'audioInput',
  'cachedAudioInput',
  'imageInput',
  'videoInput',
  'imageOutput',
  'audioOutput',
  'videoOutput',
] as const satisfies readonly (keyof Rates)[];

/** How Google's service tiers are paid, in percent of the standard tier. A tier that is not here has no known price. */
export type TierPercents = Readonly<Record<string, number>>;

/** One version of what a model costs. Never changed: a new price is a new version, and events name the one they were priced with. */
export interface Price {
  /** For example `gemini-3.8-flash@2026-09-23`, or `pr_…` for one that an operator set. */
  id: string;
  /** As it is called upstream. */
  model: string;
  /** Holds for requests from then on, ms since 1970, until a newer one does. */
  fromMs: number;
  rates: Rates;
  /** For prompts of more tokens than this the whole request is paid at other rates. */
  longContext: { aboveTokens: number; rates: Rates } | null;
  tierPercents: TierPercents;
  /** Where the figures are from. */
  source: string;
}
