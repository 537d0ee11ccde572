-- A database as schema version 1 left it.
PRAGMA application_id = 0x4c4e504c;
PRAGMA user_version = 1;
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
COMMIT;
