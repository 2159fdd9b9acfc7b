import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const name = '@portkey-ai/gateway';
const version = '1.15.2';

/** Installs Portkey's gateway beside nothing of ours, once per machine. @returns Its folder. */
export function installPortkey(): string {
  const prefix = join(tmpdir(), `gemini-pool-bench-portkey-${version}`);
  const folder = join(prefix, 'node_modules', name);
  if (!existsSync(folder)) {
    mkdirSync(prefix, { recursive: true });
    const args = ['install', '--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`];
    const { status } = spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`npm could not install ${name}@${version}`);
  }
  return folder;
}

/** After `node`, in its folder. */
export function portkeyArguments(port: number): string[] {
  return ['build/start-server.js', `--port=${port}`, '--headless'];
}

/** Its upstream is told by the caller. */
export function portkeyHeaders(mockPort: number): Record<string, string> {
  return {
    'x-portkey-provider': 'google',
    'x-portkey-custom-host': `http://127.0.0.1:${mockPort}/v1beta`,
    authorization: 'Bearer AQ.bench-key-of-portkey',
  };
}
