import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, openPage } from '../support/browser.ts';
import { password, startTestGateway } from '../support/gateway.ts';
import { exhausted } from '../support/gemini-failures.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** The key pool of a gateway, with the owner signed in. */
async function openKeyPool(settings: Record<string, string>) {
  const gateway = await startTestGateway(settings);
  const { page, complaints } = await openPage(browser, `${gateway.url}/app/key-pool`);
  await page.getByLabel('Username').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Key pool' }).waitFor();
  return { ...gateway, page, complaints };
}

const rowsOf = (page: Page) => page.getByTestId('upstream-key-row');
const googleKey = (index: number) => `AIza${String(index).padStart(35, '0')}`;

test('keys of a CSV file are counted before they are added, then found by group and tag in the address', async () => {
  const { page, url, complaints } = await openKeyPool({ GEMINI_API_KEYS: googleKey(1) });
  await page.getByRole('button', { name: 'Add keys' }).click();
  const csv = `key,label,tags,group\n${googleKey(1)},,,\n${googleKey(2)},Ann,x;y,east\n${googleKey(3)},Bob,x,west\n${googleKey(3)},,,\nno key,,,\n`;
  const file = { name: 'keys.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) };
  await page.getByTestId('import-file').setInputFiles({ ...file, buffer: Buffer.from('key,colour\nx,red\n') });
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('There is no column “colour”').waitFor();
  await page.getByTestId('import-file').setInputFiles({ ...file, buffer: Buffer.alloc(1_100_000, 'x') });
  await page.getByText('This is too large').waitFor();
  await page.getByTestId('import-file').setInputFiles(file);
  await page.getByText('From keys.csv').waitFor();
  await page.getByRole('button', { name: 'Check' }).click();
  const counts = ['new', 'stored', 'repeated', 'malformed'].map((name) => page.getByTestId(`import-${name}`));
  await counts[0]?.waitFor();
  expect(await Promise.all(counts.map((count) => count.textContent()))).toEqual(['2', '1', '1', '1']);
  expect(await rowsOf(page).count()).toBe(1);
  await page.getByRole('button', { name: 'Add 2 keys' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('5 of 5').waitFor();
  await dialog.getByText('Not accepted', { exact: false }).first().click();
  await expect.poll(() => dialog.getByRole('listitem').count()).toBe(1);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => rowsOf(page).count()).toBe(3);

  await page.getByTestId('filter-group').selectOption('east');
  await expect.poll(() => rowsOf(page).allTextContents()).toEqual([expect.stringContaining('Ann')]);
  expect(page.url()).toContain('group=east');
  await page.goto(`${url}/app/key-pool?tag=x`);
  await expect.poll(() => rowsOf(page).count()).toBe(2);
  await page.getByTestId('filter-tag').selectOption('y');
  await expect.poll(() => rowsOf(page).count()).toBe(1);
  await page.goBack();
  await expect.poll(() => rowsOf(page).count()).toBe(2);
  expect(complaints).toEqual([]);
});

test('the progress of a job is there again after the page was left, and it can be stopped', async () => {
  const { page, gemini, complaints } = await openKeyPool({ GEMINI_API_KEYS: [1, 2, 3].map(googleKey).join(',') });
  const gate = Promise.withResolvers<void>();
  gemini.answerListsWith((call) => (call.key === googleKey(1) ? null : { frames: [gate.promise] }));
  await page.getByRole('button', { name: 'Verify all' }).click();
  await page.getByLabel('Keys at a time').fill('2');
  await page.getByRole('dialog').getByRole('button', { name: 'Verify' }).click();
  await page.getByRole('dialog').getByText('1 of 3').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).first().click();
  await page.getByRole('link', { name: 'Overview' }).first().click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByRole('link', { name: 'Key pool' }).click();
  const running = page.getByTestId('running-job');
  await running.getByText('1 of 3').waitFor();
  await running.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  gate.resolve();
  await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
  await expect.poll(() => running.count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('selected keys are tagged, moved, switched off, exported behind the password and deleted', async () => {
  const { page, complaints } = await openKeyPool({ GEMINI_API_KEYS: [1, 2, 3].map(googleKey).join(',') });
  const bar = page.getByTestId('bulk-bar');
  const act = (name: string) => bar.getByRole('button', { name }).click();
  await page.getByRole('button', { name: 'Select all 3' }).click();
  await bar.getByText('3 keys selected').waitFor();
  await rowsOf(page).first().getByRole('checkbox').uncheck();
  await bar.getByText('2 keys selected').waitFor();

  await act('Tag');
  await page.getByLabel('Put on').fill('x, y');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('2 keys are changed.').waitFor();
  await act('Move');
  await page.getByLabel('Group').last().fill('east');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect.poll(() => rowsOf(page).filter({ hasText: 'east' }).filter({ hasText: 'x' }).count()).toBe(2);
  await act('Switch off');
  await expect.poll(() => rowsOf(page).filter({ hasText: 'Switched off' }).count()).toBe(2);

  await act('Export');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Your password').fill('not the password');
  await dialog.getByRole('button', { name: 'Show the keys' }).click();
  await dialog.getByText('This is not your password.').waitFor();
  await dialog.getByLabel('Your password').fill(password);
  await dialog.getByRole('button', { name: 'Show the keys' }).click();
  const content = await dialog.getByLabel('Exported keys').inputValue();
  expect(content.trim().split('\n')).toHaveLength(2);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: 'Download' }).click(),
  ]);
  expect(readFileSync(await download.path(), 'utf8')).toBe(content);
  await dialog.getByRole('button', { name: 'Close' }).click();
  expect(await page.content()).not.toContain(content.split('\n')[0]);

  await act('Delete');
  await page.getByTestId('confirm').click();
  await expect.poll(() => rowsOf(page).count()).toBe(1);
  await expect.poll(() => bar.count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('keys are told to be of one project, and what Google granted it is shown with what is used', async () => {
  const { page, gemini, openai, complaints } = await openKeyPool({
    GEMINI_API_KEYS: `${googleKey(1)},${googleKey(2)}`,
  });
  const client = await openai();
  gemini.answerWith(() => (gemini.generations().length === 1 ? { json: exhausted({ limit: 7 }), status: 429 } : null));
  await client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] });
  await rowsOf(page).first().getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Select all' }).first().click();
  await page.getByTestId('bulk-bar').getByRole('button', { name: 'Project' }).click();
  await page.getByRole('dialog').getByLabel('Project').fill('projects/12');
  await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click();
  await expect.poll(() => page.getByText('Project projects/12').count()).toBe(2);
  const quotas = rowsOf(page).last().getByTestId('quotas');
  await quotas.getByText('1 quota').click();
  await expect
    .poll(() => quotas.getByRole('listitem').textContent())
    .toMatch(/gemini-3.8-flash: requests a minute\s*1 \/ 7/);
  expect(complaints).toEqual([]);
});

test('limits are set beside those of Google, hold at once, and are taken away', async () => {
  const { page, openai, complaints } = await openKeyPool({ GEMINI_API_KEYS: googleKey(1) });
  const client = await openai();
  const ask = () =>
    client.chat.completions.create({ model: 'gemini-3.8-flash', messages: [{ role: 'user', content: 'x' }] }).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );
  await page.getByRole('button', { name: 'Limits' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Model').fill('gemini-*');
  await dialog.getByLabel('Requests a day').fill('one');
  await dialog.getByRole('button', { name: 'Set' }).click();
  await dialog.getByText('A limit is a whole number from 1.').waitFor();
  await dialog.getByLabel('Requests a day').fill('1');
  await dialog.getByRole('button', { name: 'Set' }).click();
  await dialog.getByTestId('quota-rule').getByText('1 Requests a day').waitFor();
  expect([await ask(), await ask()]).toEqual([200, 429]);
  await dialog.getByRole('button', { name: 'Take the limits of gemini-* away' }).click();
  await expect.poll(() => dialog.getByTestId('quota-rule').count()).toBe(0);
  expect(await ask()).toBe(200);
  expect(complaints).toEqual([]);
});
