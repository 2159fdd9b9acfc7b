import { type Dispatcher, Pool, ProxyAgent, Socks5ProxyAgent } from 'undici';
import { maskProxy } from './proxy-url.ts';

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

/** How calls are made that go by a proxy. Times are in ms. */
export interface EgressOptions extends Pool.Options {
  headersTimeout: number;
  bodyTimeout: number;
  /** For each step of the way: to the proxy, its consent, and to Google. */
  connectTimeout: number;
}

/** Each has connections of its own; beyond it the one that was used longest ago is given up, and made anew when it is needed. */
const proxiesMaxUsual = 200;

/** @param usual The way of all calls. */
export function createEgress(usual: Dispatcher, options: EgressOptions, proxiesMax = proxiesMaxUsual): Egress {
  /** The one that was used longest ago comes first. */
  const proxies = new Map<string, Dispatcher>();

  return {
    by(proxyUrl) {
      if (proxyUrl === null) return usual;
      const proxy = proxies.get(proxyUrl) ?? openProxy(proxyUrl, options);
      proxies.delete(proxyUrl);
      proxies.set(proxyUrl, proxy);
      const [oldest] = proxies;
      if (proxies.size > proxiesMax && oldest) {
        proxies.delete(oldest[0]);
        // Calls that are out come to their end.
        oldest[1].close().catch(() => {});
      }
      return proxy;
    },
    async destroy() {
      await Promise.all([usual, ...proxies.values()].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function openProxy(proxyUrl: string, options: EgressOptions): Dispatcher {
  if (proxyUrl.startsWith('socks5:')) return new SocksAgent(proxyUrl, options);
  const { connectTimeout } = options;
  // It makes the connections itself.
  const { connect: _, ...rest } = options;
  return new ProxyAgent({
    ...rest,
    uri: proxyUrl,
    // Always by CONNECT: else the proxy would read every request to a Gemini that is called without TLS.
    proxyTunnel: true,
    // undici would wait five minutes for a proxy that takes a connection and then says nothing.
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: connectTimeout }),
  });
}

/** undici's takes from no option how long an answer may be silent. */
class SocksAgent extends Socks5ProxyAgent {
  readonly #timeouts: Pick<EgressOptions, 'headersTimeout' | 'bodyTimeout'>;

  constructor(proxyUrl: string, { headersTimeout, bodyTimeout, connectTimeout }: EgressOptions) {
    super(proxyUrl, { connectTimeout });
    this.#timeouts = { headersTimeout, bodyTimeout };
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return super.dispatch({ ...this.#timeouts, ...options }, handler);
  }
}

/** By a proxy, these are about the way to the proxy itself: beyond it nobody here connects. */
const unreachable = /^(E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH|TIMEDOUT)|UND_ERR_CONNECT_TIMEOUT)$/;

/** What is told of a call that broke: without the name and the password that the address of a proxy holds. */
export function brokenMessage(error: Error & { code?: string }, proxyUrl: string | null): string {
  // Of several addresses that all refuse, the error has no message.
  const message = error.message || error.code || error.name;
  if (proxyUrl === null) return message;
  const proxy = maskProxy(proxyUrl);
  if (unreachable.test(error.code ?? '')) return `The proxy ${proxy} cannot be reached: ${error.code}.`;
  // undici tells it in its words only.
  const status = /^Proxy response \((\d+)\)/.exec(message)?.[1];
  if (status === '407') return `The proxy ${proxy} wants another name or password (HTTP 407).`;
  if (status !== undefined) return `The proxy ${proxy} refuses to connect (HTTP ${status}).`;
  const { username, password } = new URL(proxyUrl);
  // The longest first: what is left of one that another is a part of would tell of it.
  const secrets = [username, password]
    .flatMap((text) => [text, decodeURIComponent(text)])
    .filter((text) => text !== '')
    .sort((a, b) => b.length - a.length);
  return `By the proxy ${proxy}: ${secrets.reduce((text, secret) => text.replaceAll(secret, '…'), message)}`;
}
