import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

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
