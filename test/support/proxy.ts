import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: TestProxy = { url: `http://${credentials}@${host}`, host, tunnels: [], refused: 0 };
  return proxy;
}
