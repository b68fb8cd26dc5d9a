-- A database as a server with the migration 0001 left it: what SQLite and PostgreSQL were asked for, and some rows.
create table "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
create table "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
insert into "kysely_migration_lock" ("id", "is_locked") values ('migration_lock', 0);
insert into "kysely_migration" ("name", "timestamp") values ('0001-jobs', '2026-11-22T00:00:00.000Z');

create table "jobs" ("id" text primary key, "project" text not null, "key_id" text not null, "kind" text not null, "state" text not null, "outcome" text, "lane" text not null, "lane_limit" integer not null, "model" text, "source" text not null, "input_key" text, "name" text, "options" text not null, "total_lines" integer, "completed_lines" integer default 0 not null, "failed_lines" integer default 0 not null, "tokens" bigint default 0 not null, "faults" text default '[]' not null, "results" text default '{}' not null, "created_at" bigint not null, "started_at" bigint, "planned_at" bigint, "computed_at" bigint, "cancel_asked_at" bigint, "ended_at" bigint, "expires_at" bigint not null, "purge_at" bigint not null, "served_at" bigint default 0 not null);
create index "jobs_by_project" on "jobs" ("project", "kind", "created_at", "id");
create index "jobs_by_lane" on "jobs" ("lane", "state");
create index "jobs_by_purge" on "jobs" ("purge_at");
create table "shards" ("job_id" text not null references "jobs" ("id") on delete cascade, "stage" text not null, "first_line" integer not null, "line_count" integer not null, "start_byte" bigint not null, "skip_lines" integer default 0 not null, "state" text not null, "fence" integer default 0 not null, "holder" text, "leased_until" bigint, "losses" integer default 0 not null, "failures" integer default 0 not null, "not_before" bigint default 0 not null, "output_key" text, "error_key" text, "last_error" text, constraint "shards_key" primary key ("job_id", "stage", "first_line"));
create index "shards_by_state" on "shards" ("state", "leased_until");
create table "ledger" ("id" text primary key, "project" text not null, "key_id" text not null, "kind" text not null, "reference" text not null, "model" text not null, "space" text not null, "inputs" integer not null, "tokens" bigint not null, "price_micros_per_1k_tokens" bigint not null, "amount_nanos" bigint not null, "created_at" bigint not null);
create index "ledger_by_project" on "ledger" ("project", "created_at");
create index "ledger_by_reference" on "ledger" ("reference");
create table "idempotency_keys" ("project" text not null, "operation" text not null, "key" text not null, "fingerprint" text not null, "job_id" text not null, "created_at" bigint not null, constraint "idempotency_keys_key" primary key ("project", "operation", "key"));

-- A task that waits; one that runs, with a shard done, one in the hands of a process that is gone, one that failed once; one that has ended.
insert into "jobs" ("id", "project", "key_id", "kind", "state", "lane", "lane_limit", "model", "source", "input_key", "options", "total_lines", "completed_lines", "failed_lines", "tokens", "results", "created_at", "started_at", "planned_at", "computed_at", "ended_at", "expires_at", "purge_at", "served_at") values
  ('waiting', 'p', 'k', 'task', 'queued', 'l', 3, 'm', 'https://example.com/a.txt', null, '{"textType":"query"}', null, 0, 0, 0, '{}', 1000000, null, null, null, null, 87400000, 87400000, 0),
  ('running', 'p', 'k', 'task', 'computing', 'l', 3, 'm', 'https://example.com/b.txt', 'jobs/running/input.1', '{"textType":"document"}', 2500, 990, 10, 7000, '{}', 1000001, 1000100, 1000200, null, null, 87400001, 87400001, 1000300),
  ('ended', 'p', 'k', 'task', 'succeeded', 'l', 3, 'm', 'https://example.com/c.txt', 'jobs/ended/input.1', '{"textType":"document"}', 5, 5, 0, 35, '{"output":"results/ended.txt.gz"}', 1000002, 1000101, 1000201, 1000400, 1000500, 87400002, 87400500, 1000301);
insert into "shards" ("job_id", "stage", "first_line", "line_count", "start_byte", "state", "fence", "holder", "leased_until", "failures", "output_key", "last_error") values
  ('waiting', 'plan', 0, 0, 0, 'waiting', 0, null, null, 0, null, null),
  ('running', 'plan', 0, 0, 0, 'done', 1, null, null, 0, null, null),
  ('running', 'compute', 0, 1000, 0, 'done', 1, null, null, 0, 'jobs/running/0.1.out', null),
  ('running', 'compute', 1000, 1000, 50000, 'leased', 2, 'host/1/a', 1030000, 0, null, null),
  ('running', 'compute', 2000, 500, 100000, 'waiting', 1, null, null, 1, null, 'engine_failed');
insert into "ledger" ("id", "project", "key_id", "kind", "reference", "model", "space", "inputs", "tokens", "price_micros_per_1k_tokens", "amount_nanos", "created_at") values
  ('shard:running:0:0123456789abcdef', 'p', 'k', 'shard', 'running', 'm', '0123456789abcdef', 990, 7000, 700, 4900000, 1000300),
  ('shard:ended:0:0123456789abcdef', 'p', 'k', 'shard', 'ended', 'm', '0123456789abcdef', 5, 35, 700, 24500, 1000400),
  ('request:r', 'p', 'k', 'request', 'r', 'm', '0123456789abcdef', 1, 9007199254740991, 0, 0, 1000400);
insert into "idempotency_keys" ("project", "operation", "key", "fingerprint", "job_id", "created_at") values ('p', 'task', 'once', 'body', 'waiting', 1000000);
