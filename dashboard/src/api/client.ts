import { Client, type CombinedError, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { follow } from './live.ts';
import { isExpiring, renewSession, useSession } from './session.ts';

const { session } = useSession();

/** The admin API for who is signed in: queries and mutations by POST, subscriptions over one WebSocket. */
export const client = new Client({
  url: '/graphql',
  preferGetMethod: false,
  requestPolicy: 'cache-and-network',
  exchanges: [
    cacheExchange,
    authExchange(async (utilities) => ({
      addAuthToOperation: (operation) =>
        session.value
          ? utilities.appendHeaders(operation, { authorization: `Bearer ${session.value.token}` })
          : operation,
      willAuthError: isExpiring,
      didAuthError: isUnauthenticated,
      refreshAuth: async () => {
        await renewSession();
      },
    })),
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: follow(request, sink as Parameters<typeof follow>[1]) }),
      }),
    }),
    fetchExchange,
  ],
});

function isUnauthenticated({ response, graphQLErrors }: CombinedError): boolean {
  return response?.status === 401 || graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED');
}
