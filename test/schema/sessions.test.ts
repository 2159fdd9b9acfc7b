import { describe, expect, test } from 'vitest';
import { password, startTestGateway } from '../support/gateway.ts';

const signIn = `mutation { sessionCreate(input: {username: "admin", password: "${password}"}) { ... on SessionCreateSuccess { token } } }`;
const refresh = `mutation { sessionRefresh { __typename ... on SessionCreateSuccess { token } } }`;
const revoke = 'mutation { sessionRevoke { isRevoked } }';
const whoAmI = '{ viewer { username } }';

/** A browser as far as cookies go. */
async function openBrowser(url: string) {
  const browser = { cookie: '', setCookie: '' };
  // biome-ignore lint/suspicious/noExplicitAny: the answer's shape is the query's.
  async function call(query: string, headers: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: browser.cookie, ...headers },
      body: JSON.stringify({ query }),
    });
    const setCookie = response.headers.get('set-cookie');
    if (setCookie !== null) {
      browser.setCookie = setCookie;
      browser.cookie = setCookie.slice(0, setCookie.indexOf(';'));
    }
    return response.json();
  }
  return { browser, call };
}

describe('a session', () => {
  test('is renewed by a cookie that no script and no other site can use', async () => {
    const { url } = await startTestGateway();
    const { browser, call } = await openBrowser(url);
    await call(signIn);
    expect(browser.setCookie).toMatch(/; path=\/graphql;.*samesite=strict; httponly$/i);
    const fromElsewhere = await call(refresh, { 'sec-fetch-site': 'cross-site' });
    expect(fromElsewhere.data.sessionRefresh.__typename).toBe('UnauthenticatedError');
    const first = browser.cookie;
    const { data } = await call(refresh);
    expect(browser.cookie).not.toBe(first);
    const { token } = data.sessionRefresh;
    expect((await call(whoAmI, { authorization: `Bearer ${token}` })).data.viewer.username).toBe('admin');
  });

  test('has a secure cookie when a trusted proxy says that the call came by TLS', async () => {
    const { url } = await startTestGateway({ TRUSTED_PROXIES: '1' });
    const { browser, call } = await openBrowser(url);
    await call(signIn, { 'x-forwarded-proto': 'https' });
    expect(browser.setCookie).toMatch(/; secure/i);
  });

  test('ends at once when it is revoked: its token and its cookie are worthless', async () => {
    const { url } = await startTestGateway();
    const { browser, call } = await openBrowser(url);
    const { token } = (await call(signIn)).data.sessionCreate;
    const { cookie } = browser;
    expect((await call(revoke)).data.sessionRevoke).toEqual({ isRevoked: true });
    expect((await call(whoAmI, { authorization: `Bearer ${token}` })).errors[0].extensions.code).toBe(
      'UNAUTHENTICATED',
    );
    browser.cookie = cookie;
    expect((await call(refresh)).data.sessionRefresh.__typename).toBe('UnauthenticatedError');
  });
});
