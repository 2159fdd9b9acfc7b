import { Client, fetchExchange } from '@urql/core';
import { readonly, shallowRef } from 'vue';
import { graphql, type ResultOf } from '../graphql.ts';

/** Who is signed in, and the access token: kept in memory only. A reload gets a new one for the HttpOnly refresh cookie. */
export interface Session {
  token: string;
  /** By this machine's clock, ms since 1970. */
  expiresAt: number;
  viewer: ResultOf<typeof OpenedSession>['viewer'];
}

const OpenedSession = graphql(`
  fragment OpenedSession on SessionCreateSuccess {
    token
    expiresAt
    viewer {
      id
      username
      isPasswordFromEnvironment
    }
  }
`);
const SetupStatus = graphql(`
  query SetupStatus {
    setupStatus {
      isSetupRequired
    }
  }
`);
const SetupComplete = graphql(
  `
    mutation SetupComplete($input: SetupCompleteInput!) {
      setupComplete(input: $input) {
        __typename
        ...OpenedSession
        ... on Error {
          code
          message
        }
        ... on InvalidInputError {
          fields {
            path
            message
          }
        }
        ... on ThrottledError {
          retryAfterSeconds
        }
      }
    }
  `,
  [OpenedSession],
);
const SessionCreate = graphql(
  `
    mutation SessionCreate($input: SessionCreateInput!) {
      sessionCreate(input: $input) {
        __typename
        ...OpenedSession
        ... on Error {
          code
          message
        }
        ... on ThrottledError {
          retryAfterSeconds
        }
      }
    }
  `,
  [OpenedSession],
);
const SessionRefresh = graphql(
  `
    mutation SessionRefresh {
      sessionRefresh {
        __typename
        ...OpenedSession
      }
    }
  `,
  [OpenedSession],
);
const SessionRevoke = graphql(`
  mutation SessionRevoke {
    sessionRevoke {
      isRevoked
    }
  }
`);

/** A token is renewed when less than this is left of it. */
const renewAheadMs = 60_000;
const renewRetryMs = 5000;
/** A clock that is wrong must not make every token look expired. */
const lifetimeMsMin = 2 * renewAheadMs;

// Without the authentication of `client.ts`, which needs these operations itself.
const anonymous = new Client({
  url: '/graphql',
  exchanges: [fetchExchange],
  preferGetMethod: false,
  fetchOptions: () => ({ credentials: 'same-origin', headers: bearer() }),
});

const session = shallowRef<Session | null>(null);
const hasEnded = shallowRef(false);
let renewal: Promise<Session | null> | null = null;
let renewalTimer: ReturnType<typeof setTimeout> | undefined;

/** The signed-in session, and whether one ended without being asked to. */
export function useSession() {
  return { session: readonly(session), hasEnded };
}

/** @throws CombinedError when the server cannot be reached. */
export async function readSetupStatus() {
  const { data, error } = await anonymous.query(SetupStatus, {}, { requestPolicy: 'network-only' }).toPromise();
  if (!data) throw error;
  return data.setupStatus;
}

/** Creates the owner and signs in. Expected failures are returned. */
export async function completeSetup(input: { setupCode: string; username: string; password: string }) {
  const { data, error } = await anonymous.mutation(SetupComplete, { input }).toPromise();
  if (!data) throw error;
  const answer = data.setupComplete;
  if (answer.__typename === 'SessionCreateSuccess') open(answer);
  return answer;
}

/** Signs in. Expected failures are returned. */
export async function signIn(input: { username: string; password: string }) {
  const { data, error } = await anonymous.mutation(SessionCreate, { input }).toPromise();
  if (!data) throw error;
  const answer = data.sessionCreate;
  if (answer.__typename === 'SessionCreateSuccess') open(answer);
  return answer;
}

/** @throws CombinedError when the server cannot be reached: the session goes on then. */
export async function signOut(): Promise<void> {
  const { error } = await anonymous.mutation(SessionRevoke, {}).toPromise();
  if (error?.networkError) throw error;
  end();
}

/** A token that is good for a while yet; null when nobody is signed in. */
export async function freshToken(): Promise<string | null> {
  if (session.value && !isExpiring()) return session.value.token;
  return (await renewSession())?.token ?? null;
}

export function isExpiring(): boolean {
  return session.value !== null && session.value.expiresAt - Date.now() < renewAheadMs / 2;
}

/**
 * Exchanges the refresh cookie for a new token; null when there is none or it is not accepted.
 * @throws CombinedError when the server cannot be reached: that ends no session.
 */
export function renewSession(): Promise<Session | null> {
  renewal ??= oneTabAtATime(renew).finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renew(): Promise<Session | null> {
  const { data, error } = await anonymous.mutation(SessionRefresh, {}).toPromise();
  if (!data) throw error;
  const answer = data.sessionRefresh;
  if (answer.__typename === 'SessionCreateSuccess') return open(answer);
  const wasOpen = session.value !== null;
  end();
  hasEnded.value = wasOpen;
  return null;
}

/** Each refresh cookie is good for one use: two tabs must not send the same one. */
function oneTabAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
  // Locks exist on https and localhost only.
  return navigator.locks ? navigator.locks.request('gemini-pool.session', work) : work();
}

function open({ token, expiresAt, viewer }: ResultOf<typeof OpenedSession>): Session {
  const lifetimeMs = Math.max(lifetimeMsMin, Date.parse(expiresAt) - Date.now());
  const opened = { token, viewer, expiresAt: Date.now() + lifetimeMs };
  session.value = opened;
  hasEnded.value = false;
  renewIn(lifetimeMs - renewAheadMs);
  return opened;
}

function end(): void {
  clearTimeout(renewalTimer);
  session.value = null;
}

function renewIn(delayMs: number): void {
  clearTimeout(renewalTimer);
  renewalTimer = setTimeout(() => renewSession().catch(() => renewIn(renewRetryMs)), delayMs);
}

function bearer(): Record<string, string> {
  return session.value ? { authorization: `Bearer ${session.value.token}` } : {};
}
