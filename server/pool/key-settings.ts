import type { Orm } from '../database.ts';
import { checkProxyUrl, maskProxy } from '../gemini/proxy-url.ts';
import type { Execute } from '../ledger/commands.ts';
import type { Vault } from '../secrets/vault.ts';
import { cleanName, problemOfGroup } from './key-marks.ts';
import { QuotaRuleRow, UpstreamKeyGroup } from './key-settings.entity.ts';
import type { keySettingsCommands } from './key-settings-commands.ts';
import type { Pool } from './pool.ts';
import { capsOf, type QuotaRule, ruleId } from './quota-rules.ts';
import { UpstreamKey } from './upstream-key.entity.ts';
import type { UpdateUpstreamKey, upstreamKeyCommands } from './upstream-key-commands.ts';
import type { UpstreamKeys } from './upstream-keys.ts';

/** What can be changed of one key; what is absent stays, null is back to the usual. */
export interface KeyUpdate {
  isEnabled?: boolean;
  /** 1 to `weightMax`. */
  weight?: number;
  connectionsMax?: number | null;
  proxyUrl?: string | null;
}

/** How keys are used: set by people, in the pool as soon as it is committed. */
export interface KeySettings {
  /** What is shown of a key's own proxy, and what is set beside it. */
  of(id: string): { proxy: string | null; weight: number; connectionsMax: number | null };
  /** @returns why it cannot be done, and of which field; null when it is done. @throws Refusal */
  update(id: string, update: KeyUpdate, actor: string): Promise<Problem | null>;
  /** What is shown of the proxies of groups, by name; a group need not have keys yet. */
  groupProxies(): ReadonlyMap<string, string>;
  updateGroup(group: string, proxyUrl: string | null, actor: string): Promise<Problem | null>;
  rules(): QuotaRule[];
  /** Takes the place of the rule about the same; without limits there is none. */
  setRule(rule: QuotaRule, actor: string): Promise<Problem | null>;
}

export interface Problem {
  field: string;
  message: string;
}

interface KeySettingsParts {
  execute: Execute<typeof keySettingsCommands & typeof upstreamKeyCommands>;
  orm: Orm;
  vault: Pick<Vault, 'seal' | 'open'>;
  pool: Pool;
  upstreamKeys: Pick<UpstreamKeys, 'details' | 'onMove'>;
  /** Whether a pattern of a rule stands for a model. */
  fitsModel(pattern: string, model: string): boolean;
}

export const weightMax = 1000;
const connectionsMaxMax = 10_000;
const limitMax = 1e12;
const rulesMax = 1000;
const groupProxiesMax = 1000;
const nameCharactersMax = 200;

const boundToKey = (id: string) => `upstream_key_proxy:${id}`;
const boundToGroup = (name: string) => `upstream_key_group_proxy:${name}`;

