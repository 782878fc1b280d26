"""Runs every SQL block of a page in a folder with connections.parquet, and compares with report.json."""

import glob
import json
import os
import re
import sys

import duckdb

page, folder = sys.argv[1:]
text = open(page).read()
blocks = re.findall(r"```sql\n(.*?)```", text, re.S)
assert len(blocks) == 3, f"{len(blocks)} queries in {page}"
os.chdir(folder)
report = json.load(open("report.json"))
owed = [c for c in report["connections"] if c["finding"] == "missing-fin" and c["side"] == "server"]
services, hours, paths = (duckdb.sql(block).fetchall() for block in blocks)

assert sum(row[2] for row in services) == len(owed) > 0, services
assert sum(row[1] for row in hours) == len(owed), hours
assert hours[0][0].isoformat()[:13] == min(c["client_side"]["fin"]["first"]["time"]["rfc3339"][:13] for c in owed)
silent = [c for c in report["connections"] if c["longest_silence_survived"] or c["silence_failed"]]
assert bool(paths) == bool(silent), paths

fragment = next(path for path in glob.glob("*.parquet") if path != "connections.parquet")
rows = duckdb.sql(f"SELECT count(*), count(lo_fin_after_us) + count(hi_fin_after_us) FROM '{fragment}'").fetchall()[0]
fins = sum(bool(c[side]["fin"]) for c in report["connections"] for side in ("client_side", "server_side"))
assert rows == (len(report["connections"]), fins), (rows, len(report["connections"]), fins)
# The end of a connection, as the page says; a few say something behind it.
end = re.search(r"`(coalesce\(last_after_us.*?)`", text)[1]
later = f"c.last_ns // 1000 - first_us - {end}"
ends = duckdb.sql(
    f"SELECT count(*), min({later}), count(*) FILTER ({later} <= 1) FROM '{fragment}' JOIN 'connections.parquet' c USING (first_frame)"
).fetchall()[0]
assert ends[0] == rows[0] and ends[1] in (0, 1) and ends[2] > 0.9 * rows[0], ends
print(f"{len(blocks)} queries, {rows[0]} rows: as the report says")
