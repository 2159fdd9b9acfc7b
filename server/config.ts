import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import leven from 'leven';
import { isKnownExample } from './secrets/known-examples.ts';

/** One setting: how its text is read, what it accepts in words, what holds without it, and what it means. */
interface Setting<Value> {
  /** Returns the value, or undefined for a text that is not accepted. */
  parse(text: string): Value | undefined;
  accepts: string;
  default: Value;
  /** The default as people would write it; empty when there is none. */
  defaultText: string;
  meaning: string;
}

const secretBytesMin = 32;

/** How one of several free upstream keys is chosen. */
export type Strategy = (typeof strategies)[number];
const strategies = ['least-used', 'weighted', 'fill-first', 'sticky'] as const;

/** Every setting there is, in the order of `.env.example`. All are optional. */
export const settings = {
  GEMINI_API_KEYS: setting<readonly string[]>({
    parse: parseKeys,
    accepts: 'Gemini API keys separated by commas, each without spaces inside',
    default: [],
    defaultText: '',
    meaning: 'Upstream keys that join the pool at start. More can be added in the dashboard.',
  }),
  GEMINI_BASE_URL: setting<string>({
    parse: parseHttpUrl,
    accepts: 'an http or https address without query, such as https://generativelanguage.googleapis.com',
    default: 'https://generativelanguage.googleapis.com',
    defaultText: 'https://generativelanguage.googleapis.com',
    meaning: 'Where Gemini answers.',
  }),
  ADMIN_USERNAME: setting<string>({
    parse: (text) => (/^[^\s:]{1,64}$/u.test(text) ? text : undefined),
    accepts: '1 to 64 characters without spaces or colons',
    default: 'admin',
    defaultText: 'admin',
    meaning: "The owner's name.",
  }),
  ADMIN_PASSWORD: setting<string | null>({
    parse: (text) => (text.length <= 128 ? text : undefined),
    accepts: 'up to 128 characters, better 12 or more',
    default: null,
    defaultText: '',
    meaning: "The owner's password at every start. Without it the first start prints a one-time setup code.",
  }),
  JWT_SECRET: setting<string | null>({
    parse: (text) => (Buffer.byteLength(text) >= secretBytesMin && !isKnownExample(text) ? text : undefined),
    accepts: 'at least 32 characters that stand in no example, such as the output of: openssl rand -hex 32',
    default: null,
    defaultText: '',
    meaning: 'Signs the sessions of the dashboard. Generated into DATA_DIR when absent.',
  }),
  ENCRYPTION_KEY: setting<Buffer | null>({
    parse: parseEncryptionKey,
    accepts: '32 bytes as 64 hex digits or base64, such as the output of: openssl rand -hex 32',
    default: null,
    defaultText: '',
    meaning:
      'Encrypts the upstream keys at rest. Generated into DATA_DIR when absent. Keep a copy: without it they are lost.',
  }),
  DATABASE_URL: setting<string>({
    parse: parseDatabaseUrl,
    accepts: 'sqlite: and a file name, such as sqlite:gemini-pool.db (PostgreSQL is not supported yet)',
    default: 'gemini-pool.db',
    defaultText: 'sqlite:gemini-pool.db',
    meaning:
      "The database. A relative name lies in DATA_DIR. The old Rust program's file may stand here: its client keys are taken over.",
  }),
  DATA_DIR: setting<string>({
    parse: (text) => text,
    accepts: 'a folder',
    default: './data',
    defaultText: './data',
    meaning: 'The folder of the database and the generated secrets.',
  }),
  MODELS_FILE: setting<string>({
    parse: (text) => text,
    accepts: 'a file',
    default: 'models.json',
    defaultText: 'models.json',
    meaning:
      'Aliases, rules and hidden models, see docs/models.md. A relative name lies in DATA_DIR; it may be absent.',
  }),
  LISTEN_ADDR: setting<ListenAddress>({
    parse: parseListenAddress,
    accepts: 'host:port, such as 127.0.0.1:8080 or [::1]:8080',
    default: { host: '127.0.0.1', port: 8080 },
    defaultText: '127.0.0.1:8080',
    meaning: 'Where the gateway and its dashboard answer. 0.0.0.0:8080 opens them to the network.',
  }),
  LOG_LEVEL: setting<string>({
    parse: (text) => (logLevels.includes(text) ? text : undefined),
    accepts: 'trace, debug, info, warn, error, fatal or silent',
    default: 'info',
    defaultText: 'info',
    meaning: 'How much is logged. Prompts, answers and keys never are.',
  }),
  SHUTDOWN_GRACE_SECONDS: setting<number>({
    parse: wholeNumber(0, 3600),
    accepts: 'a whole number from 0 to 3600',
    default: 30,
    defaultText: '30',
    meaning: 'How long running requests may go on after the process was asked to stop.',
  }),
  HEARTBEAT_SECONDS: setting<number>({
    parse: wholeNumber(1, 300),
    accepts: 'a whole number from 1 to 300',
    default: 10,
    defaultText: '10',
    meaning: 'After so much silence a stream gets a comment line, so that no proxy in between cuts it.',
  }),
  POOL_WAIT_SECONDS: setting<number>({
    parse: wholeNumber(0, 600),
    accepts: 'a whole number from 0 to 600',
    default: 20,
    defaultText: '20',
    meaning:
      'How long a request waits for a key when all are at their limits and one will be free in that time; 0: it is refused at once.',
  }),
  POOL_STRATEGY: setting<Strategy>({
    parse: (text) => strategies.find((strategy) => strategy === text),
    accepts: strategies.join(', '),
    default: 'least-used',
    defaultText: 'least-used',
    meaning: 'Which of several free keys is taken, see docs/pool.md.',
  }),
  TRUSTED_PROXIES: setting<TrustedProxies>({
    parse: parseTrustedProxies,
    accepts: 'a number of hops, or addresses and CIDR ranges separated by commas',
    default: { hops: 0 },
    defaultText: '0',
    meaning: 'Whose X-Forwarded-For and X-Forwarded-Proto are believed.',
  }),
  IMAGE_FETCH_ALLOW: setting<MediaAllow>({
    parse: parseMediaAllow,
    accepts: 'host names, addresses and CIDR ranges separated by commas, without ports',
    default: { hosts: new Set(), ranges: new BlockList() },
    defaultText: '',
    meaning:
      'Hosts, addresses or CIDR ranges from which pictures and other media may be fetched although they are private, on any port.',
  }),
  LEDGER_KEEP_DAYS: setting<number>({
    parse: wholeNumber(0, 36_500),
    accepts: 'a whole number from 0 to 36500',
    default: 0,
    defaultText: '0',
    meaning:
      'Days whose events and requests stay in the database; older ones are moved to compressed files in DATA_DIR/archive, and all totals stay. 0 keeps all.',
  }),
  DRAIN_CANCELLED: setting<boolean>({
    parse: parseBoolean,
    accepts: 'true or false',
    default: false,
    defaultText: 'false',
    meaning:
      'true lets an unstreamed call whose client left go on to its end (20 at a time, 60 s), so that the ledger learns what it cost. false ends it at once.',
  }),
  STRICT_PARAMS: setting<boolean>({
    parse: parseBoolean,
    accepts: 'true or false',
    default: false,
    defaultText: 'false',
    meaning:
      'Refuse a request with a field that has no effect. Otherwise such fields are ignored and told in x-ignored-params.',
  }),
  HTTPS_PROXY: setting<string | null>({
    parse: parseHttpUrl,
    accepts: 'an http or https address',
    default: null,
    defaultText: '',
    meaning: 'The proxy through which Gemini is called over https.',
  }),
  NO_PROXY: setting<string | null>({
    parse: (text) => text,
    accepts: 'host names separated by commas',
    default: null,
    defaultText: '',
    meaning: 'Hosts that are called without the proxy.',
  }),
};

