import { type Dispatcher, type Pool, ProxyAgent } from 'undici';

/** The key that a call is made with. */
export interface CallKey {
  /** In the clear. */
  apiKey: string;
  /** The proxy that its calls go by, with name and password; null: the way of all. */
  proxyUrl?: string | null;
}

/** The ways out: the one of all calls, and the proxies of single keys. */
export interface Egress {
  /** @param proxyUrl With name and password; null: the way of all. */
  by(proxyUrl: string | null): Dispatcher;
  destroy(): Promise<void>;
}

/** Each has connections of its own; beyond it the one that was first used is given up, and made anew when it is needed. */
const proxiesMax = 200;

export function createEgress(usual: Dispatcher, options: Pool.Options): Egress {
  const proxies = new Map<string, ProxyAgent>();

  function open(proxyUrl: string): ProxyAgent {
    // Always by CONNECT: else the proxy would read every request to a Gemini that is called without TLS.
    const agent = new ProxyAgent({ ...options, uri: proxyUrl, proxyTunnel: true });
    proxies.set(proxyUrl, agent);
    const [oldest] = proxies;
    if (proxies.size > proxiesMax && oldest) {
      proxies.delete(oldest[0]);
      // Calls that are out come to their end.
      oldest[1].close().catch(() => {});
    }
    return agent;
  }

  return {
    by: (proxyUrl) => (proxyUrl === null ? usual : (proxies.get(proxyUrl) ?? open(proxyUrl))),
    async destroy() {
      await Promise.all([usual, ...proxies.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** What is told of a call that broke: without the name and the password that the address of a proxy holds. */
export function brokenMessage(error: Error & { code?: string }, proxyUrl: string | null): string {
  // Of several addresses that all refuse, the error has no message.
  const message = error.message || error.code || error.name;
  if (proxyUrl === null) return message;
  const { protocol, host, username, password } = new URL(proxyUrl);
  const secrets = [password, decodeURIComponent(password), username].filter((secret) => secret !== '');
  const safe = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), message);
  return `By the proxy ${protocol}//${host}: ${safe}`;
}
