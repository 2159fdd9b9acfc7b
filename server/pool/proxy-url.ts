const charactersMax = 500;
const protocols = ['http:', 'https:', 'socks5:'];

/** The address of a proxy as it is used, or why it is none. It may hold a name and a password: a secret. */
export function checkProxyUrl(text: string): { url: string } | { problem: string } {
  const takes =
    'A proxy is given as http://, https:// or socks5://, with host and port, and name:password@ before the host if it asks for them.';
  if (text.length > charactersMax || !URL.canParse(text)) return { problem: takes };
  const url = new URL(text);
  const isBare = (url.pathname === '' || url.pathname === '/') && url.search === '' && url.hash === '';
  return protocols.includes(url.protocol) && url.hostname !== '' && isBare ? { url: url.href } : { problem: takes };
}

/** What may be shown of it. */
export function maskProxy(proxyUrl: string): string {
  const { protocol, host } = new URL(proxyUrl);
  return `${protocol}//${host}`;
}
