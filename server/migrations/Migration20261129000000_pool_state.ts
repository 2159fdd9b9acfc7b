import { Migration } from '@mikro-orm/migrations';

/** What the pool knows of its keys survives a restart: rests, quotas that Google told, and what people set for a key. */
export class Migration20261129000000_pool_state extends Migration {
  override up(): void {
    this.addSql(`alter table upstream_key add column project text`);
    this.addSql(`alter table upstream_key add column weight integer not null default 1 check (weight > 0)`);
    this.addSql(`create table upstream_key_rest (
      upstream_key_id text not null,
      model text not null,
      until integer not null,
      reason text not null,
      message text not null,
      primary key (upstream_key_id, model)
    ) strict, without rowid`);
    this.addSql(`create table upstream_key_quota (
      upstream_key_id text not null,
      model text not null,
      kind text not null,
      quota_limit integer not null check (quota_limit > 0),
      learned_at integer not null,
      primary key (upstream_key_id, model, kind)
    ) strict, without rowid`);
  }
}
