//! What a connection takes in a fragment.

use std::fs;

use cwait_pcap::analysis::Options;
use cwait_pcap::fragment::{self, Merged};

use crate::load::{self, Load};

/// Octets of the fragment of a load, and its rows. A packet long after the others makes final what is closed.
fn octets_and_rows(load: &Load) -> (u64, u64) {
    let (mut bytes, mut later) = (Vec::new(), Vec::new());
    load::write(load, &mut bytes).unwrap();
    let long_after = Load { packets: 1, concurrency: 1, first: 900_000, begins: load.begins + 100, ..*load };
    load::write(&long_after, &mut later).unwrap();
    bytes.extend(&later[24..]);
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("load.pcap");
    fs::write(&capture, bytes).unwrap();
    let mapped = fragment::map(&capture, folder.path(), None, &Options::default(), &mut |_| ()).unwrap();
    let mut rows = Merged::open(std::slice::from_ref(&mapped.fragment)).unwrap();
    let count = std::iter::from_fn(|| rows.next_row().unwrap()).count();
    (fs::metadata(mapped.fragment).unwrap().len(), count as u64)
}

/// Those still open at the end are as many in both loads; what the longer one has more is final.
#[test]
fn a_connection_that_is_over_takes_few_octets() {
    for (exchanges, most) in [(24, 50), (1, 36)] {
        let load = |connections: u64| Load {
            packets: connections * (7 + 2 * u64::from(exchanges)),
            concurrency: 500,
            exchanges,
            leak_every: 0,
            ..Load::default()
        };
        let [short, long] = [1_000, 5_000].map(|connections| octets_and_rows(&load(connections)));
        let (octets, rows) = (long.0 - short.0, long.1 - short.1);
        println!("{exchanges} exchanges: {octets} octets for {rows} connections");
        assert!(octets < most * rows, "{exchanges} exchanges: {octets} octets for {rows} connections");
    }
}
