#!/usr/bin/env bash
# Times cwait-pcap beside its peers on generated captures, in turn, page cache warm; prints medians in one table.
# Connections close after EXCHANGES segments of data: with 24 they come and go, with 1000 they stay.
# usage: benches/peers.sh [PACKETS [CONCURRENCY [RUNS [EXCHANGES]]]]
set -euo pipefail
cd "$(dirname "$0")/.."
packets=${1:-5000000} concurrency=${2:-5000} runs=${3:-5} exchanges=${4:-24}
cargo build --release --quiet --bin cwait-pcap --example generate
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ours="target/release/cwait-pcap analyze FILE --format json -o /dev/null -q"

# A name, and a command in which FILE stands for the capture.
programs=(
    "cat|cat FILE"
    "cwait-pcap analyze --threads 1|$ours --threads 1"
    "cwait-pcap analyze --threads 2|$ours --threads 2"
    "capinfos -c|capinfos -c FILE"
    "tcptrace|tcptrace FILE"
    "tshark -q -z conv,tcp|tshark -q -z conv,tcp -r FILE"
    "argus|argus -r FILE -w /dev/null"
)

seconds() { # COMMAND...
    local begun=$EPOCHREALTIME
    "$@" > /dev/null 2>&1 || true
    awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }'
}

for payload in 24 1448; do
    target/release/examples/generate "$folder/$payload.pcap" "$packets" "$concurrency" "$payload" "$exchanges"
    cat "$folder/$payload.pcap" > /dev/null
    for _ in $(seq "$runs"); do
        for at in "${!programs[@]}"; do
            command=${programs[$at]#*|}
            command -v "${command%% *}" > /dev/null || continue
            # shellcheck disable=SC2086
            seconds ${command//FILE/$folder/$payload.pcap} >> "$folder/$payload.$at"
        done
    done
done

median() { # FILE
    [ -e "$1" ] || { echo '-'; return; }
    sort -n "$1" | sed -n "$(((runs + 1) / 2))p"
}
size() { du -h --apparent-size "$folder/$1.pcap" | cut -f1; }

echo "$packets packets, $concurrency connections open, $exchanges exchanges each; median of $runs, in seconds"
printf '%-32s %16s %16s\n' '' "small ($(size 24))" "full-size ($(size 1448))"
for at in "${!programs[@]}"; do
    printf '%-32s %16s %16s\n' "${programs[$at]%%|*}" "$(median "$folder/24.$at")" "$(median "$folder/1448.$at")"
done
