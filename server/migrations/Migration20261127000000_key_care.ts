import { Migration } from '@mikro-orm/migrations';

/** Keys have tags and a group; jobs and what came of their rows survive a restart. */
export class Migration20261127000000_key_care extends Migration {
  override up(): void {
    this.addSql(`alter table upstream_key add column tags text not null default '[]'`);
    this.addSql(`alter table upstream_key add column group_name text`);
    this.addSql(`create table job (
      id text primary key,
      kind text not null,
      status text not null,
      actor text not null,
      concurrency integer not null check (concurrency > 0),
      sealed_rows text,
      total integer not null check (total >= 0),
      started_at integer not null,
      finished_at integer,
      failure text
    ) strict`);
    this.addSql(`create table job_row (
      job_id text not null references job (id) on delete cascade,
      number integer not null,
      masked_key text not null,
      outcome text not null,
      message text,
      upstream_key_id text,
      primary key (job_id, number)
    ) strict, without rowid`);
  }
}