export interface ListenAddress {
  host: string;
  port: number;
}

/** Which peers may tell the caller's address: a fixed number of proxies in front, or the proxies' own addresses. */
export type TrustedProxies = { hops: number } | { ranges: BlockList };

/** From where media may be fetched although it is private: host names in lower case, and address ranges. */
export interface MediaAllow {
  hosts: ReadonlySet<string>;
  ranges: BlockList;
}

/** All settings, read once and frozen. Paths are absolute. */
export interface Config {
  geminiApiKeys: readonly string[];
  geminiBaseUrl: string;
  adminUsername: string;
  adminPassword: string | null;
  jwtSecret: string | null;
  encryptionKey: Buffer | null;
  databaseFile: string;
  /** Where the old program would have kept the database that DATABASE_URL names: relative to the working folder. */
  ancestorDatabaseFile: string;
  dataDir: string;
  modelsFile: string;
  listen: ListenAddress;
  logLevel: string;
  shutdownGraceSeconds: number;
  heartbeatSeconds: number;
  poolWaitSeconds: number;
  poolStrategy: Strategy;
  trustedProxies: TrustedProxies;
  imageFetchAllow: MediaAllow;
  ledgerKeepDays: number;
  drainCancelled: boolean;
  strictParams: boolean;
  httpsProxy: string | null;
  noProxy: string | null;
  /** Sentences for the log: what was probably meant otherwise. */
  warnings: readonly string[];
}

