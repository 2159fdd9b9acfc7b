import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A real Chromium: the machine's own if there is one, else the one in a package of the registry (Linux on x64). */
export async function launchBrowser(): Promise<Browser> {
  const places = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'];
  const own = places.find((path) => path && existsSync(path));
  return chromium.launch({ executablePath: own ?? (await packedChromium()), headless: true, args: flags });
}

async function packedChromium(): Promise<string> {
  // The package unpacks the libraries that a bare machine lacks only where it believes to run there.
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x';
  const { default: packed } = await import('@sparticuz/chromium');
  return packed.executablePath();
}

/** Where screenshots go when SCREENSHOTS is set, for people to look at. */
export function screenshotPath(name: string): string | null {
  const { SCREENSHOTS } = process.env;
  return SCREENSHOTS ? join(SCREENSHOTS === '1' ? tmpdir() : SCREENSHOTS, `${name}.png`) : null;
}

export const desktop = { width: 1440, height: 900 };

/** A page in a new browser profile, closed at the end of the test. What it complains about is gathered in `complaints`. */
export async function openPage(browser: Browser, url: string, { viewport = desktop, locale = 'en-GB' } = {}) {
  const context = await browser.newContext({ viewport, locale, reducedMotion: 'reduce' });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}
