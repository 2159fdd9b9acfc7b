import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { password, startTestGateway } from '../support/gateway.ts';
import { dataFolderWith } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

test('the head of the ledger goes on with the requests, and its hash can be copied', async () => {
  const { url, openai, graphql } = await startTestGateway();
  const client = await openai();
  const { page, complaints } = await openPage(browser, url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const position = async () => Number(await page.getByTestId('ledger-position').getAttribute('data-value'));
  const before = await position();
  expect(before).toBeGreaterThan(0);
  await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'Hello' }] });
  await expect.poll(position, { timeout: 8000 }).toBe(before + 2);
  expect((await page.getByTestId('ledger-open').textContent())?.trim()).toBe('0');
  const { ledger } = await graphql('{ ledger { headHash } }');
  expect(await page.getByTestId('ledger-hash').textContent()).toContain(`${ledger.headHash.slice(0, 12)}…`);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy the hash' }).click();
  await page.getByTestId('ledger').getByText('Copied').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(ledger.headHash);
  expect(complaints).toEqual([]);
});

test('costs are told in dollars with the price they were made up with; what has no price says so', async () => {
  const now = Date.now();
  const [unpriced, cut, refused] = [history('req_old', now - 2), history('req_cut', now - 1), history('req_no', now)];
  const events = [unpriced.accepted(), unpriced.completed(), cut.accepted(), cut.aborted(), refused.rejected()];
  const { url, openai } = await startTestGateway({ DATA_DIR: await dataFolderWith(events) });
  const client = await openai();
  await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'Hello' }] });
  const { page, complaints } = await openPage(browser, url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const rows = page.getByTestId('request-row');
  await expect.poll(() => rows.count()).toBe(4);
  const costOf = (outcome: string, model: string) =>
    rows
      .filter({ hasText: outcome })
      .filter({ hasText: model })
      .getByTestId('request-cost')
      .textContent()
      .then((text) => text?.trim());
  expect(await costOf('Succeeded', 'gemini-3.8-flash')).toMatch(/^\$0\.0000\d{1,3}$/);
  expect(await costOf('Succeeded', 'gemini-flash-latest')).toBe('No price known');
  expect(await costOf('Cancelled', 'gemini-flash-latest')).toBe('No price known');
  expect(await costOf('Refused', 'gpt-x')).toBe('$0.00');
  const total = page.getByTestId('overview-total-cost');
  await expect.poll(() => total.textContent(), { timeout: 8000 }).toMatch(/\$0\.0000\d{1,3}/);
  expect(Number(await total.getAttribute('data-value'))).toBeGreaterThan(0);
  await page.getByText('Without 2 requests for which no price is known.').waitFor();

  const details = page.getByTestId('request-cost-details');
  await rows.filter({ hasText: 'Cancelled' }).getByRole('link').click();
  await details.getByText('No price known').waitFor();
  await details.getByText('The answer broke off: these are the last counts').waitFor();
  await page.keyboard.press('Escape');
  await rows.filter({ hasText: 'gemini-3.8-flash' }).getByRole('link').click();
  await details.getByText('gemini-3.8-flash, from the beginning').waitFor();
  await details.getByText('$0.75 in, $0.075 cached, $3.75 out').waitFor();
  expect(await page.getByTestId('usage-source').count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Client keys' }).click();
  await expect
    .poll(() => page.getByTestId('client-key-row').textContent(), { timeout: 8000 })
    .toMatch(/\$0\.0000\d{1,3}/);
  expect(complaints).toEqual([]);
});
