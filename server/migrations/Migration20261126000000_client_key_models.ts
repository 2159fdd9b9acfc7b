import { Migration } from '@mikro-orm/migrations';

/** What a client key may use: a JSON list of patterns, null for all models. */
export class Migration20261126000000_client_key_models extends Migration {
  override up(): void {
    this.addSql(`alter table client_key add column allowed_models text`);
  }
}
