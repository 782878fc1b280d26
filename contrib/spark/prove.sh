#!/usr/bin/env bash
# Proves that a run on Spark equals the run on one machine, byte for byte, although an executor is killed while it reads; and
# that what goes wrong is named: a fragment half written, a capture that is none, one that is not there, no program on the executors.
#
#   contrib/spark/prove.sh [path of cwait-pcap]
#
# Needs Python 3.10 or later and Java 17 or later; installs PySpark into a virtual environment of its own unless
# PYSPARK_PYTHON names a Python that has it. Two executors in processes of their own (local-cluster) read the bundled
# captures; one is killed with SIGKILL while its first capture is being read; Spark starts another and reads that capture again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
killer=
trap '[ -z "$killer" ] || kill "$killer" 2> /dev/null || true; rm -rf "$work"' EXIT

binary=${1:-$top/target/release/cwait-pcap}
[ -x "$binary" ] || { echo "no program at $binary: cargo build --release" >&2; exit 2; }
binary=$(realpath "$binary")
if [ -z "${PYSPARK_PYTHON:-}" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet pyspark
    PYSPARK_PYTHON=$work/venv/bin/python
fi
export PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON=$PYSPARK_PYTHON SPARK_LOCAL_IP=127.0.0.1

captures=()
for part in "$top"/testdata/captures/rotated-files/part.*.zst; do captures+=("$part"); done

# The program as the executors see it: the first reading of the third part waits until its executor was killed.
cat > "$work/cwait-pcap" <<WRAPPER
#!/usr/bin/env bash
if [ "\$1" = map ] && [[ "\$2" == *part.pcap2* ]] && mkdir "$work/first" 2>/dev/null; then
    # Its parent is a Python worker; whose ancestor is the executor.
    pid=\$PPID
    until tr '\\\\0' ' ' < /proc/\$pid/cmdline | grep -q CoarseGrainedExecutorBackend; do
        pid=\$(awk '/^PPid/ {print \$2}' /proc/\$pid/status)
    done
    echo "\$pid" > "$work/executor"
    sleep 600
fi
exec "$binary" "\$@"
WRAPPER
chmod +x "$work/cwait-pcap"

echo "one machine:"
mkdir "$work/one"
(cd "$work/one" && "$binary" map "${captures[@]}" --out parts && "$binary" merge parts --out merged.parquet &&
    "$binary" report merged.parquet -o report.json -o report.md)

echo "Spark, two executors:"
(
    while [ ! -s "$work/executor" ]; do sleep 0.2; done
    echo "killing executor $(cat "$work/executor")"
    kill -KILL "$(cat "$work/executor")"
) &
killer=$!
spark() {
    local submit="--master $1 --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false pyspark-shell"
    PYSPARK_SUBMIT_ARGS=$submit "$PYSPARK_PYTHON" "$here/cwait_spark.py" "${@:2}"
}
# What a writer that was killed would leave, if fragments did not appear whole: the right name, half the octets.
mkdir -p "$work/spark/parts"
half=$(cd "$work/one/parts" && ls *.parquet | head -1)
head -c 2000 "$work/one/parts/$half" > "$work/spark/parts/$half"
spark 'local-cluster[2,1,1024]' --binary "$work/cwait-pcap" --fan-in 2 --out "$work/spark" "${captures[@]}" \
    -- -o report.json -o report.md 2> "$work/log" || { tail -40 "$work/log" >&2; exit 1; }
wait "$killer"
cmp "$work/one/parts/$half" "$work/spark/parts/$half"
grep -E 'status [0-9]+ at ' "$work/log"

grep -q 'part.pcap2.*attempt [2-9]' "$work/log" || { echo "no second attempt was made" >&2; exit 1; }
for report in report.json report.md; do
    cmp "$work/one/$report" "$work/spark/$report"
done
frames=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["capture"]["frames"])' "$work/spark/report.json")
counted=0
for capture in "${captures[@]}"; do
    of_one=$("$binary" analyze "$capture" --format json -q 2> /dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["capture"]["frames"])')
    counted=$((counted + of_one))
done
[ "$frames" = "$counted" ] || { echo "$frames frames in the report, $counted in its captures" >&2; exit 1; }
echo "equal byte for byte, $frames frames in all"

# With the status that is expected, and a line that says why.
ends() {
    local expected=$1 says=$2 status=0
    shift 2
    spark 'local[2,2]' "$@" > /dev/null 2> "$work/log" || status=$?
    if [ $status != "$expected" ] || ! grep -E "$says" "$work/log"; then
        echo "status $status instead of $expected, or nobody said: $says" >&2
        tail -40 "$work/log" >&2
        exit 1
    fi
}
echo "one capture that is none, one that is not there, one whose store is another build's: named and left out"
echo "no capture" > "$work/text.pcap"
ends 3 "text.pcap: status 2 at .*not a capture" --binary "$binary" --out "$work/bad" "${captures[0]}" "$work/text.pcap" \
    "$work/missing.pcap" s3://bucket/key.pcap -- -q
grep -E "missing.pcap: status 2 at .*No such file" "$work/log"
grep -E "^s3://bucket/key.pcap: status 2 at " "$work/log"
echo "no program on the executors: tried again, then named"
ends 75 "cannot run /nowhere/cwait-pcap" --binary /nowhere/cwait-pcap --out "$work/none" "${captures[0]}" -- -q
