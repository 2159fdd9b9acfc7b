import { Migration } from '@mikro-orm/migrations';

/** Thought signatures survive a restart, and how they came is counted. */
export class Migration20261124000000_thought_signatures extends Migration {
  override up(): void {
    this.addSql(`create table thought_signature (
      key text primary key,
      signature text not null,
      model text not null,
      remembered_at integer not null
    ) strict`);
    this.addSql(`create index thought_signature_remembered_at on thought_signature (remembered_at)`);
    for (const origin of ['client', 'restored', 'placeholder']) {
      const column = `${origin}_signatures integer not null default 0`;
      this.addSql(`alter table request add column ${column} check (${origin}_signatures >= 0)`);
      this.addSql(`alter table usage_bucket add column ${column}`);
    }
  }
}
