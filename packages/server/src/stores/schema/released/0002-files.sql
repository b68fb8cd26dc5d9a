-- What the migration 0002 added, and a row.
insert into "kysely_migration" ("name", "timestamp") values ('0002-files', '2026-11-22T01:00:00.000Z');
create table "files" ("id" text primary key, "project" text not null, "kind" text not null, "purpose" text not null, "filename" text not null, "bytes" bigint not null, "sha256" text not null, "blob_key" text not null unique, "model" text, "created_at" bigint not null, "expires_at" bigint);
create index "files_by_project" on "files" ("project", "kind", "created_at", "id");
create index "files_by_expiry" on "files" ("expires_at");
insert into "files" ("id", "project", "kind", "purpose", "filename", "bytes", "sha256", "blob_key", "created_at") values ('file-1', 'p', 'file', 'batch', 'a.jsonl', 500000000, 'ff', 'files/2026-11-22/a', 1000000);