/** A setting that stops the start; the message names it and what it accepts. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Texts = Readonly<Record<string, string | undefined>>;
type SettingName = keyof typeof settings;

/**
 * Reads the settings from the environment, then `.env` in the working folder, then the defaults.
 * @throws ConfigError for a value that is not accepted and for a name in `.env` that is nearly one of ours.
 */
export function readConfig(environment: Texts = process.env, workingDir = process.cwd()): Config {
  const fromFile = readDotEnv(resolve(workingDir, '.env'));
  const misspeltInFile = misspeltNames(Object.keys(fromFile))[0];
  if (misspeltInFile) throw new ConfigError(`.env: ${misspeltInFile}`);
  const texts: Texts = { ...withOldNames(fromFile), ...present(withOldNames(environment)) };
  const read = <Name extends SettingName>(name: Name) => readSetting(name, texts[name]);
  const dataDir = resolve(workingDir, read('DATA_DIR'));
  return Object.freeze({
    geminiApiKeys: read('GEMINI_API_KEYS'),
    geminiBaseUrl: read('GEMINI_BASE_URL'),
    adminUsername: read('ADMIN_USERNAME'),
    adminPassword: read('ADMIN_PASSWORD'),
    jwtSecret: read('JWT_SECRET'),
    encryptionKey: read('ENCRYPTION_KEY'),
    databaseFile: resolve(dataDir, read('DATABASE_URL')),
    ancestorDatabaseFile: resolve(workingDir, read('DATABASE_URL')),
    dataDir,
    modelsFile: resolve(dataDir, read('MODELS_FILE')),
    listen: read('LISTEN_ADDR'),
    logLevel: read('LOG_LEVEL'),
    shutdownGraceSeconds: read('SHUTDOWN_GRACE_SECONDS'),
    heartbeatSeconds: read('HEARTBEAT_SECONDS'),
    poolWaitSeconds: read('POOL_WAIT_SECONDS'),
    poolStrategy: read('POOL_STRATEGY'),
    trustedProxies: read('TRUSTED_PROXIES'),
    imageFetchAllow: read('IMAGE_FETCH_ALLOW'),
    ledgerKeepDays: read('LEDGER_KEEP_DAYS'),
    drainCancelled: read('DRAIN_CANCELLED'),
    strictParams: read('STRICT_PARAMS'),
    httpsProxy: read('HTTPS_PROXY'),
    noProxy: read('NO_PROXY'),
    warnings: [...misspeltNames(Object.keys(environment)), ...weakPassword(read('ADMIN_PASSWORD'))],
  });
}

function readSetting<Name extends SettingName>(name: Name, text: string | undefined) {
  type Value = (typeof settings)[Name]['default'];
  const definition = settings[name] as unknown as Setting<Value>;
  if (text === undefined || text.trim() === '') return definition.default;
  const value = definition.parse(text.trim());
  // The refused value is not repeated: it may be a secret.
  if (value === undefined) throw new ConfigError(`${name} is not accepted. It takes ${definition.accepts}.`);
  return value;
}

