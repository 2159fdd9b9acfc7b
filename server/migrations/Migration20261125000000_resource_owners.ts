import { Migration } from '@mikro-orm/migrations';

/** Which upstream key made a file, cache or interaction at Google, and for which client key. */
export class Migration20261125000000_resource_owners extends Migration {
  override up(): void {
    this.addSql(`create table resource_owner (
      name text primary key,
      upstream_key_id text not null,
      client_key_id text not null,
      created_at integer not null
    ) strict, without rowid`);
    this.addSql(`create index resource_owner_age on resource_owner (created_at)`);
  }
}
