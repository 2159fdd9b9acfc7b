const charactersMax = 500;
const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'socks5:': '1080' };

/** The address of a proxy as it is used, or why it is none. It may hold a name and a password: a secret, which no problem repeats. */
export function checkProxyUrl(text: string): { url: string } | { problem: string } {
  if (text.length > charactersMax)
    return { problem: `The address of a proxy has at most ${charactersMax} characters.` };
  const [, scheme = ''] = /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text) ?? [];
  if (!(scheme.toLowerCase() in defaultPorts))
    return { problem: 'The address of a proxy begins with http://, https:// or socks5://.' };
  if (!URL.canParse(text) || new URL(text).hostname === '' || new URL(text).port === '0')
    return { problem: 'The address of a proxy has a host, and a port from 1 to 65535, such as http://host:3128.' };
  const { href, username, password, pathname, search, hash } = new URL(text);
  if ((pathname !== '' && pathname !== '/') || search !== '' || hash !== '')
    return { problem: 'The address of a proxy ends after its port.' };
  if (password !== '' && username === '') return { problem: 'Before the password of a proxy there is a name.' };
  if (!isDecodable(username) || !isDecodable(password))
    return { problem: 'In the name and the password of a proxy, % is written as %25.' };
  return { url: href };
}

/** What may be shown of it: neither name nor password. */
export function maskProxy(proxyUrl: string): string {
  const { protocol, hostname, port } = new URL(proxyUrl);
  return `${protocol}//${hostname}:${port || defaultPorts[protocol]}`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
