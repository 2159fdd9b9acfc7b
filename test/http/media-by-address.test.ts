import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

const model = 'gemini-3.8-flash';
const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');

/** A host of pictures. */
async function startHost(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const asking = (...urls: string[]) => {
  const content = urls.map((url) => ({ type: 'image_url' as const, image_url: { url } }));
  return { model, messages: [{ role: 'user' as const, content }] };
};

test('pictures by address go up as what they are', async () => {
  const { openai, gemini } = await startTestGateway({ IMAGE_FETCH_ALLOW: '127.0.0.1' });
  const host = await startHost((_request, response) => response.end(png));
  await (await openai()).chat.completions.create(asking(`${host}/a`, `${host}/b`));
  const inlineData = { mimeType: 'image/png', data: png.toString('base64') };
  expect(gemini.generations()[0]?.body.contents[0].parts).toEqual([{ inlineData }, { inlineData }]);
});

test('a client that leaves ends the downloads, and nothing is asked of Gemini or noted', async () => {
  const { openai, gemini, graphql } = await startTestGateway({ IMAGE_FETCH_ALLOW: '127.0.0.1' });
  const client = await openai();
  const leave = new AbortController();
  const closings: Promise<void>[] = [];
  const host = await startHost((_request, response) => {
    closings.push(new Promise((resolve) => response.on('close', resolve)));
    response.write(png);
    if (closings.length === 2) leave.abort();
  });
  const asked = client.chat.completions.create(asking(`${host}/a`, `${host}/b`), { signal: leave.signal });
  await expect(asked).rejects.toThrow('aborted');
  await Promise.all(closings);
  expect(closings).toHaveLength(2);
  // One that is answered comes after all that could still follow from the one before.
  await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }] });
  expect(gemini.generations()).toHaveLength(1);
  const { requests } = await graphql('{ requests { nodes { outcome } } }');
  expect(requests.nodes).toEqual([{ outcome: 'SUCCEEDED' }]);
});
