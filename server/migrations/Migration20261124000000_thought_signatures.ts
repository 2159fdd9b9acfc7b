import { Migration } from '@mikro-orm/migrations';

/** Thought signatures survive a restart. */
export class Migration20261124000000_thought_signatures extends Migration {
  override up(): void {
    this.addSql(`create table thought_signature (
      key text primary key,
      signature text not null,
      model text not null,
      remembered_at integer not null
    ) strict`);
    this.addSql(`create index thought_signature_remembered_at on thought_signature (remembered_at)`);
  }
}
