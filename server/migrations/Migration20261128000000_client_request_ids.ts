import { Migration } from '@mikro-orm/migrations';

/** A request can be found by the id that its client gave it; those of the past have theirs in the ledger. */
export class Migration20261128000000_client_request_ids extends Migration {
  override up(): void {
    this.addSql(`alter table request add column client_request_id text`);
    this.addSql(`update request set client_request_id =
      (select body ->> '$.clientRequestId' from usage_event where position = request.accepted_position)`);
    // Most requests have none and take no room in it.
    this.addSql(`create index request_client_request_id on request (client_request_id, accepted_position)
      where client_request_id is not null`);
  }
}
