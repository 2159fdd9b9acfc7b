import { graphql } from '../graphql.ts';

/** Enough of a request to know that figures have changed. */
export const RequestProgress = graphql(`
  subscription RequestProgress {
    requestUpdated {
      requestId
      outcome
      requestedModel
      servedModel
      tokens {
        total
      }
      clientKey {
        id
      }
    }
  }
`);
