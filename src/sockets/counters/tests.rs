//! Lines of each system, and what is kept of them.

use super::reader::CounterReader;
use super::*;

/// Each fact as `fact interface value`, each link as `interface duplex speed`; then the lines that were not taken.
fn check(text: &str, expected: &[&str]) {
    let mut found = HostCounters::default();
    let mut reader = CounterReader::default();
    let mut strange = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if !reader.line(line, at as u32 + 1, &mut found) {
            strange.push(format!("? {line}"));
        }
    }
    let of = |of: &Option<Box<str>>| of.as_deref().unwrap_or("-").to_owned();
    let counts =
        found.counts.iter().map(|count| format!("{:?} {} {}", count.fact, of(&count.of), count.value));
    let links =
        found.links.iter().map(|link| format!("{} {:?} {:?}", of(&link.of), link.duplex, link.speed_mbit));
    assert_eq!(counts.chain(links).chain(strange).collect::<Vec<_>>(), expected);
}

#[test]
fn linux() {
    check(
        "Ip:\n    5523 total packets received\nTcp:\n    120 active connection openings\n    88210 segments sent out\n    371 segments retransmitted\n    14 resets sent\nTcpExt:\n    7 times the listen queue of a socket overflowed\n    9 SYNs to LISTEN sockets dropped\n    TCPHPHits: 52\n",
        &["Sent - 88210", "Retransmitted - 371", "ResetsSent - 14", "ListenOverflows - 7", "ListenDrops - 9"],
    );
    check(
        "#kernel\nTcpRetransSegs                  371                0.0\nTcpExtListenOverflows           7                  0.0\nTcpExtTCPHPHits                 52                 0.0\n",
        &["Retransmitted - 371", "ListenOverflows - 7"],
    );
    check(
        "Kernel Interface table\nIface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\neth0      1500   881023     12      3 0        77120      0      0      0 BMRU\n",
        &["TxDrops eth0 0", "TxErrors eth0 0", "RxDrops eth0 3", "RxErrors eth0 12"],
    );
    check(
        "Settings for eth0:\n\tSpeed: 100Mb/s\n\tDuplex: Half\n\tAuto-negotiation: off\nNIC statistics:\n     rx_packets: 5\n     rx_errors: 12\n     tx_dropped: 1\n",
        &["RxErrors eth0 12", "TxDrops eth0 1", "eth0 Some(Half) Some(100)"],
    );
}

#[test]
fn solaris() {
    check("TCP     tcpRtoAlgorithm     =     4     tcpRtoMin           =   400\n", &[]);
    check(
        "TCP     tcpRtoAlgorithm     =     4     tcpRtoMin           =   400\n        tcpRetransSegs      =   371     tcpRetransBytes     = 90210\n        tcpOutWinUpdate     =     1     tcpOutRst           =    14\n        tcpTimRetrans       =   412     tcpTimRetransDrop   =     3\n        tcpListenDrop       =     9     tcpListenDropQ0     =     0\n",
        &["Retransmitted - 371", "ResetsSent - 14", "GaveUp - 3", "ListenDrops - 9"],
    );
    check(
        "Name  Mtu  Net/Dest      Address        Ipkts  Ierrs Opkts  Oerrs Collis Queue\nhme0  1500 192.0.2.0     192.0.2.9      88213  17    71234  2     5120   0\n",
        &["Collisions hme0 5120", "TxErrors hme0 2", "RxErrors hme0 17"],
    );
    check(
        "LINK              MEDIA                STATE      SPEED  DUPLEX    DEVICE\nnet0              Ethernet             up         100    half      e1000g0\n",
        &["net0 Some(Half) Some(100)"],
    );
    check(
        "tcp:0:tcp:listenDrop\t3\ne1000g:0:mac:ierrors\t17\ne1000g:0:mac:link_duplex\t1\n",
        &["ListenDrops - 3", "RxErrors e1000g0 17", "e1000g0 Some(Half) None"],
    );
}

#[test]
fn bsd_and_windows() {
    check(
        "tcp:\n\t88210 packets sent\n\t\t412 data packets (90210 bytes) retransmitted\n\t7 listen queue overflows\n\t3 connections dropped by keepalive\n",
        &["Retransmitted - 412", "ListenOverflows - 7", "KeepAliveDrops - 3"],
    );
    check(
        "Name    Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll\nem0    1500 <Link#1>      00:00:5e:00:53:01   881023    12     3    77120     0     5\nem0       - 192.0.2.0/24  192.0.2.10          880011     -     -    77001     -     -\n",
        &["Collisions em0 5", "TxErrors em0 0", "RxDrops em0 3", "RxErrors em0 12"],
    );
    check(
        "TCP Statistics for IPv4\n\n  Active Opens                        = 120\n  Segments Sent                       = 88210\n  Segments Retransmitted              = 371\n",
        &["Sent - 88210", "Retransmitted - 371"],
    );
}

#[test]
fn totals_are_none_where_nothing_tells() {
    let mut found = HostCounters::default();
    assert_eq!(found.total(HostFact::RxErrors), None);
    let mut count = |of: Option<&str>, value| {
        found.counts.push(Count { fact: HostFact::RxErrors, of: of.map(Into::into), value, line: 1 });
        found.total(HostFact::RxErrors)
    };
    assert_eq!(count(Some("eth0"), 3), Some(3));
    assert_eq!(count(Some("eth1"), 4), Some(7));
    assert_eq!(count(Some("eth2"), u64::MAX), Some(u64::MAX));
    assert_eq!(count(None, 5), Some(5));
}
