import { Migration } from '@mikro-orm/migrations';

/**
 * Requests have a cost, client keys have limits. What is derived from events gets new tables, and is derived anew at the next start: their
 * checkpoints are gone.
 */
export class Migration20261201000000_money_and_limits extends Migration {
  override up(): void {
    this.addSql('delete from projection_checkpoint');
    this.addSql('drop table request');
    this.addSql('drop table usage_bucket');
    this.addSql(`create table request (
      accepted_position integer primary key,
      ended_position integer,
      request_id text not null unique,
      client_request_id text,
      outcome text not null,
      format text not null,
      client_key_id text not null,
      upstream_key_id text,
      requested_model text not null,
      model text,
      served_model text,
      service_tier text,
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
      modalities text,
      usage_source text,
      cost_pico integer not null default 0 check (cost_pico >= 0),
      price_id text,
      unpriced_calls integer not null default 0,
      started_at integer not null,
      duration_ms integer,
      time_to_first_token_ms integer,
      attempts text not null,
      client_signatures integer not null default 0,
      restored_signatures integer not null default 0,
      placeholder_signatures integer not null default 0
    ) strict`);
    this.addSql(`create index request_open on request (accepted_position) where outcome = 'IN_PROGRESS'`);
    this.addSql(`create index request_client_request_id on request (client_request_id, accepted_position)
      where client_request_id is not null`);
    this.addSql(`create table usage_bucket (
      width_ms integer not null,
      start integer not null,
      client_key_id text not null,
      upstream_key_id text not null,
      model text not null,
      format text not null,
      outcome text not null,
      requests integer not null,
      input_tokens integer not null,
      cached_input_tokens integer not null,
      output_tokens integer not null,
      reasoning_tokens integer not null,
      total_tokens integer not null,
      cost_pico integer not null,
      unpriced_requests integer not null,
      estimated_requests integer not null,
      last_used_at integer not null,
      client_signatures integer not null,
      restored_signatures integer not null,
      placeholder_signatures integer not null,
      durations text not null,
      first_tokens text not null,
      primary key (width_ms, start, client_key_id, upstream_key_id, model, format, outcome)
    ) strict, without rowid`);
    this.addSql(`create table budget_use (
      budget_id text not null,
      period_start integer not null,
      spent integer not null,
      reserved integer not null check (reserved >= 0),
      primary key (budget_id, period_start)
    ) strict, without rowid`);
    this.addSql(`create table idempotency_key (
      client_key_id text not null,
      key_hash text not null,
      body_hash text not null,
      request_id text not null,
      accepted_at integer not null,
      primary key (client_key_id, key_hash)
    ) strict, without rowid`);
    this.addSql('create index idempotency_key_age on idempotency_key (accepted_at)');
    // Not a projection: what was seen of an answer before a crash. Written now and then, taken away by the end of the request.
    this.addSql(`create table usage_seen (
      request_id text primary key,
      usage text not null
    ) strict, without rowid`);
    this.addSql(`create table price (
      id text primary key,
      model text not null,
      from_ms integer not null,
      rates text not null,
      long_context text,
      tier_percents text not null,
      source text not null,
      created_at integer not null
    ) strict`);
    this.addSql(`alter table client_key add column terms text not null default '{}'`);
    this.addSql(`drop trigger usage_event_no_delete`);
    this.addSql(`create table ledger_seal (
      day text primary key,
      from_position integer not null,
      to_position integer not null,
      head_hash text not null,
      signature text not null
    ) strict, without rowid`);
    this.addSql(`create table ledger_archive (
      from_position integer primary key,
      to_position integer not null,
      file text not null,
      sha256 text not null,
      head_hash text not null
    ) strict`);
    // Only what an archive holds may go.
    this.addSql(`create trigger usage_event_no_delete before delete on usage_event
      when old.position > (select coalesce(max(to_position), 0) from ledger_archive)
      begin select raise(abort, 'usage events are append-only'); end`);
  }
}
