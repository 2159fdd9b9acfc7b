import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A connection on which a test says what no HTTP client would. It is cut when the test ends. */
export interface RawSocket {
  socket: Socket;
  /** Everything that came so far, as Latin-1. */
  received(): string;
  /** Settles with everything that came when the connection has ended, however it did. */
  closed: Promise<string>;
}

export function openRawSocket(port: number, firstBytes: string | Buffer = ''): RawSocket {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const pieces: Buffer[] = [];
  const received = () => Buffer.concat(pieces).toString('latin1');
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  socket.on('data', (piece) => pieces.push(piece));
  socket.on('error', () => {});
  socket.on('close', () => resolve(received()));
  socket.write(firstBytes);
  return { socket, received, closed };
}
