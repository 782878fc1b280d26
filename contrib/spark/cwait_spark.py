#!/usr/bin/env python3
"""Captures read where they lie: cwait-pcap on the executors of a Spark cluster.

    spark-submit cwait_spark.py --out /shared/run1 /captures/*.pcap -- -o report.html -o report.json

Each capture is one Spark task that runs `cwait-pcap map` on an executor; `merge` runs there too, as a tree; `report` runs on
the driver. Retries and lost executors are Spark's own business: a fragment is named by the content of its capture and
appears whole or not at all, so doing one twice changes nothing.

The captures and --out must be reachable under the same path from every executor and the driver; captures may also be named
s3://, gs:// or az://, if the program was built with its feature object_store. What cannot be read (exit
status 2) is named and left out; what may pass (exit status 75, an executor without the binary) is tried again by Spark.
The exit status is that of `report`; 3 instead of 0 if a capture was left out or read in part; 2 if none could be read.
"""

import argparse
import glob
import os
import socket
import subprocess
import sys
from typing import NamedTuple

from py4j.protocol import Py4JJavaError
from pyspark import TaskContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

DONE, FAILED, PARTIAL, TRY_AGAIN = 0, 2, 3, 75
# What a failed task comes back as differs between releases of Spark.
TASK_FAILED = (Py4JJavaError, PySparkException)


class Mapped(NamedTuple):
    """What became of one capture."""

    capture: str
    fragment: str | None
    status: int
    said: str
    attempt: int
    where: str


def run(binary, *arguments):
    """Runs cwait-pcap. A failure that may pass becomes an exception, so that Spark tries again, elsewhere if it can."""
    try:
        done = subprocess.run([binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise RuntimeError(f"{socket.gethostname()}: cannot run {binary}: {error}") from error
    if done.returncode == TRY_AGAIN or done.returncode < 0:
        raise RuntimeError(f"{' '.join(arguments)}: status {done.returncode}: {done.stderr.strip()}")
    return done


def map_one(binary, parts, options, capture):
    """On an executor: one capture to one fragment."""
    done = run(binary, "map", capture, "--out", parts, *options)
    lines = done.stderr.splitlines()
    arrow = next((line for line in lines if line.startswith(f"{capture} -> ")), None)
    fragment = arrow and arrow.removeprefix(f"{capture} -> ").split(", ")[0]
    said = "; ".join(line for line in lines if line != arrow)
    attempt = TaskContext.get().attemptNumber()
    return Mapped(capture, fragment, done.returncode, said, attempt, f"{socket.gethostname()}:{os.getppid()}")


def merge_some(binary, parts, group):
    """On an executor: some fragments to one."""
    number, fragments = group
    merged = os.path.join(parts, f"merged-{number}.parquet")
    done = run(binary, "merge", "--quiet", *fragments, "--out", merged)
    if done.returncode != DONE:
        raise RuntimeError(f"merge: status {done.returncode}: {done.stderr.strip()}")
    return merged


def merge_all(context, binary, parts, fragments, fan_in):
    """A tree of merges, until one fragment holds everything."""
    level = 0
    while True:
        groups = [fragments[at : at + fan_in] for at in range(0, len(fragments), fan_in)]
        numbered = [(f"{level}-{number}", group) for number, group in enumerate(groups)]
        merges = context.parallelize(numbered, len(numbered))
        fragments = merges.map(lambda group: merge_some(binary, parts, group)).collect()
        if len(fragments) == 1:
            return fragments[0]
        level += 1


def given_up(error):
    """Spark has tried as often as it is told to (spark.task.maxFailures): says what stood in the way."""
    causes = [line for line in str(error).splitlines() if line.startswith("RuntimeError: ")]
    print(causes[-1].removeprefix("RuntimeError: ") if causes else error, file=sys.stderr)
    return TRY_AGAIN


def absolute(capture):
    """The same name wherever it is used; that of an object in a store is so already."""
    return capture if "://" in capture else os.path.abspath(capture)


def parse(arguments):
    """Everything behind `--` is for `cwait-pcap report`."""
    own, report = arguments, []
    if "--" in arguments:
        at = arguments.index("--")
        own, report = arguments[:at], arguments[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", help="captures: files, quoted patterns of them, or s3://, gs://, az:// names")
    parser.add_argument("--out", required=True, help="a folder that every executor and the driver reach")
    parser.add_argument("--binary", default="cwait-pcap", help="the program on the executors [cwait-pcap]")
    parser.add_argument("--fan-in", type=int, default=64, help="fragments that one merge takes [64]")
    parser.add_argument("--map-option", action="append", default=[], help="an option for `map`, such as --series=eth0")
    args = parser.parse_args(own)
    if args.fan_in < 2:
        parser.error("--fan-in: at least 2")
    args.captures = sorted({path for given in args.captures for path in glob.glob(given) or [given]})
    return args, report


def main():
    args, report = parse(sys.argv[1:])
    binary, options = args.binary, args.map_option
    parts = os.path.abspath(os.path.join(args.out, "parts"))
    os.makedirs(parts, exist_ok=True)
    spark = SparkSession.builder.appName("cwait-pcap").getOrCreate()
    context = spark.sparkContext
    captures = context.parallelize([absolute(capture) for capture in args.captures], len(args.captures))
    try:
        mapped = captures.map(lambda capture: map_one(binary, parts, options, capture)).collect()
    except TASK_FAILED as error:
        return given_up(error)
    for one in mapped:
        again = f", attempt {one.attempt + 1}" if one.attempt else ""
        said = f": {one.said}" if one.said else ""
        print(f"{one.capture}: status {one.status} at {one.where}{again}{said}", file=sys.stderr)
    fragments = sorted({one.fragment for one in mapped if one.fragment})
    if not fragments:
        print("no capture could be read", file=sys.stderr)
        return FAILED
    try:
        merged = merge_all(context, binary, parts, fragments, args.fan_in)
    except TASK_FAILED as error:
        return given_up(error)
    spark.stop()
    whole = os.path.join(args.out, "merged.parquet")
    os.replace(merged, whole)
    status = subprocess.run([binary, "report", "merged.parquet", *report], cwd=args.out).returncode
    left_out = any(one.status != DONE for one in mapped)
    return PARTIAL if status == DONE and left_out else status


if __name__ == "__main__":
    sys.exit(main())
