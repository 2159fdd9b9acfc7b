import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { password, startTestGateway } from '../support/gateway.ts';
import { startProxy } from '../support/proxy.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const phone = { width: 360, height: 740 };

/** The key pool of a gateway with two keys in a group, and the owner signed in. */
async function openKeyPool(words: { username: string; password: string; signIn: string }, options = {}) {
  const gateway = await startTestGateway();
  await gateway.signIn();
  await gateway.graphql(
    `mutation { upstreamKeyBulkMove(input: {selection: {filter: {}}, group: "far"}) { __typename } }`,
  );
  const { page, complaints } = await openPage(browser, `${gateway.url}/app/key-pool`, options);
  await page.getByLabel(words.username).fill('admin');
  await page.getByLabel(words.password, { exact: true }).fill(password);
  await page.getByRole('button', { name: words.signIn }).click();
  const rows = page.getByTestId('upstream-key-row');
  await expect.poll(() => rows.count()).toBe(2);
  const openai = await gateway.openai();
  const ask = () =>
    openai.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] });
  return { ...gateway, page, complaints, rows, ask };
}

test('a key and its group get proxies, which are shown without their passwords, take the calls, and are taken off', async () => {
  const { page, complaints, rows, ask } = await openKeyPool({
    username: 'Username',
    password: 'Password',
    signIn: 'Sign in',
  });
  const [own, ofGroup] = [await startProxy(), await startProxy('you:other')];
  const dialog = page.getByRole('dialog');
  await rows.first().getByRole('button', { name: 'Proxy of' }).click();
  expect(await dialog.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true);
  await dialog.getByLabel('Address').fill('nonsense');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await dialog.getByText('begins with http://').waitFor();
  await dialog.getByLabel('Address').fill(own.url);
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await rows.first().getByText(`by http://${own.host}`).waitFor();
  expect(await rows.last().getByText('by http').count()).toBe(0);

  await page.getByTestId('filter-group').selectOption('far');
  await page.getByRole('button', { name: 'Proxy of the group far' }).click();
  await dialog.getByLabel('Address').fill(ofGroup.url);
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await rows.last().getByText(`by http://${ofGroup.host}`).waitFor();
  await rows.first().getByText(`by http://${own.host}`).waitFor();
  await ask();
  await ask();
  expect([own.tunnels.length, ofGroup.tunnels.length]).toEqual([1, 1]);

  await rows.first().getByRole('button', { name: 'Proxy of' }).click();
  await dialog.getByText(`Now http://${own.host}.`).waitFor();
  await dialog.getByRole('button', { name: 'Take it off' }).click();
  await rows.first().getByText(`by http://${ofGroup.host}`).waitFor();
  await page.reload();
  await expect.poll(() => rows.getByText(`by http://${ofGroup.host}`).count()).toBe(2);
  expect(await page.content()).not.toMatch(/pass%20word|you:other/);
  expect(complaints).toEqual([]);
});

test('a proxy is set on a phone, in Chinese', async () => {
  const words = { username: '用户名', password: '密码', signIn: '登录' };
  const { page, complaints, rows } = await openKeyPool(words, { viewport: phone, locale: 'zh-CN' });
  await rows.first().getByRole('button', { name: '的代理' }).click();
  await page.getByRole('dialog').getByLabel('地址').fill('socks5://me:secret-word@far.example');
  await page.getByRole('dialog').getByRole('button', { name: '应用' }).click();
  await rows.first().getByText('经由 socks5://far.example:1080').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width);
  expect(complaints).toEqual([]);
});
