-- A database as schema version 6 left it.
PRAGMA application_id = 0x4c4e504c;
PRAGMA user_version = 6;
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
CREATE TABLE inventory (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        standing TEXT NOT NULL,
        online INTEGER NOT NULL,
        missed INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        class TEXT,
        labels TEXT NOT NULL,
        notes TEXT NOT NULL,
        proposed TEXT NOT NULL,
        merged INTEGER
    , system TEXT) STRICT;
INSERT INTO inventory VALUES(1,'nas','approved',1,0,1600000000000040,1700000000000041,'nas','{"floor":"1"}',replace('two\nlines','\n',char(10)),'[2]',NULL,'{"facts":{"name":"nas","description":"Linux 6.1","object_id":null,"location":null,"contact":null},"uptime":{"secs":12,"nanos":340000000},"at":1700000000000050}');
INSERT INTO inventory VALUES(2,'phone-010203','blocked',0,12,1600000000000042,1700000000000043,NULL,'{}','','[]',1,NULL);
CREATE TABLE bindings (
        device INTEGER NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        source TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        current INTEGER NOT NULL,
        PRIMARY KEY (device, kind, value)
    ) STRICT, WITHOUT ROWID;
INSERT INTO bindings VALUES(1,'address','10.77.0.5','arp',1600000000000040,1700000000000041,1);
INSERT INTO bindings VALUES(1,'mac','00:11:32:00:00:01','arp',1600000000000040,1700000000000041,1);
INSERT INTO bindings VALUES(2,'address','fe80::2','ipv6',1600000000000042,1700000000000043,0);
CREATE TABLE facts (
        device INTEGER NOT NULL,
        topic TEXT NOT NULL,
        origin TEXT NOT NULL,
        value TEXT NOT NULL,
        confidence INTEGER NOT NULL,
        found INTEGER NOT NULL,
        PRIMARY KEY (device, topic, origin, value)
    ) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES(1,'hostname','dns','nas.lan',60,1600000000000045);
INSERT INTO facts VALUES(1,'vendor','oui','Synology',50,1600000000000044);
CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
INSERT INTO events VALUES(41,1700000000000046,'device_discovered','{"device":"nas"}');
CREATE TABLE scans (
        id INTEGER PRIMARY KEY,
        started INTEGER NOT NULL,
        ended INTEGER,
        passes TEXT NOT NULL,
        notes TEXT NOT NULL
    ) STRICT;
INSERT INTO scans VALUES(5,1700000000000047,1700000001000048,'[]','["one"]');
CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        device INTEGER NOT NULL,
        change TEXT NOT NULL
    ) STRICT;
INSERT INTO audit VALUES(1,1700000000000049,'user ops from 10.77.0.9',1,'{"status":"approved"}');
CREATE TABLE walks (
        device TEXT PRIMARY KEY NOT NULL,
        address TEXT NOT NULL,
        at INTEGER NOT NULL,
        uptime INTEGER,
        uptime_at INTEGER,
        uptime_wraps INTEGER
    ) STRICT, WITHOUT ROWID;
INSERT INTO walks VALUES('"odd" é','10.77.0.6',1700000000000060,4294967295,1700000000000061,3);
INSERT INTO walks VALUES('nas','nas.lan',1700000000000062,NULL,NULL,NULL);
CREATE TABLE interface_counters (
        device TEXT NOT NULL,
        interface TEXT NOT NULL,
        counters TEXT NOT NULL,
        PRIMARY KEY (device, interface)
    ) STRICT, WITHOUT ROWID;
INSERT INTO interface_counters VALUES('"odd" é','eth0 #2','["wide",{"narrow":1099511627776},"unseen","reset","wide","wide","wide","wide"]');
CREATE INDEX heartbeat_signals_by_heartbeat ON heartbeat_signals (heartbeat, id);
COMMIT;
