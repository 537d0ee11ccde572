-- A database as schema version 2 left it.
PRAGMA application_id = 0x4c4e504c;
PRAGMA user_version = 2;
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
COMMIT;