function readDotEnv(file: string): Texts {
  try {
    return present(parseEnv(readFileSync(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError(`.env cannot be read: ${(error as Error).message}`);
  }
}

/** An empty value is no value: `.env` files often keep empty lines for settings that are not used. */
function present(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined && text !== ''));
}

/** The ancestor's RUST_LOG and the lower-case proxy names that other tools use. */
function withOldNames(texts: Texts): Texts {
  return {
    LOG_LEVEL: texts.RUST_LOG && logLevels.includes(texts.RUST_LOG) ? texts.RUST_LOG : undefined,
    HTTPS_PROXY: texts.https_proxy,
    NO_PROXY: texts.no_proxy,
    ...present(texts),
  };
}

/** One sentence for each name that is not ours but nearly is. */
function misspeltNames(names: string[]): string[] {
  const known = Object.keys(settings);
  return names.flatMap((name) => {
    if (known.includes(name) || notOurs.has(name)) return [];
    const nearest = known.find((candidate) => leven(name.toUpperCase(), candidate) <= (candidate.length > 8 ? 2 : 1));
    return nearest ? [`${name} is not a setting. Did you mean ${nearest}?`] : [];
  });
}

/** The old program's users bring short ones; they are let in with a warning. */
function weakPassword(password: string | null): string[] {
  const isShort = password !== null && password.length < passwordCharactersGood;
  return isShort ? [`ADMIN_PASSWORD is short; ${passwordCharactersGood} characters or more are hard to guess.`] : [];
}

const passwordCharactersGood = 12;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
/** Names that other programs use and that are close to ours. */
const notOurs = new Set(['HTTP_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']);

function setting<Value>(definition: Setting<Value>): Setting<Value> {
  return definition;
}

function wholeNumber(min: number, max: number) {
  return (text: string): number | undefined => {
    const value = Number(text);
    return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : undefined;
  };
}

function parseBoolean(text: string): boolean | undefined {
  return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined;
}

function parseKeys(text: string): string[] | undefined {
  const keys = text.split(',').map((key) => key.trim());
  const named = keys.filter((key) => key !== '');
  return named.every((key) => /^[\x21-\x7e]{1,256}$/.test(key)) ? [...new Set(named)] : undefined;
}

function parseHttpUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  return url.search === '' && url.hash === '' ? text.replace(/\/+$/, '') : undefined;
}

function parseEncryptionKey(text: string): Buffer | undefined {
  if (isKnownExample(text)) return undefined;
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  return key.length === secretBytesMin ? key : undefined;
}

function parseDatabaseUrl(text: string): string | undefined {
  const file = /^sqlite:(?:\/\/(?=[./]))?([^?]+)(?:\?mode=\w+)?$/.exec(text)?.[1];
  return file && file !== ':memory:' ? file : undefined;
}

function parseListenAddress(text: string): ListenAddress | undefined {
  const [, bracketed, plain, portText] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(portText);
  if (portText === undefined || port > 65_535) return undefined;
  return { host: bracketed ?? (plain || '0.0.0.0'), port };
}

function parseTrustedProxies(text: string): TrustedProxies | undefined {
  if (/^\d{1,2}$/.test(text)) return { hops: Number(text) };
  const ranges = new BlockList();
  return text.split(',').every((entry) => addRange(ranges, entry.trim())) ? { ranges } : undefined;
}

function parseMediaAllow(text: string): MediaAllow | undefined {
  const hosts = new Set<string>();
  const ranges = new BlockList();
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (addRange(ranges, entry)) continue;
    // As fetching will see it: in lower case, international names in punycode. Not `0x7f.1`, which is an address in disguise.
    const host = /^[^\s:/@?#%*[\]\\]+$/.test(entry) ? URL.parse(`http://${entry}`)?.hostname.replace(/\.$/, '') : '';
    if (!host || isIP(host)) return undefined;
    hosts.add(host);
  }
  return { hosts, ranges };
}

/** Adds an address or a CIDR range; false for anything else. */
function addRange(ranges: BlockList, entry: string): boolean {
  const [, address = '', prefix] = /^([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i.exec(entry) ?? [];
  const family = isIP(address);
  const bitsMax = family === 6 ? 128 : 32;
  const bits = Number(prefix ?? bitsMax);
  if (family === 0 || bits > bitsMax) return false;
  ranges.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  return true;
}
