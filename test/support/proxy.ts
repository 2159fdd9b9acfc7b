import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy on loopback that tunnels (CONNECT) for who knows its password, and notes where to. */
export interface TestProxy {
  /** With name and password. */
  url: string;
  host: string;
  /** Targets, one per connection. */
  tunnels: string[];
  /** Connections that it refused: wrong name or password. */
  refused: number;
}

export async function startProxy(credentials = 'me:pass%20word'): Promise<TestProxy> {
  const expected = `Basic ${Buffer.from(decodeURIComponent(credentials)).toString('base64')}`;
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (request, socket, head) => {
    socket.on('error', () => {});
    if (request.headers['proxy-authorization'] !== expected) {
      proxy.refused++;
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    proxy.tunnels.push(String(request.url));
    const { hostname, port } = new URL(`http://${request.url}`);
    const target = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('close', () => target.destroy());
  });
  const host = await listen(server);
  const proxy: TestProxy = { url: `http://${credentials}@${host}`, host, tunnels: [], refused: 0 };
  return proxy;
}

/** The same by SOCKS 5 (RFC 1928, with name and password as in RFC 1929). */
export async function startSocksProxy(credentials = 'me:pass%20word'): Promise<TestProxy> {
  const [name = '', password = ''] = credentials.split(':').map(decodeURIComponent);
  const server = createSocketServer(async (socket) => {
    socket.on('error', () => {});
    // One message comes in one piece on loopback, and nothing is sent before the answer to it.
    await next(socket);
    socket.write(Buffer.from([5, 2]));
    const login = await next(socket);
    const nameEnd = 2 + Number(login[1]);
    const isKnown = login.toString('utf8', 2, nameEnd) === name && login.toString('utf8', nameEnd + 1) === password;
    socket.write(Buffer.from([1, isKnown ? 0 : 1]));
    if (!isKnown) {
      proxy.refused++;
      socket.end();
      return;
    }
    const [, , , type, ...address] = await next(socket);
    const hostname = type === 1 ? address.slice(0, 4).join('.') : Buffer.from(address.slice(1, -2)).toString();
    const port = Buffer.from(address.slice(-2)).readUInt16BE();
    proxy.tunnels.push(`${hostname}:${port}`);
    const target = connect(port, hostname, () => {
      socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('close', () => target.destroy());
  });
  const host = await listen(server);
  const proxy: TestProxy = { url: `socks5://${credentials}@${host}`, host, tunnels: [], refused: 0 };
  return proxy;
}

/** Takes connections and never says a word; gives its address. */
export async function startSilentProxy(): Promise<string> {
  return listen(createSocketServer((socket) => socket.on('error', () => {}).resume()));
}

function next(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => socket.once('data', resolve));
}

/** Until the test ends. */
async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
