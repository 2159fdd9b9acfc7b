import type { Browser, Locator, Page } from 'playwright-core';
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

/** The page of prices of a gateway, with the owner signed in. */
async function openPrices(settings: Record<string, string> = {}) {
  const gateway = await startTestGateway(settings);
  const { page, complaints } = await openPage(browser, `${gateway.url}/app/prices`);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await rowsOf(page).first().waitFor();
  return { ...gateway, page, complaints, dialog: page.getByRole('dialog') };
}

/** A rate of what is not a long prompt: those have the same names. */
const rate = (dialog: Locator, name: string) => dialog.getByLabel(name, { exact: true }).first();
const rowsOf = (page: Page) => page.getByTestId('price-row');

test('prices are found by model in the address, unfolded, and set anew for now and later', async () => {
  const { page, complaints, dialog, graphql, signIn } = await openPrices();
  await page.getByLabel('Filter by model').pressSequentially('2.5-flash-lite');
  await expect.poll(() => rowsOf(page).count(), { timeout: 8000 }).toBe(1);
  expect(new URL(page.url()).searchParams.get('model')).toBe('2.5-flash-lite');
  const row = rowsOf(page).first();
  await row.getByText('$0.01', { exact: true }).waitFor();
  await row.getByText('@pydantic/genai-prices').waitFor();
  await row.getByRole('button', { name: 'gemini-2.5-flash-lite: 1 version of its price' }).press('Enter');
  const versions = page.getByTestId('price-version');
  await versions.getByText('Cached sound in').waitFor();
  expect(new URL(page.url()).searchParams.get('open')).toBe('gemini-2.5-flash-lite');

  await row.getByRole('button', { name: 'New version' }).click();
  expect(await rate(dialog, 'Cached input').inputValue()).toBe('0.01');
  expect(await rate(dialog, 'Sound in').inputValue()).toBe('0.3');
  await rate(dialog, 'Output').fill('0,5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('A rate is a plain decimal').waitFor();
  await rate(dialog, 'Output').fill('0.5');
  await dialog.getByText('Tiers and source').click();
  await dialog.getByLabel('Flex').fill('many');
  await dialog.getByText('Tiers and source').click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('A whole number from 0 to 1000.').waitFor();
  await dialog.getByLabel('Flex').fill('40');
  await dialog.getByRole('textbox', { name: 'Source' }).fill('a page of Google');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The price is set.').waitFor();
  await row.getByText('Set here').waitFor();
  await row.getByText('$0.50', { exact: true }).waitFor();
  await versions.filter({ hasText: 'Holds now' }).getByText('Flex 40%').waitFor();
  await versions.filter({ hasText: 'Earlier' }).getByText('Shipped with the program').waitFor();

  await row.getByRole('button', { name: 'New version' }).click();
  await dialog.getByLabel('Holds from').selectOption('TIME');
  await dialog.getByLabel('Time', { exact: true }).fill('2098-01-02T03:04');
  await dialog.getByText('Another price for long prompts').click();
  await dialog.getByLabel('For prompts of more tokens than').fill('128000');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect.poll(() => dialog.locator('[aria-invalid="true"]').count()).toBe(1);
  const ofLong = dialog.getByRole('group', { name: 'Another price' });
  await rate(ofLong, 'Input').fill('2');
  await rate(ofLong, 'Output').fill('4');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await versions.filter({ hasText: 'Later' }).getByText('Long prompts, above 128K tokens').waitFor();
  await row.getByText('3 versions').waitFor();

  await signIn();
  const { prices } = await graphql(
    '{ prices(model: "gemini-2.5-flash-lite") { isOwn rates { audioInput } tiers { tier percent } } }',
  );
  expect(prices.map(({ isOwn }: { isOwn: boolean }) => isOwn)).toEqual([true, true, false]);
  expect(prices[1].rates.audioInput).toBe('0.3');
  expect(prices[1].tiers).toContainEqual({ tier: 'flex', percent: 40 });
  expect(complaints).toEqual([]);
});

test('a model without a price gets one, and past requests are priced anew', async () => {
  const now = Date.now();
  const [old, cut] = [history('req_old', now - 2000), history('req_cut', now - 1000)];
  const events = [old.accepted(), old.completed(), cut.accepted(), cut.aborted()];
  const { page, complaints, dialog } = await openPrices({ DATA_DIR: await dataFolderWith(events) });
  const unpriced = page.getByTestId('unpriced-model');
  await unpriced.getByText('2 requests').waitFor();
  await page.getByLabel('Filter by model').fill('gemini-x');
  await page.getByText('No model with “gemini-x” in its name has a price.').waitFor();
  await page.getByRole('region', { name: 'Models and prices' }).getByRole('button', { name: 'Set a price' }).click();
  expect(await dialog.getByLabel('Model').inputValue()).toBe('gemini-x');
  await rate(dialog, 'Input').fill('1');
  await rate(dialog, 'Output').fill('2');
  await dialog.getByLabel('Holds from').selectOption('BEGINNING');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await rowsOf(page).getByText('from the beginning').waitFor();

  await page.getByRole('button', { name: 'Price past requests anew' }).click();
  await dialog.getByLabel('Model').fill('gemini-flash-latest');
  await dialog.getByLabel('Until').fill('2020-01-01T00:00');
  await dialog.getByRole('button', { name: 'Price anew' }).click();
  await dialog.getByText('The range ends before it begins.').waitFor();
  await dialog.getByLabel('Until').fill('2099-01-01T00:00');
  await dialog.getByRole('button', { name: 'Price anew' }).click();
  await dialog.getByText('2 requests have another cost now.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => unpriced.count(), { timeout: 8000 }).toBe(0);
  await page.getByRole('link', { name: 'Overview' }).first().click();
  await expect
    .poll(() => page.getByTestId('overview-total-cost').textContent(), { timeout: 8000 })
    .toMatch(/\$0\.0000\d/);
  expect(await page.getByTestId('unpriced').count()).toBe(0);
  expect(complaints).toEqual([]);
});
