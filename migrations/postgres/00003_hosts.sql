-- +goose Up
-- Many compute hosts: what an administrator says of each, what nodes were promised there, and the identifiers of networks across them.

ALTER TABLE hosts ADD COLUMN drained BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE hosts ADD COLUMN tenants_json TEXT NOT NULL DEFAULT 'null';       -- the only tenants that may use it; null: all
ALTER TABLE hosts ADD COLUMN overcommit_cpu DOUBLE PRECISION NOT NULL DEFAULT 0; -- 0 is 1
ALTER TABLE hosts ADD COLUMN overcommit_memory DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN rotated_at BIGINT NOT NULL DEFAULT 0;            -- the key in public_key; 0: it is the one it enrolled with

-- Keys that a host may link with beside the one in hosts.public_key, while that is being changed.
CREATE TABLE host_keys (
  public_key BYTEA PRIMARY KEY,
  host_id    TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL
);
CREATE INDEX host_keys_by_host ON host_keys (host_id);

-- What each host had in use: means of a few minutes, for a day.
CREATE TABLE host_use (
  host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  slot    BIGINT NOT NULL,              -- when the few minutes began
  at      BIGINT NOT NULL,              -- of the last sample in it
  cpu     DOUBLE PRECISION NOT NULL,    -- cores
  memory  BIGINT NOT NULL,              -- bytes
  disk    BIGINT NOT NULL,              -- bytes
  nodes   BIGINT NOT NULL,
  PRIMARY KEY (host_id, slot)
);

-- A join token is named by an id, so that it can be listed and deleted by those who do not hold its secret.
ALTER TABLE join_tokens ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE join_tokens SET id = substr(hash, 1, 12);
CREATE UNIQUE INDEX join_tokens_by_id ON join_tokens (id);

-- What the host promised to the node.
ALTER TABLE placements ADD COLUMN cpu DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE placements ADD COLUMN memory BIGINT NOT NULL DEFAULT 0;
ALTER TABLE placements ADD COLUMN pids BIGINT NOT NULL DEFAULT 0;
ALTER TABLE placements ADD COLUMN interfaces BIGINT NOT NULL DEFAULT 0;

ALTER TABLE labs ADD COLUMN vnis_json TEXT NOT NULL DEFAULT 'null'; -- of the deployment, by name
CREATE UNIQUE INDEX labs_with_tenant ON labs (id, tenant_id);

-- Blocks of 256 VNIs. They begin at multiples of 256, so that two can be the same but cannot overlap.
CREATE TABLE vni_blocks (
  first      BIGINT PRIMARY KEY CHECK (first >= 4096 AND first <= 16776960 AND first % 256 = 0),
  tenant_id  TEXT NOT NULL REFERENCES tenants (id),
  created_at BIGINT NOT NULL,
  UNIQUE (first, tenant_id)
);
CREATE INDEX vni_blocks_by_tenant ON vni_blocks (tenant_id);

-- VNIs that a lab has, or had: those rest before anyone gets them again. A number is in the table once, in a block of its lab's tenant.
CREATE TABLE vnis (
  vni        BIGINT PRIMARY KEY,
  block      BIGINT NOT NULL,
  tenant_id  TEXT NOT NULL,
  lab_id     TEXT,                  -- NULL: freed
  name       TEXT NOT NULL,         -- cable id or segment name
  created_at BIGINT NOT NULL,
  freed_at   BIGINT NOT NULL DEFAULT 0,
  UNIQUE (lab_id, name),
  FOREIGN KEY (block, tenant_id) REFERENCES vni_blocks (first, tenant_id),
  FOREIGN KEY (lab_id, tenant_id) REFERENCES labs (id, tenant_id),
  CHECK (vni >= block AND vni < block + 256),
  CHECK ((lab_id IS NULL) = (freed_at <> 0))
);
CREATE INDEX vnis_by_block ON vnis (tenant_id, block);

-- One row, which whoever takes new blocks holds locked.
CREATE TABLE vni_pool (id BIGINT PRIMARY KEY CHECK (id = 1));
INSERT INTO vni_pool (id) VALUES (1);

-- Physical networks that an administrator offers.
CREATE TABLE provider_networks (
  name       TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL
);

-- The interface of a host that leads there. An interface leads to one network.
CREATE TABLE provider_devices (
  network TEXT NOT NULL REFERENCES provider_networks (name) ON DELETE CASCADE,
  host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  device  TEXT NOT NULL,
  PRIMARY KEY (network, host_id),
  UNIQUE (host_id, device)
);

-- VLANs of physical networks, each one tenant's; 0 is untagged. Those taken back rest, also when the network is gone.
CREATE TABLE provider_vlans (
  network    TEXT NOT NULL,
  vlan       BIGINT NOT NULL CHECK (vlan >= 0 AND vlan <= 4094),
  tenant_id  TEXT NOT NULL REFERENCES tenants (id),
  created_at BIGINT NOT NULL,
  freed_at   BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (network, vlan)
);

-- Which physical networks a version of a lab leads to.
CREATE TABLE lab_externals (
  lab_id   TEXT NOT NULL,
  revision BIGINT NOT NULL,
  node     TEXT NOT NULL,
  network  TEXT NOT NULL,
  vlan     BIGINT NOT NULL,
  PRIMARY KEY (lab_id, revision, node),
  FOREIGN KEY (lab_id, revision) REFERENCES lab_revisions (lab_id, number) ON DELETE CASCADE
);
CREATE INDEX lab_externals_by_network ON lab_externals (network);
