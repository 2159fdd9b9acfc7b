import OpenAI from 'openai';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { password, startTestGateway } from '../support/gateway.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The page of client keys, with the owner signed in, and what a request with a secret is answered. */
async function openClientKeys() {
  const gateway = await startTestGateway();
  const { page, complaints } = await openPage(browser, `${gateway.url}/app/client-keys`);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Client keys', exact: true }).waitFor();
  const ask = (apiKey: string) =>
    new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 }).chat.completions
      .create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }], max_tokens: 100 })
      .then(
        () => 200,
        ({ status }: { status: number }) => status,
      );
  return { ...gateway, page, complaints, ask, dialog: page.getByRole('dialog') };
}

test('a key gets budgets, which are refused where they are wrong, hold, and are seen to fill', async () => {
  const { page, complaints, ask, dialog } = await openClientKeys();
  await page.getByRole('button', { name: 'New client key' }).click();
  await dialog.getByLabel('Name').fill('laptop');
  await dialog.getByRole('button', { name: 'Add a budget' }).click();
  await dialog.getByRole('button', { name: 'Add a budget' }).click();
  const [first, second] = [dialog.getByTestId('budget-fields').first(), dialog.getByTestId('budget-fields').last()];
  await first.getByLabel('Counts').selectOption('REQUESTS');
  await first.getByLabel('Amount').fill('1');
  await first.getByLabel('In each').selectOption('DAY');
  await first.getByLabel('Time zone').fill('Asia/Shanghai');
  await first.getByLabel('Of models').fill('gemini-*');
  await first.getByText('Strict: never passed.').waitFor();
  await second.getByLabel('Amount').fill('1,50');
  await second.getByLabel('In each').selectOption('LIFETIME');
  expect(await second.getByLabel('Time zone').count()).toBe(0);
  await second.getByLabel('At the limit').selectOption('SOFT');
  await second.getByText('Soft: passed by what is in flight').waitFor();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await second.getByText('A budget in dollars is a plain decimal above 0').waitFor();
  const amount = second.getByLabel('Amount');
  await expect.poll(() => amount.evaluate((field) => document.activeElement === field)).toBe(true);
  await amount.fill('1.50');
  await dialog.getByRole('button', { name: 'Create' }).click();
  const secret = (await page.getByTestId('client-key-secret').textContent()) ?? '';
  await page.getByRole('button', { name: 'I stored it' }).click();
  const [byRequests, byDollars] = [page.getByTestId('budget').first(), page.getByTestId('budget').last()];
  await byRequests.getByText('1 request a day · gemini-*').waitFor();
  await byRequests.getByText(/^Begins anew in \d+ (?:hr|min|sec)/).waitFor();
  await byDollars.getByText('$1.50 in all').waitFor();
  await byDollars.getByText('$0.00 used').waitFor();
  expect([await ask(secret), await ask(secret)]).toEqual([200, 429]);
  await byRequests.getByText('1 request used').waitFor();
  await expect.poll(() => byDollars.textContent(), { timeout: 8000 }).toMatch(/\$0\.00\d+ used/);

  await page.getByRole('button', { name: 'Edit laptop' }).click();
  expect(new URL(page.url()).searchParams.get('edit')).toMatch(/^ck_/);
  expect(await first.getByLabel('Time zone').inputValue()).toBe('Asia/Shanghai');
  expect(await second.getByLabel('At the limit').inputValue()).toBe('SOFT');
  await first.getByLabel('Amount').fill('2');
  await dialog.getByRole('button', { name: 'Remove budget 2' }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await byRequests.getByText('2 requests a day').waitFor();
  await expect.poll(() => page.getByTestId('budget').count(), { timeout: 8000 }).toBe(1);
  expect([await ask(secret), await ask(secret)]).toEqual([200, 429]);
  expect(complaints).toEqual([]);
});

test('rates, addresses, web pages and an end are set behind a fold, shown, and hold', async () => {
  const { page, complaints, ask, dialog, openai } = await openClientKeys();
  const secret = String((await openai()).apiKey);
  expect(await ask(secret)).toBe(200);
  await page.getByRole('button', { name: 'Edit test' }).click();
  const fold = dialog.getByText('Rates, addresses and web pages');
  expect(await dialog.getByLabel('Requests a minute').isVisible()).toBe(false);
  await fold.click();
  await dialog.getByLabel('Requests a minute').fill('1.5');
  await fold.click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('A whole number from 1, or nothing.').waitFor();
  await dialog.getByLabel('Requests a minute').fill('1');
  await dialog.getByLabel('Allowed addresses').fill('127.0.0.1, nowhere');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Takes 1 to 100 addresses').waitFor();
  await dialog.getByLabel('Allowed addresses').fill('127.0.0.1\n::1');
  await dialog.getByLabel('Allowed web pages').fill('https://chat.example');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const row = page.getByTestId('client-key-row');
  await row.getByText('1 requests/min').waitFor();
  await row.getByText('From 127.0.0.1, ::1').waitFor();
  await row.getByText('On https://chat.example').waitFor();
  expect([await ask(secret), await ask(secret)]).toEqual([200, 429]);

  await page.getByRole('button', { name: 'Edit test' }).click();
  expect(await dialog.getByLabel('Requests a minute').inputValue()).toBe('1');
  await dialog.getByLabel('Requests a minute').fill('');
  await dialog.getByLabel('Expires').selectOption('7');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await row.getByText(/^until /).waitFor();
  expect(await ask(secret)).toBe(200);
  await page.getByRole('button', { name: 'Edit test' }).click();
  expect(await dialog.getByLabel('Expires').inputValue()).toBe('TIME');
  await dialog.getByLabel('Until').fill('2026-01-02T03:04');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => row.getByTestId('client-key-status').textContent(), { timeout: 8000 }).toContain('Expired');
  expect(await ask(secret)).toBe(401);
  expect(complaints).toEqual([]);
});
