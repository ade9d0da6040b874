"""The database's own client for Python, at the address in argv: one line of JSON with what it saw."""

import json
import sys
from datetime import datetime

from crate import client
from crate.client.exceptions import IntegrityError, ProgrammingError


def refusal(cursor, statement, *args):
    try:
        cursor.execute(statement, args)
    except (IntegrityError, ProgrammingError) as error:
        return type(error).__name__
    return None


connection = client.connect(sys.argv[1], username=sys.argv[2] if len(sys.argv) > 2 else None)
cursor = connection.cursor()
seen = {"version": str(connection.lowest_server_version)}
cursor.execute(
    "CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, ts TIMESTAMP WITH TIME ZONE, value DOUBLE PRECISION,"
    " tags OBJECT(DYNAMIC), list ARRAY(INTEGER)) CLUSTERED INTO 2 SHARDS WITH (number_of_replicas = 0)"
)
cursor.execute(
    "INSERT INTO readings (id, ts, value, tags, list) VALUES (?, ?, ?, ?, ?)",
    ("a", datetime(2024, 1, 1), 1.5, {"room": "kitchen", "floor": 2}, [1, 2]),
)
seen["inserted"] = cursor.rowcount
seen["many"] = cursor.executemany(
    "INSERT INTO readings (id, value) VALUES (?, ?)", [("b", 2), ("a", 3), ("c", 4)]
)
cursor.execute("REFRESH TABLE readings")
cursor.execute("SELECT id, ts, tags['room'], list FROM readings WHERE ts <= ? OR tags['floor'] > ? ORDER BY id", (datetime(2024, 1, 1), 1))
seen["columns"] = [column[0] for column in cursor.description]
seen["rows"] = cursor.fetchall()
cursor.execute("SELECT count(*), avg(value) FROM readings")
seen["aggregates"] = cursor.fetchone()
seen["unknown"] = refusal(cursor, "SELECT * FROM nowhere")
seen["duplicate"] = refusal(cursor, "INSERT INTO readings (id) VALUES (?)", "a")
cursor.execute("SELECT table_name, number_of_shards FROM information_schema.tables WHERE table_schema = 'doc'")
seen["tables"] = cursor.fetchall()
print(json.dumps(seen))
