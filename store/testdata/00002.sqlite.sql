-- A database that the build with schema 00002 made through its own store, by sqlite3 .dump.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-21 07:03:15');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-21 07:03:15');
INSERT INTO goose_db_version VALUES(3,2,1,'2026-11-21 07:03:15');
CREATE TABLE tenants (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
, images_json TEXT NOT NULL DEFAULT 'null');
INSERT INTO tenants VALUES('tenant000001','alpha',1795165200000000,'{"allow":["trunkline/*"]}');
INSERT INTO tenants VALUES('tenant000002','beta',1795165200000000,'null');
CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  email         TEXT UNIQUE,            -- NULL until the first administrator has named himself
  name          TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL DEFAULT '',
  site_admin    BOOLEAN NOT NULL DEFAULT FALSE,
  created_at    BIGINT NOT NULL
);
INSERT INTO users VALUES('user00000001','ada@example.net','Ada','$argon2id$x',1,1795165200000000);
INSERT INTO users VALUES('user00000002',NULL,'','',0,1795165200000000);
CREATE TABLE memberships (
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  role       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, tenant_id)
);
INSERT INTO memberships VALUES('user00000001','tenant000001','owner',1795165200000000);
INSERT INTO memberships VALUES('user00000001','tenant000002','owner',1795165200000000);
CREATE TABLE signin_links (
  hash       TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
INSERT INTO signin_links VALUES('cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','user00000002',0,1795251600000000);
CREATE TABLE sessions (
  token      TEXT PRIMARY KEY,
  data       BLOB NOT NULL,
  expires_at BIGINT NOT NULL
);
INSERT INTO sessions VALUES('session-token',X'01020003',2110784400000000);
CREATE TABLE api_tokens (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  prefix       TEXT NOT NULL,
  hash         TEXT NOT NULL UNIQUE,
  created_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  expires_at   BIGINT NOT NULL DEFAULT 0,
  UNIQUE (user_id, name)
);
INSERT INTO api_tokens VALUES('token0000001','user00000001','tenant000001','ci','tlk_abc','abababababababababababababababababababababababababababababababab',1795165200000000,0,0);
CREATE TABLE labs (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  owner_id     TEXT NOT NULL,
  owner_name   TEXT NOT NULL,
  name         TEXT NOT NULL,
  node_count   BIGINT NOT NULL,
  link_count   BIGINT NOT NULL,
  revision     BIGINT NOT NULL,          -- the newest
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  -- desired: written by intents
  want         TEXT NOT NULL DEFAULT '',
  generation   BIGINT NOT NULL DEFAULT 0,
  deploy       BIGINT NOT NULL DEFAULT 0,
  deployed     BIGINT NOT NULL DEFAULT 0, -- revision that is deployed
  image_map_json TEXT NOT NULL DEFAULT 'null',
  given_up_json  TEXT NOT NULL DEFAULT 'null',
  back_json      TEXT NOT NULL DEFAULT 'null',
  back_revision  BIGINT NOT NULL DEFAULT 0,
  returning_back BOOLEAN NOT NULL DEFAULT FALSE,
  forget         BOOLEAN NOT NULL DEFAULT FALSE,
  note           TEXT NOT NULL DEFAULT '',
  -- observed: written by the reconcile loop
  state        TEXT NOT NULL DEFAULT 'stored',
  reason       TEXT NOT NULL DEFAULT '',
  step         TEXT NOT NULL DEFAULT '',
  done         BIGINT NOT NULL DEFAULT 0,
  total        BIGINT NOT NULL DEFAULT 0,
  error_json   TEXT NOT NULL DEFAULT 'null',
  settled      BIGINT NOT NULL DEFAULT 0,
  seen         BIGINT NOT NULL DEFAULT 0,
  UNIQUE (tenant_id, name)
);
INSERT INTO labs VALUES('lab000000001','tenant000001','user00000001','Ada','campus',2,1,2,1795165200000000,1795165200000000,'run',3,2,2,'{"x":"y"}','["no delay"]','{"want":"stop","revision":1,"places":{"r1":{"host":"6ja2yk999xmg","why":"before"}}}',1,0,0,'a note','failed','Docker is down.','create',1,3,'{"code":"unavailable","message":"Docker is down."}',2,3);
INSERT INTO labs VALUES('lab000000002','tenant000001','user00000001','Ada','stored',2,1,1,1795165200000000,1795165200000000,'',0,0,0,'null','null','null',0,0,0,'','stored','','',0,0,'null',0,0);
CREATE TABLE lab_revisions (
  lab_id         TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  number         BIGINT NOT NULL,
  file           TEXT NOT NULL,
  source         TEXT NOT NULL,
  lab_json       TEXT NOT NULL,
  env_json       TEXT NOT NULL DEFAULT 'null',
  image_map_json TEXT NOT NULL DEFAULT 'null',
  created_at     BIGINT NOT NULL,
  PRIMARY KEY (lab_id, number)
);
INSERT INTO lab_revisions VALUES('lab000000001',2,'lab.yml',replace('name: campus\n# it''s "quoted"\n','\n',char(10)),'{"name":"campus","nodes":[{"name":"r1","kind":"router"},{"name":"r2","kind":"router"}],"links":[{"type":"veth","a":{"node":"r1","interface":"eth1"},"b":{"node":"r2","interface":"eth1"}}]}','{"A":"b"}','{"frrouting/*":"trunkline/router"}',1795165200000000);
INSERT INTO lab_revisions VALUES('lab000000002',1,'lab.yml',replace('name: stored\n# it''s "quoted"\n','\n',char(10)),'{"name":"campus","nodes":[{"name":"r1","kind":"router"},{"name":"r2","kind":"router"}],"links":[{"type":"veth","a":{"node":"r1","interface":"eth1"},"b":{"node":"r2","interface":"eth1"}}]}','{"A":"b"}','{"frrouting/*":"trunkline/router"}',1795165200000000);
CREATE TABLE lab_files (
  lab_id   TEXT NOT NULL,
  revision BIGINT NOT NULL,
  path     TEXT NOT NULL,
  size     BIGINT NOT NULL,
  sha256   TEXT NOT NULL,
  mode     BIGINT NOT NULL,
  PRIMARY KEY (lab_id, revision, path),
  FOREIGN KEY (lab_id, revision) REFERENCES lab_revisions (lab_id, number) ON DELETE CASCADE
);
INSERT INTO lab_files VALUES('lab000000001',2,'lab.yml',9,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',420);
INSERT INTO lab_files VALUES('lab000000002',1,'lab.yml',9,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',420);
CREATE TABLE lab_nodes (
  lab_id   TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node     TEXT NOT NULL,
  run      TEXT NOT NULL,
  restarts BIGINT NOT NULL,
  PRIMARY KEY (lab_id, node)
);
INSERT INTO lab_nodes VALUES('lab000000001','r1','paused',2);
CREATE TABLE positions (
  lab_id TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node   TEXT NOT NULL,
  x      DOUBLE PRECISION NOT NULL,
  y      DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (lab_id, node)
);
INSERT INTO positions VALUES('lab000000001','r1',1.5,-2.0);
INSERT INTO positions VALUES('lab000000002','r1',1.5,-2.0);
CREATE TABLE hosts (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  public_key   BLOB NOT NULL UNIQUE,
  labels_json  TEXT NOT NULL DEFAULT 'null',
  info_json    TEXT NOT NULL DEFAULT 'null',
  agent        TEXT NOT NULL DEFAULT '',
  address      TEXT NOT NULL DEFAULT '',
  epoch        BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL DEFAULT 0,
  revoked_at   BIGINT NOT NULL DEFAULT 0
);
INSERT INTO hosts VALUES('1d0znzxe239r','host-a',X'1ba4075b77c9e3fb3ecde15cdaf5221f3c10373e623f7b0e1ef76366b0af7137','{"site":"rack0"}','{"name":"host-a","version":"","kernel":"6.1","arch":"","cpus":4,"memoryBytes":8589934592,"capabilities":{"kernelDatapath":false,"netem":false,"rateLimit":false,"egress":false,"userNamespaces":false,"cgroupVersion":0},"images":[{"name":"trunkline/router:1","id":"","sizeBytes":0}]}','0.2.0','192.0.2.7:4000',17,1795165200000000,1795165260000000,0);
INSERT INTO hosts VALUES('6ja2yk999xmg','host-b',X'48075a597e721a156e2e0799de5cc0c5324dc6e7eaf1cdd46250868ec53215dd','{"site":"rack1"}','{"name":"host-b","version":"","kernel":"6.1","arch":"","cpus":4,"memoryBytes":8589934592,"capabilities":{"kernelDatapath":false,"netem":false,"rateLimit":false,"egress":false,"userNamespaces":false,"cgroupVersion":0},"images":[{"name":"trunkline/router:1","id":"","sizeBytes":0}]}','0.2.0','192.0.2.7:4000',17,1795165200000000,1795165260000000,0);
CREATE TABLE join_tokens (
  hash        TEXT PRIMARY KEY,
  host_name   TEXT NOT NULL DEFAULT '',  -- '' lets the host choose
  labels_json TEXT NOT NULL DEFAULT 'null',
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT NOT NULL DEFAULT 0
);
INSERT INTO join_tokens VALUES('e71e4a6133f9f171bab9788336641163f7e218553786773392b4d884afc37da6','','{"site":"rack0"}',1795165200000000,1795168800000000,1795165200000000);
INSERT INTO join_tokens VALUES('dfef686e0962fc3f327caf0036318e59c984c2ba75084f8cdff05f13bdf18978','','{"site":"rack1"}',1795165200000000,1795168800000000,1795165200000000);
INSERT INTO join_tokens VALUES('29fa6157266ff78e3a415d07df21c3445166af9d9eb49320d18f230831bc40fb','host-c','{"site":"rack9"}',1795165200000000,1795168800000000,0);
CREATE TABLE placements (
  lab_id  TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node    TEXT NOT NULL,
  host_id TEXT NOT NULL REFERENCES hosts (id),
  why     TEXT NOT NULL,
  PRIMARY KEY (lab_id, node)
);
INSERT INTO placements VALUES('lab000000001','r1','1d0znzxe239r','it fits');
INSERT INTO placements VALUES('lab000000001','r2','1d0znzxe239r','next to r1');
CREATE TABLE host_labs (
  host_id     TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  lab_id      TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  status_json TEXT NOT NULL,
  updated_at  BIGINT NOT NULL,
  PRIMARY KEY (host_id, lab_id)
);
INSERT INTO host_labs VALUES('1d0znzxe239r','lab000000001','{"id":"lab000000001","generation":3,"converged":false,"done":0,"total":0,"nodes":[{"name":"r1","state":"running"}]}',1795165200000000);
CREATE TABLE settings (
  key        TEXT PRIMARY KEY,
  value_json TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
INSERT INTO settings VALUES('images','{"map":{"frrouting/*":"trunkline/router"}}',1795165200000000);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',3);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX lab_files_by_content ON lab_files (sha256);
CREATE INDEX placements_by_host ON placements (host_id);
CREATE INDEX host_labs_by_lab ON host_labs (lab_id);
COMMIT;
