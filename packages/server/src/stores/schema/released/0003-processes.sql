-- What the migration 0003 added, and a row.
insert into "kysely_migration" ("name", "timestamp") values ('0003-processes', '2026-11-22T02:00:00.000Z');
create table "processes" ("id" text primary key, "role" text not null, "secret_digest" text not null, "storage_id" text not null, "seen_at" bigint not null);
insert into "processes" ("id", "role", "secret_digest", "storage_id", "seen_at") values ('host/1/a', 'all', 'aa', 'bb', 1000000);
