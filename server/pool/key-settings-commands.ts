import type { CommandHandler } from '../ledger/commands.ts';
import { QuotaRuleRow, UpstreamKeyGroup } from './key-settings.entity.ts';
import { type QuotaRule, ruleId } from './quota-rules.ts';

/** A proxy as it is kept, and as it is shown; null for none. */
export interface SealedProxy {
  sealed: string;
  shown: string;
}

/** The proxy of all keys of a group that have none of their own. */
const setGroupProxy: CommandHandler<{ group: string; proxy: SealedProxy | null; actor: string }, null> = async (
  { em, now },
  { group, proxy, actor },
) => {
  if (proxy) await em.upsert(UpstreamKeyGroup, { name: group, proxy: proxy.sealed });
  else await em.nativeDelete(UpstreamKeyGroup, { name: group });
  const body = { type: 'UpstreamKeyGroupUpdated', group, proxy: proxy?.shown ?? null } as const;
  return { events: [{ body, actor, occurredAt: now }], result: null };
};

/** Without limits the rule is gone. */
const setRule: CommandHandler<{ rule: QuotaRule; actor: string }, null> = async ({ em, now }, { rule, actor }) => {
  const id = ruleId(rule);
  if (Object.keys(rule.limits).length === 0) await em.nativeDelete(QuotaRuleRow, { id });
  else await em.upsert(QuotaRuleRow, { id, ...rule });
  return { events: [{ body: { type: 'QuotaRuleSet', ...rule }, actor, occurredAt: now }], result: null };
};

export const keySettingsCommands = {
  'upstreamKey.setGroupProxy': setGroupProxy,
  'quotaRule.set': setRule,
};
