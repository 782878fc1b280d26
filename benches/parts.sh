#!/usr/bin/env bash
# What partial results and batches cost, on generated captures (benches/load.rs):
#   benches/parts.sh rows                           octets of a fragment for each connection that is over
#   benches/parts.sh merge [FRAGMENTS [EACH]]       memory and time of merge and report: 1,000 fragments of 10,000
#   benches/parts.sh batch [FILES [MB [RUNS]]]      time of batch on one core and on two, in turn: 64 files of 64 MB
#   benches/parts.sh map [CONNECTIONS]              memory of map over one capture of so many connections: 10 million
# Needs GNU time; for batch and map, FILES times MB or 0.9 KB for each connection of room below TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --bin cwait-pcap --example generate
program=$PWD/target/release/cwait-pcap
generate=$PWD/target/release/examples/generate
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Runs it; seconds, MB and the seconds its threads worked.
measured() {
    /usr/bin/time -f '%e s, %M KB at most, %U s of work' "$@" 2> told > /dev/null || { cat told; exit 1; }
    tail -1 told
}

# Connections in a fragment, as merge counts them.
connections() {
    "$program" merge "$1" --out counted.parquet 2>&1 | sed -n 's/.* \([0-9]*\) connections in parts/\1/p'
}

case ${1:-rows} in
rows)
    # A packet long after the others makes final what is closed. Those still open are as many in all; what a longer one has
    # more is final.
    "$generate" later.pcap 1 1 24 1 90000000 1700010000
    for exchanges in 24 1; do
        for millions in 1 3 10; do
            "$generate" load.pcap ${millions}000000 5000 24 $exchanges
            tail -c +25 later.pcap >> load.pcap
            rm -rf parts && "$program" map load.pcap --out parts -q
            octets[millions]=$(cat parts/*.parquet | wc -c)
            rows[millions]=$(connections parts)
        done
        for from in 1:3 3:10; do
            final=$((rows[${from#*:}] - rows[${from%:*}]))
            each=$(awk "BEGIN { printf \"%.1f\", (${octets[${from#*:}]} - ${octets[${from%:*}]}) / $final }")
            echo "$exchanges exchanges, $from million packets: $final final rows, $each octets each"
        done
    done
    ;;
merge)
    fragments=${2:-1000} each=${3:-10000}
    for ((n = 0; n < fragments; n++)); do
        # 9 packets to a connection; each capture goes on where the one before ended.
        "$generate" load.pcap $((each * 9)) 1000 24 1 $((n * (each + 1000))) $((1700000000 + n * 60))
        "$program" map load.pcap --out parts --series load -q
    done
    # What lies there is only the last of them.
    rm load.pcap
    echo "merge of $(ls parts | wc -l) fragments: $(measured "$program" merge parts --out all.parquet)"
    echo "$(connections all.parquet) connections, $(wc -c < all.parquet) octets"
    echo "report: $(measured "$program" report all.parquet -o report.json)"
    ;;
batch)
    files=${2:-64} size=${3:-64} runs=${4:-3}
    mkdir in
    for ((n = 0; n < files; n++)); do
        # 98.8 octets a packet.
        "$generate" "in/load$n.pcap" $((size * 1000000 / 99)) 5000 24 24 $((n * 100000))
    done
    cat in/* > /dev/null
    for ((run = 0; run < runs; run++)); do
        for cores in 0 0,1; do
            rm -rf out
            echo "cores $cores: $(measured taskset -c $cores "$program" batch in --out out -q)"
        done
    done
    ;;
map)
    "$generate" load.pcap $((${2:-10000000} * 9)) 5000 24 1
    echo "map of $(wc -c < load.pcap) octets: $(measured "$program" map load.pcap --out parts -q)"
    echo "$(connections parts) connections"
    ;;
*)
    sed -n '2,7s/^# *//p' "$OLDPWD/benches/parts.sh"
    exit 2
    ;;
esac
