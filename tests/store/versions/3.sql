-- A database as schema version 3 left it.
PRAGMA application_id = 0x4c4e504c;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE devices (
         id INTEGER PRIMARY KEY,
         name TEXT UNIQUE NOT NULL,
         status TEXT NOT NULL,
         status_since INTEGER NOT NULL,
         up INTEGER,
         up_since INTEGER NOT NULL,
         first_seen INTEGER,
         last_seen INTEGER
     ) STRICT;
INSERT INTO devices VALUES(1,'nas','up',1700000000000001,1,1700000000000002,1600000000000003,1700000000000004);
INSERT INTO devices VALUES(2,'"odd" é','down',1700000000000005,0,1700000000000006,NULL,NULL);
INSERT INTO devices VALUES(7,'never seen','unknown',0,NULL,0,NULL,NULL);
CREATE TABLE outages (
         start INTEGER PRIMARY KEY,
         end INTEGER,
         fault TEXT NOT NULL,
         failed_checks TEXT NOT NULL,
         gateway_reachable INTEGER
     ) STRICT;
INSERT INTO outages VALUES(1700000000000010,1700000060000011,'provider','["cloudflare","quad \"9\""]',1);
INSERT INTO outages VALUES(1700000100000012,NULL,'gateway','[]',NULL);
CREATE TABLE heartbeats (
         id INTEGER PRIMARY KEY,
         name TEXT UNIQUE NOT NULL,
         last_ok INTEGER,
         last_fail INTEGER,
         last_start INTEGER,
         last_signal INTEGER,
         run_id TEXT,
         running INTEGER NOT NULL,
         watched_since INTEGER,
         last_duration INTEGER,
         last_exit INTEGER,
         failures INTEGER NOT NULL,
         paused INTEGER NOT NULL,
         resumed_at INTEGER,
         counted_from INTEGER,
         excused_until INTEGER,
         every INTEGER,
         grace INTEGER
     ) STRICT;
INSERT INTO heartbeats VALUES(1,'backup',1700000000000020,1700000000000021,1700000000000022,1700000000000023,'run-é',1,1700000000000024,12500000,-3,2,0,NULL,1700000000000025,NULL,NULL,NULL);
INSERT INTO heartbeats VALUES(2,'made by a client',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,0,1,1700000000000026,NULL,1700000000000027,3600000000,600000000);
CREATE TABLE heartbeat_signals (
         id INTEGER PRIMARY KEY,
         heartbeat TEXT NOT NULL,
         at INTEGER NOT NULL,
         kind TEXT NOT NULL,
         exit INTEGER,
         run_id TEXT,
         duration INTEGER,
         source TEXT,
         message TEXT
     ) STRICT;
INSERT INTO heartbeat_signals VALUES(1,'backup',1700000000000028,'start',NULL,'run-é',NULL,'127.0.0.1',NULL);
INSERT INTO heartbeat_signals VALUES(2,'backup',1700000000000029,'exit',-3,'run-é',12500000,'fd77::1',replace('disk\nfull','\n',char(10)));
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('daemon_alive_until',1700000000000030);
CREATE INDEX heartbeat_signals_by_heartbeat ON heartbeat_signals (heartbeat, id);
COMMIT;
