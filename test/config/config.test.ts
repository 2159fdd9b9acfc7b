import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../server/config.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const dotEnv = (text: string) => writeFileSync(join(folder, '.env'), text);

describe('defaults', () => {
  test('everything is optional', () => {
    const config = readConfig({}, folder);
    expect(config).toMatchObject({
      geminiApiKeys: [],
      geminiBaseUrl: 'https://generativelanguage.googleapis.com',
      adminUsername: 'admin',
      adminPassword: null,
      listen: { host: '127.0.0.1', port: 8080 },
      databaseFile: join(folder, 'data', 'gemini-pool.db'),
      warnings: [],
    });
  });

  test('an empty value is no value', () => {
    expect(readConfig({ LISTEN_ADDR: '', JWT_SECRET: ' ' }, folder).listen.port).toBe(8080);
  });
});

describe('sources', () => {
  test('the environment wins over .env', () => {
    dotEnv('ADMIN_USERNAME=file\nLOG_LEVEL=warn\n');
    const config = readConfig({ ADMIN_USERNAME: 'environment' }, folder);
    expect(config.adminUsername).toBe('environment');
    expect(config.logLevel).toBe('warn');
  });

  test('a misspelt name in .env stops the start and names the nearest', () => {
    dotEnv('GEMINI_API_KEY=AIzaX\n');
    expect(() => readConfig({}, folder)).toThrow(
      '.env: GEMINI_API_KEY is not a setting. Did you mean GEMINI_API_KEYS?',
    );
  });

  test('a misspelt name in the environment is a warning', () => {
    expect(readConfig({ LISTEN_ADR: 'x' }, folder).warnings).toEqual([
      'LISTEN_ADR is not a setting. Did you mean LISTEN_ADDR?',
    ]);
  });

  test("the old program's .env is read as it is", () => {
    dotEnv(
      [
        'GEMINI_API_KEYS=AIzaOne,AIzaTwo',
        'ADMIN_USERNAME=admin',
        'ADMIN_PASSWORD=secret',
        'DATABASE_URL=sqlite:./gemini_pool.db',
        'LISTEN_ADDR=0.0.0.0:8080',
        'RUST_LOG=info',
      ].join('\n'),
    );
    expect(readConfig({}, folder)).toMatchObject({
      geminiApiKeys: ['AIzaOne', 'AIzaTwo'],
      databaseFile: join(folder, 'data', 'gemini_pool.db'),
      ancestorDatabaseFile: join(folder, 'gemini_pool.db'),
      listen: { host: '0.0.0.0', port: 8080 },
      logLevel: 'info',
    });
  });
});

describe('a value that is not accepted stops the start with its name and what it takes', () => {
  test.for([
    ['LISTEN_ADDR', '8080'],
    ['LISTEN_ADDR', '127.0.0.1:70000'],
    ['GEMINI_BASE_URL', 'generativelanguage.googleapis.com'],
    ['GEMINI_API_KEYS', 'one key,two'],
    ['JWT_SECRET', 'your_jwt_secret_change_in_production'],
    ['JWT_SECRET', 'short'],
    ['ENCRYPTION_KEY', '0123'],
    ['DATABASE_URL', 'postgres://localhost/pool'],
    ['SHUTDOWN_GRACE_SECONDS', '-1'],
    ['LOG_LEVEL', 'loud'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', '10.0.0.0/'],
    ['STRICT_PARAMS', 'yes'],
    ['IMAGE_FETCH_ALLOW', 'minio.internal:9000'],
    ['IMAGE_FETCH_ALLOW', 'http://minio.internal'],
    ['IMAGE_FETCH_ALLOW', '*.internal'],
    ['IMAGE_FETCH_ALLOW', 'minio.internal,'],
    ['IMAGE_FETCH_ALLOW', '10.0.0.0/'],
    ['IMAGE_FETCH_ALLOW', '10.0.0.0/8/8'],
    ['IMAGE_FETCH_ALLOW', 'fd00::/129'],
    ['IMAGE_FETCH_ALLOW', 'fe80::1%eth0'],
    ['IMAGE_FETCH_ALLOW', '0x7f.1'],
  ])('%s=%s', ([name, text]) => {
    const read = () => readConfig({ [name as string]: text }, folder);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${name} is not accepted. It takes .{5,}`));
  });

  test('and never repeats the value', () => {
    expect(() => readConfig({ JWT_SECRET: 'hunter2' }, folder)).not.toThrow(/hunter2/);
  });
});
