#!/usr/bin/env bash
# Times cwait-pcap beside its peers on one generated capture, in turn, page cache warm; prints the median of five.
# usage: benches/peers.sh [PACKETS [CONCURRENCY [PAYLOAD]]]
set -euo pipefail
cd "$(dirname "$0")/.."
file=$(mktemp --suffix=.pcap)
trap 'rm -f "$file"' EXIT
cargo build --release --quiet --bin cwait-pcap --example generate
target/release/examples/generate "$file" "${1:-5000000}" "${2:-5000}" "${3:-24}"
cat "$file" > /dev/null

median() {
    local times=()
    for _ in 1 2 3 4 5; do
        local begun=$EPOCHREALTIME
        "$@" > /dev/null 2>&1
        times+=("$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')")
    done
    printf '%s\n' "${times[@]}" | sort -n | sed -n 3p
}

printf '%-44s %s s\n' 'cat' "$(median cat "$file")"
printf '%-44s %s s\n' 'cwait-pcap analyze' "$(median target/release/cwait-pcap analyze "$file" --format json -o /dev/null -q)"
command -v capinfos > /dev/null && printf '%-44s %s s\n' 'capinfos -c' "$(median capinfos -c "$file")"
command -v tcptrace > /dev/null && printf '%-44s %s s\n' 'tcptrace' "$(median tcptrace "$file")"
command -v tshark > /dev/null && printf '%-44s %s s\n' 'tshark -q -z conv,tcp' "$(median tshark -q -z conv,tcp -r "$file")"
