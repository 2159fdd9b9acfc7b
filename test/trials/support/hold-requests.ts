import { ask, type Sighting, type TrialRequest } from './load.ts';

/** Requests that go on until something lets them end. */
export interface HeldRequests {
  /** Gemini was called for it. */
  called(marker: string): void;
  /** All are being answered. */
  begun: Promise<void>;
  /** All have ended for their clients. */
  ended: Promise<void>;
}

/** Makes requests at the same time. @param isSlow Whether a client reads its answer only when all others have read theirs. */
export function holdRequests(
  requests: readonly TrialRequest[],
  {
    url,
    secret,
    isSlow,
    onSighting,
  }: {
    url: string;
    secret: string;
    isSlow(request: TrialRequest): boolean;
    onSighting(sighting: Sighting): void;
  },
): HeldRequests {
  const beginnings = new Map(requests.map(({ marker }) => [marker, Promise.withResolvers<void>()]));
  const others = Promise.withResolvers<void>();
  const hold = async (request: TrialRequest) => {
    const sighting = await ask(url, secret, request, {
      onFirstByte: ({ marker }) => beginnings.get(marker)?.resolve(),
      beforeReading: async () => void (isSlow(request) && (await others.promise)),
    });
    onSighting(sighting);
  };
  const slow = requests.filter(isSlow).map(hold);
  const quick = requests.filter((request) => !isSlow(request)).map(hold);
  Promise.all(quick).then(() => others.resolve());
  return {
    called(marker) {
      // A stream has begun when its client has the beginning; a whole answer shows nothing before its end.
      const request = requests.find((held) => held.marker === marker);
      if (request && !request.form.isStreaming) beginnings.get(marker)?.resolve();
    },
    begun: Promise.all([...beginnings.values()].map(({ promise }) => promise)).then(() => {}),
    ended: Promise.all([...slow, ...quick]).then(() => {}),
  };
}
