"""Puts bundled captures into a bucket, and holds what the program says of them against what it says of the files."""

import json
import logging
import os
import random
import struct
import subprocess
import sys
import tempfile

import boto3
from moto.server import ThreadedMotoServer

program = sys.argv[1]
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"
account = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
environment = os.environ | account | {"AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true", "NO_PROXY": host}
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
)
s3.create_bucket(Bucket="captures")


def run(*arguments, status=0):
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == status, (arguments, done.returncode, done.stderr)
    return done


def upload(path):
    key = path.removeprefix("testdata/captures/")
    s3.upload_file(path, "captures", key)
    return f"s3://captures/{key}"


def judged(*arguments):
    """A JSON report without the names of its inputs."""
    report = json.loads(run(*arguments, "--format", "json", "-q").stdout)
    del report["tool"]
    report.pop("inputs", None)
    for vantage in report.get("vantages", []):
        del vantage["captures"]
    return report


folder = "testdata/captures/firewall-forgets-silently"
files = [f"{folder}/{side}-side.pcap.zst" for side in ("client", "server")]
objects = [upload(file) for file in files]

for file, name in zip(files, objects):
    assert judged("analyze", name) == judged("analyze", file), name
assert judged("compare", *objects) == judged("compare", *files)

with tempfile.TemporaryDirectory() as work:
    # Long enough to be read in several ranges: packets at random, not all of them sound.
    large = f"{work}/large.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    records = (struct.pack("<IIII", 1764000000 + n // 1000, n % 1000 * 1000, 1000, 1000) for n in range(12_000))
    dice = random.Random(1)
    with open(large, "wb") as out:
        out.write(head)
        out.writelines(record + dice.randbytes(1000) for record in records)
    s3.upload_file(large, "captures", "large.pcap")
    assert judged("analyze", "s3://captures/large.pcap") == judged("analyze", large)
    for what in (files, objects):
        run("map", *what, "--out", f"{work}/parts", "-q")
    assert len(os.listdir(f"{work}/parts")) == 2, "the same content is the same fragment"
    run("merge", f"{work}/parts", "--out", f"{work}/merged.parquet", "-q")
    batch = run("batch", objects[0], files[1], "--out", f"{work}/batch", "-q")
    index = open(f"{work}/batch/index.json").read()
    assert objects[0] in index and files[1] in index, index

missing = run("analyze", "s3://captures/missing.pcap", status=2).stderr
assert missing.startswith("cwait-pcap: s3://captures/missing.pcap: "), missing
server.stop()
gone = run("map", objects[0], "--out", tempfile.gettempdir(), status=75).stderr
assert gone.startswith(f"cwait-pcap: {objects[0]}: "), gone
print(f"{len(objects)} objects: as the files; one missing: status 2; no server: status 75")
