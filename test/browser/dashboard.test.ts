import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { desktop, launchBrowser, openPage, screenshotPath } from '../support/browser.ts';
import { password, startTestGateway } from '../support/gateway.ts';
import { dataFolderWith } from '../support/ledger.ts';
import { history } from '../support/request-history.ts';

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const phone = { width: 360, height: 740 };

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

async function createKey(page: Page, name: string): Promise<string> {
  await page.getByRole('link', { name: 'Client keys' }).click();
  await page.getByRole('button', { name: 'New client key' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Create' }).click();
  const secret = (await page.getByTestId('client-key-secret').textContent()) ?? '';
  await page.getByRole('button', { name: 'I stored it' }).click();
  return secret;
}

function ask(url: string, apiKey: string) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  return client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'Hello' }] });
}

test('the owner signs in, makes a key, sends a request with it and sees the numbers move without a reload', async () => {
  const { url } = await startTestGateway();
  const { page, complaints } = await openPage(browser, url);
  await signIn(page);
  let loads = 0;
  page.on('load', () => loads++);
  const secret = await createKey(page, 'laptop');
  expect(secret).toMatch(/^gp_[0-9A-Za-z]{38}$/);
  await page.getByRole('link', { name: 'Overview' }).first().click();
  await page.getByText('No requests yet').waitFor();
  expect(await page.getByTestId('overview-signatures').count()).toBe(0);
  await ask(url, secret);
  const row = page.getByTestId('request-row');
  await row.filter({ hasText: 'Succeeded' }).filter({ hasText: 'laptop' }).waitFor();
  await ask(url, secret);
  await expect.poll(() => row.count()).toBe(2);
  await page.getByRole('link', { name: 'Client keys' }).click();
  await expect.poll(() => page.getByTestId('client-key-requests').textContent()).toContain('2');
  await ask(url, secret);
  await expect.poll(() => page.getByTestId('client-key-requests').textContent(), { timeout: 8000 }).toContain('3');
  expect(loads).toBe(0);
  expect(complaints).toEqual([]);
});

test('the chart is drawn in a browser whose language has a name that Intl refuses', async () => {
  const { url, openai } = await startTestGateway();
  const { page, complaints } = await openPage(browser, 'about:blank');
  await page.addInitScript(
    "Object.defineProperty(navigator, 'language', { value: 'en-US@posix', configurable: true })",
  );
  await page.goto(url);
  await signIn(page);
  await (await openai()).chat.completions.create({
    model: 'gemini-3.8-flash',
    messages: [{ role: 'user', content: 'Hello' }],
  });
  await page.locator('.uplot canvas').waitFor();
  expect(complaints).toEqual([]);
});

test('the page goes on by itself after the server was restarted', async () => {
  const { url, restart } = await startTestGateway();
  const { page } = await openPage(browser, url);
  await signIn(page);
  const secret = await createKey(page, 'laptop');
  await page.getByRole('link', { name: 'Overview' }).first().click();
  await ask(url, secret);
  const row = page.getByTestId('request-row');
  await expect.poll(() => row.count()).toBe(1);
  await restart();
  await ask(url, secret);
  await expect.poll(() => row.count(), { timeout: 15_000 }).toBe(2);
});

