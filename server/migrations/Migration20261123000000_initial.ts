import { Migration } from '@mikro-orm/migrations';

/** The first schema. Times are milliseconds since 1970 in UTC; ids carry their kind as a prefix. */
export class Migration20261123000000_initial extends Migration {
  override up(): void {
    this.addSql(`create table usage_event (
      position integer primary key,
      event_id text not null unique,
      type text not null,
      schema integer not null,
      request_id text,
      actor text,
      occurred_at integer not null,
      recorded_at integer not null,
      boot_id text not null,
      body text not null,
      hash blob not null
    ) strict`);
    this.addSql(`create unique index usage_event_accepted on usage_event (request_id) where type = 'RequestAccepted'`);
    // Not `type in (…)`: SQLite would build a table of that list again for every insert, a third of its time.
    this.addSql(`create unique index usage_event_terminal on usage_event (request_id) where type = 'RequestCompleted'
      or type = 'RequestFailed' or type = 'RequestAborted' or type = 'RequestRejected'`);
    this.addSql(`create index usage_event_audit on usage_event (position) where actor is not null`);
    this.addSql(`create trigger usage_event_no_update before update on usage_event
      begin select raise(abort, 'usage events are append-only'); end`);
    this.addSql(`create trigger usage_event_no_delete before delete on usage_event
      begin select raise(abort, 'usage events are append-only'); end`);
    this.addSql(`create table ledger_head (
      id integer primary key check (id = 1),
      position integer not null,
      hash blob not null,
      recorded_at integer not null
    ) strict`);
    this.addSql(`insert into ledger_head (id, position, hash, recorded_at) values (1, 0, zeroblob(32), 0)`);
    this.addSql(`create table projection_checkpoint (
      name text primary key,
      position integer not null
    ) strict, without rowid`);

    this.addSql(`create table request (
      accepted_position integer primary key,
      request_id text not null unique,
      outcome text not null,
      format text not null,
      client_key_id text not null,
      upstream_key_id text,
      requested_model text not null,
      served_model text,
      is_streaming integer not null,
      http_status integer,
      finish_reason text,
      error_code text,
      error_message text,
      input_tokens integer not null default 0 check (input_tokens >= 0),
      cached_input_tokens integer not null default 0 check (cached_input_tokens >= 0),
      output_tokens integer not null default 0 check (output_tokens >= 0),
      reasoning_tokens integer not null default 0 check (reasoning_tokens >= 0),
      total_tokens integer not null default 0 check (total_tokens >= 0),
      usage_source text,
      started_at integer not null,
      duration_ms integer,
      time_to_first_token_ms integer,
      attempts text not null
    ) strict`);
    this.addSql(`create index request_open on request (accepted_position) where outcome = 'IN_PROGRESS'`);
    this.addSql(`create table usage_bucket (
      hour integer not null,
      client_key_id text not null,
      upstream_key_id text not null,
      model text not null,
      requests integer not null,
      succeeded integer not null,
      failed integer not null,
      cancelled integer not null,
      rejected integer not null,
      input_tokens integer not null,
      cached_input_tokens integer not null,
      output_tokens integer not null,
      reasoning_tokens integer not null,
      total_tokens integer not null,
      estimated_requests integer not null,
      last_used_at integer not null,
      primary key (hour, client_key_id, upstream_key_id, model)
    ) strict, without rowid`);

    this.addSql(`create table client_key (
      id text primary key,
      name text not null,
      secret_hash text unique,
      prefix text not null,
      last_four text not null,
      is_enabled integer not null,
      created_at integer not null,
      updated_at integer not null,
      deleted_at integer
    ) strict`);
    this.addSql(`create table upstream_key (
      id text primary key,
      label text,
      masked_key text not null,
      fingerprint text not null unique,
      ciphertext text,
      source text not null,
      is_enabled integer not null,
      rejection text,
      rejection_message text,
      rejected_at integer,
      created_at integer not null,
      updated_at integer not null,
      deleted_at integer
    ) strict`);
    this.addSql(`create table account (
      id text primary key,
      username text not null unique collate nocase,
      password_hash text not null,
      role text not null,
      session_version integer not null,
      created_at integer not null,
      updated_at integer not null
    ) strict`);
    this.addSql(`create table session (
      id text primary key,
      account_id text not null,
      token_hash text not null,
      previous_hash text,
      rotated_at integer not null,
      created_at integer not null,
      expires_at integer not null
    ) strict`);
  }
}
