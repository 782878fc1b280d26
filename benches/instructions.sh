#!/usr/bin/env bash
# Counts instructions per frame (callgrind; repeatable, whatever else the machine does) on two generated captures, small
# packets with 5,000 connections open and with 100,000, and fails if one takes over a tenth more than instructions.txt
# says. With --write, writes that file instead: for a change that is worth what it costs.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind > /dev/null; then
    echo 'instructions: SKIPPED, valgrind is not installed (apt-get install valgrind)'
    exit 0
fi
cargo build --locked --release --quiet --bin cwait-pcap --example generate
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

count() { # FILE
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        target/release/cwait-pcap analyze "$1" --threads 1 --format json -o /dev/null -q 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# The difference between two lengths leaves out what every run takes.
per_frame() { # CONCURRENCY
    local frames=(100000 300000) counts=() n
    for n in "${frames[@]}"; do
        target/release/examples/generate "$folder/load.pcap" "$n" "$1"
        counts+=("$(count "$folder/load.pcap")")
    done
    echo $(((counts[1] - counts[0]) / (frames[1] - frames[0])))
}

failed=0
written=''
for concurrency in 5000 100000; do
    now=$(per_frame "$concurrency")
    written+="$concurrency $now"$'\n'
    before=$(awk -v c="$concurrency" '$1 == c { print $2 }' benches/instructions.txt 2> /dev/null || true)
    echo "instructions: $now a frame with $concurrency connections open (committed: ${before:-none})"
    if [ -n "$before" ] && ((now * 10 > before * 11)); then failed=1; fi
done
if [ "${1:-}" = --write ]; then
    printf '%s' "$written" > benches/instructions.txt
elif ((failed)); then
    echo 'instructions: FAILED, over a tenth more than committed; if it is worth that: benches/instructions.sh --write'
    exit 1
fi