test('the first run asks for the setup code, then for keys, and adds what is pasted', async () => {
  const { url, app } = await startTestGateway({ ADMIN_PASSWORD: '', GEMINI_API_KEYS: '' });
  const { page, complaints } = await openPage(browser, url);
  await shoot(page, 'first-run-1440');
  await page.getByLabel('Setup code').fill('wrong');
  await page.getByLabel('Password', { exact: true }).fill('a good long password');
  await page.getByRole('button', { name: 'Create the owner' }).click();
  await page.getByText('This is not the setup code').waitFor();
  await page.getByLabel('Setup code').fill(String(app.setupCode));
  await page.getByRole('button', { name: 'Create the owner' }).click();
  await page.getByRole('heading', { name: 'The pool has no key yet' }).waitFor();
  await page.getByRole('link', { name: 'Add Gemini keys' }).click();
  const keys = ['a', 'b'].map((letter) => `AIza${letter.repeat(35)}`);
  await page.getByLabel('Paste keys').fill(`${keys.join('\n')}\n${keys[0]}`);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByRole('button', { name: 'Add 2 keys' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('3 of 3').waitFor();
  await dialog.getByText('Already there', { exact: true }).waitFor();
  await shoot(page, 'import-1440');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => page.getByTestId('upstream-key-row').count()).toBe(2);
  expect(await page.content()).not.toContain(`AIza${'a'.repeat(35)}`);
  expect(complaints).toEqual([]);
});

test('the owner says which models a key may use, and lifts it again', async () => {
  const { url } = await startTestGateway();
  const { page, complaints } = await openPage(browser, url);
  await signIn(page);
  await page.getByRole('link', { name: 'Client keys' }).click();
  await page.getByRole('button', { name: 'New client key' }).click();
  await page.getByLabel('Name').fill('laptop');
  await page.getByLabel('Allowed models').fill('gemini-3.5-*,\n gpt-4o');
  await page.getByRole('button', { name: 'Create' }).click();
  const secret = (await page.getByTestId('client-key-secret').textContent()) ?? '';
  await page.getByRole('button', { name: 'I stored it' }).click();
  const models = page.getByTestId('client-key-models');
  await expect.poll(() => models.textContent()).toContain('Only gemini-3.5-*, gpt-4o');
  await expect(ask(url, secret)).rejects.toThrow('This client key may not use the model');
  await page.getByRole('button', { name: 'Edit laptop' }).click();
  const field = page.getByLabel('Allowed models');
  expect(await field.inputValue()).toBe('gemini-3.5-*, gpt-4o');
  await field.fill('x'.repeat(129));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Takes 1 to 100 names').waitFor();
  await field.fill(' ');
  await page.getByLabel('Name').fill('phone');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The key is changed.').waitFor();
  await page.getByRole('button', { name: 'Edit phone' }).waitFor();
  await expect.poll(() => models.count()).toBe(0);
  await ask(url, secret);
  expect(complaints).toEqual([]);
});

test('a wrong password is told, and a session survives a reload but not a sign-out', async () => {
  const { url } = await startTestGateway();
  const { page } = await openPage(browser, url);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('do not fit together').waitFor();
  await signIn(page);
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByLabel('Account').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

describe.each([
  ['a phone', phone, 'en-GB'],
  ['a phone in Chinese', phone, 'zh-CN'],
  ['a desktop', desktop, 'en-GB'],
  ['a desktop in Chinese', desktop, 'zh-CN'],
])('on %s', (_name, viewport, locale) => {
  test('every page fits and can be used by everybody', async () => {
    const signed = history('req_signed', Date.now());
    const accepted = signed.accepted({ client: 1234, restored: 56, placeholder: 0 });
    const DATA_DIR = await dataFolderWith([accepted, signed.completed()]);
    const { url, openai, graphql } = await startTestGateway({ DATA_DIR });
    const client = await openai();
    const budgets =
      '[{unit: USD, limit: "20", period: MONTH, timeZone: "America/Argentina/Buenos_Aires"}, {unit: TOKENS, limit: "1", period: LIFETIME, model: "gemini-*", isStrict: false}]';
    const held = `{name: "held", allowedModels: ["gemini-3.*", "claude-*", "gpt-4o", "gemini-embedding-2"], allowedAddresses: ["10.0.0.0/8"], budgets: ${budgets}}`;
    const made = await graphql(
      `mutation { clientKeyCreate(input: ${held}) { ... on ClientKeyCreateSuccess { clientKey { id } } } }`,
    );
    const secret = String(client.apiKey);
    await ask(url, secret);
    await ask(url, secret);
    await client.chat.completions.create({ model: 'nope', messages: [] }).catch(() => {});
    const { page, complaints } = await openPage(browser, url, { viewport, locale });
    const look = async (name: string) => {
      await shoot(page, `${name}-${viewport.width}-${locale}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), name).toBeLessThanOrEqual(0);
      expect(await violations(page), name).toEqual([]);
    };
    await page.locator('input[name=username]').waitFor();
    await look('login');
    await page.locator('input[name=username]').fill('admin');
    await page.locator('input[name=password]').fill(password);
    await page.locator('button[type=submit]').click();
    await page.getByTestId('request-row').first().waitFor();
    const signatures = ['client', 'restored', 'placeholder'].map((name) =>
      page.getByTestId(`overview-signatures-${name}`).getAttribute('data-value'),
    );
    expect(await Promise.all(signatures)).toEqual(['1234', '56', '0']);
    await look('overview');
    await page.goto(`${url}/app/client-keys`);
    await page.getByTestId('client-key-row').first().waitFor();
    await look('client-keys');
    await page.goto(`${url}/app/client-keys?dialog=create`);
    await page.getByRole('dialog').waitFor();
    await look('client-key-create');
    await page.goto(`${url}/app/client-keys?edit=${made.clientKeyCreate.clientKey.id}`);
    await page.getByTestId('budget-fields').first().waitFor();
    await look('client-key-edit');
    await page.goto(`${url}/app/key-pool`);
    await page.getByTestId('upstream-key-row').first().waitFor();
    await look('key-pool');
    await page.goto(`${url}/app/prices?model=2.5&open=gemini-2.5-pro`);
    await page.getByTestId('price-version').first().waitFor();
    await look('prices');
    await page.goto(`${url}/app/prices?set=gemini-2.5-pro`);
    await page.getByRole('dialog').waitFor();
    await look('price-set');
    await page.goto(`${url}/app/prices?reprice=`);
    await page.getByRole('dialog').waitFor();
    await look('reprice');
    await page.goto(`${url}/app/key-pool?dialog=limits`);
    await page.getByRole('dialog').waitFor();
    await look('key-pool-limits');
    await page.goto(`${url}/app/key-pool`);
    await page.getByTestId('upstream-key-row').first().waitFor();
    await page.locator('input[type=checkbox]').first().check();
    await page.getByTestId('bulk-bar').waitFor();
    await look('key-pool-selected');
    await page.goto(`${url}/app/key-pool?dialog=import`);
    await page.getByRole('dialog').locator('textarea').fill('a-new-key\nno key\na-new-key');
    await page.getByRole('dialog').locator('button[type=submit]').click();
    await page.getByTestId('import-counts').waitFor();
    await look('key-pool-import');
    expect(await page.locator('html').getAttribute('lang')).toBe(locale === 'zh-CN' ? 'zh-CN' : 'en');
    expect(complaints).toEqual([]);
  });
});

async function shoot(page: Page, name: string): Promise<void> {
  const path = screenshotPath(name);
  if (path) await page.screenshot({ path, fullPage: true });
}

/** What axe finds wrong, by rule. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    // A button that is on its way from one colour to another has the contrast of neither.
    const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.all(passing.map(({ finished }) => finished.catch(() => {})));
    // biome-ignore lint/suspicious/noExplicitAny: axe puts itself into the window.
    const found = await (window as any).axe.run();
    return found.violations.map(
      ({ id, nodes }: { id: string; nodes: { target: string[] }[] }) => `${id}: ${nodes.map((node) => node.target)}`,
    );
  });
}