/** Reads what is set, and applies it to the keys of the pool: those there are, and those that come. */
export async function loadKeySettings(parts: KeySettingsParts): Promise<KeySettings> {
  const { execute, orm, vault, pool, upstreamKeys, fitsModel } = parts;
  const em = orm.em.fork();
  const ownProxies = new Map<string, string>();
  for (const { id, proxy, weight, connectionsMax = null } of await em.find(UpstreamKey, { deletedAt: null })) {
    if (proxy) ownProxies.set(id, vault.open(proxy, boundToKey(id)));
    pool.configure(id, { weight, connectionsMax });
  }
  const groupProxies = new Map<string, string>();
  for (const { name, proxy } of await em.find(UpstreamKeyGroup, {}))
    if (proxy) groupProxies.set(name, vault.open(proxy, boundToGroup(name)));
  const rules = new Map<string, QuotaRule>();
  for (const { id, upstreamKeyId = null, group = null, model = null, limits } of await em.find(QuotaRuleRow, {}))
    rules.set(id, { upstreamKeyId, group, model, limits });

  function apply(id: string): void {
    const group = upstreamKeys.details(id)?.group ?? null;
    const proxyUrl = ownProxies.get(id) ?? (group === null ? null : groupProxies.get(group)) ?? null;
    pool.configure(id, { proxyUrl, caps: capsOf([...rules.values()], { id, group }, fitsModel) });
  }
  const applyAll = () => {
    for (const { id } of pool.keys()) apply(id);
  };
  applyAll();
  pool.onChange(({ key, kind }) => {
    if (kind === 'added') apply(key.id);
    if (kind === 'removed') ownProxies.delete(key.id);
  });
  upstreamKeys.onMove(apply);

  return {
    of(id) {
      const own = ownProxies.get(id);
      const { weight = 1, connectionsMax = null } = pool.get(id) ?? {};
      return { proxy: own === undefined ? null : maskProxy(own), weight, connectionsMax };
    },
    async update(id, { proxyUrl, ...changes }, actor) {
      const problem = problemOf(changes);
      if (problem) return problem;
      const proxy = readProxy(proxyUrl);
      if (proxy && 'message' in proxy) return proxy;
      const command: UpdateUpstreamKey = { id, actor, ...changes };
      if (proxy !== undefined) command.proxy = proxy && sealed(proxy.url, boundToKey(id));
      await execute('upstreamKey.update', command);
      if (proxy !== undefined) put(ownProxies, id, proxy?.url);
      pool.configure(id, changes);
      apply(id);
      return null;
    },
    groupProxies: () => new Map([...groupProxies].map(([group, url]) => [group, maskProxy(url)])),
    async updateGroup(given, proxyUrl, actor) {
      const group = cleanName(given);
      if (group === null) return { field: 'group', message: 'Give the name of a group.' };
      const proxy = readProxy(proxyUrl) ?? null;
      if (proxy && 'message' in proxy) return proxy;
      const isOneMore = proxy !== null && !groupProxies.has(group) && groupProxies.size >= groupProxiesMax;
      const message = isOneMore ? `At most ${groupProxiesMax} groups have a proxy.` : problemOfGroup(group);
      if (message !== null) return { field: 'group', message };
      await execute('upstreamKey.setGroupProxy', {
        group,
        proxy: proxy && sealed(proxy.url, boundToGroup(group)),
        actor,
      });
      put(groupProxies, group, proxy?.url);
      applyAll();
      return null;
    },
    rules: () => [...rules.values()],
    async setRule(rule, actor) {
      const problem =
        problemOfRule(rule) ??
        (rules.size >= rulesMax ? { field: 'model', message: `At most ${rulesMax} rules.` } : null);
      if (problem) return problem;
      await execute('quotaRule.set', { rule, actor });
      put(rules, ruleId(rule), Object.keys(rule.limits).length > 0 ? rule : undefined);
      applyAll();
      return null;
    },
  };

  function sealed(url: string, boundTo: string) {
    return { sealed: vault.seal(url, boundTo), shown: maskProxy(url) };
  }
}

function put<Value>(map: Map<string, Value>, name: string, value: Value | undefined): void {
  if (value === undefined) map.delete(name);
  else map.set(name, value);
}

/** Undefined: it stays as it is. */
function readProxy(given: string | null | undefined): { url: string } | null | undefined | Problem {
  if (given === undefined) return undefined;
  if (given === null || given.trim() === '') return null;
  const checked = checkProxyUrl(given.trim());
  return 'problem' in checked ? { field: 'proxyUrl', message: checked.problem } : checked;
}

function problemOf({ weight, connectionsMax }: Omit<KeyUpdate, 'proxyUrl'>): Problem | null {
  if (weight !== undefined && !isWithin(weight, weightMax))
    return { field: 'weight', message: `A weight is a whole number from 1 to ${weightMax}.` };
  if (connectionsMax != null && !isWithin(connectionsMax, connectionsMaxMax))
    return {
      field: 'connectionsMax',
      message: `Takes a whole number from 1 to ${connectionsMaxMax}, or null for any number.`,
    };
  return null;
}

function problemOfRule({ group, model, limits }: QuotaRule): Problem | null {
  const wrong = Object.entries(limits).find(([, limit]) => !isWithin(limit, limitMax));
  if (wrong) return { field: wrong[0], message: 'A limit is a whole number from 1.' };
  const isTooLong = [group, model].some((name) => name !== null && (name === '' || name.length > nameCharactersMax));
  return isTooLong ? { field: 'model', message: `A group or a model has 1 to ${nameCharactersMax} characters.` } : null;
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}
