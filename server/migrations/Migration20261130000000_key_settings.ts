import { Migration } from '@mikro-orm/migrations';

/** What people set for keys: a proxy for one or for a group, how many calls at a time, and limits of their own. */
export class Migration20261130000000_key_settings extends Migration {
  override up(): void {
    this.addSql(`alter table upstream_key add column proxy text`);
    this.addSql(`alter table upstream_key add column connections_max integer check (connections_max > 0)`);
    this.addSql(`create table upstream_key_group (
      name text primary key,
      proxy text
    ) strict, without rowid`);
    this.addSql(`create table quota_rule (
      id text primary key,
      upstream_key_id text,
      group_name text,
      model text,
      limits text not null
    ) strict, without rowid`);
  }
}
