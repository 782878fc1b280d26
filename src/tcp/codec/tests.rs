//! What comes back is what went in, whatever it was; and a part that was kept stays readable.

use super::*;
use crate::tcp::anything;
use crate::tcp::laws::difference;
use crate::tcp::traffic::{self, flow};

/// Opened, asked, answered and closed, as a part of a capture holds it.
fn closed() -> Connection {
    const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);
    const FIN_ACK: TcpFlags = TcpFlags::FIN.with(TcpFlags::ACK);
    let segments = [
        (Side::Hi, TcpFlags::SYN, 700, 0, 0),
        (Side::Lo, SYN_ACK, 40, 701, 0),
        (Side::Hi, TcpFlags::ACK, 701, 41, 0),
        (Side::Hi, TcpFlags::ACK, 701, 41, 300),
        (Side::Lo, TcpFlags::ACK, 41, 1_001, 1_000),
        (Side::Lo, FIN_ACK, 1_041, 1_001, 0),
        (Side::Hi, TcpFlags::ACK, 1_001, 1_042, 0),
        (Side::Hi, FIN_ACK, 1_001, 1_042, 0),
        (Side::Lo, TcpFlags::ACK, 1_042, 1_002, 0),
    ];
    let mut connection = Connection::new(flow(1));
    connection.keep_head();
    for (n, (side, flags, seq, ack, len)) in (1..).zip(segments) {
        let seen = Stamp { at: Timestamp(1_700_000_000_123_456_789 + n * 7_000_000), frame: n as u64 };
        let (has_options, window_scale) = if n < 3 { (true, 7) } else { (false, Segment::NO_SCALE) };
        let segment = traffic::segment(side, flags, seq, ack, len);
        connection.observe(&Segment { seen, ip_id: n as u16, has_options, window_scale, ..segment });
    }
    connection
}

fn together(apart: &Apart) -> Result<Connection, Damaged> {
    Connection::put_together(columns::expected(&apart.whole), &apart.octets)
}

#[test]
fn anything_comes_back() {
    for seed in 0..400 {
        let connection = anything::connection(seed);
        let back = together(&connection.take_apart(false)).unwrap();
        assert!(back == connection, "{seed}, back | before:{}", difference(&back, &connection));
    }
}

#[test]
fn one_that_is_over_costs_its_syn_alone() {
    let connection = closed();
    let kept = connection.take_apart(false);
    assert_eq!(together(&kept).unwrap(), connection);
    let settled = connection.take_apart(true);
    let size = |apart: &Apart| apart.octets.shape.len() + apart.octets.rest.len();
    assert!(size(&settled) * 2 < size(&kept), "{} {}", size(&settled), size(&kept));
    let back = together(&settled).unwrap();
    assert_eq!(back.head().unwrap().segments.len(), 1);
    let mut whole = connection.whole();
    whole.forget_marks();
    assert_eq!(back.whole(), whole);
}

/// Parts are kept for months. Should another change of the code than a new form have changed this, then it has made
/// those unreadable that were kept before, or larger those that are to come.
#[test]
fn a_form_stays_what_it_is() {
    let mut told = blake3::Hasher::new();
    let mut tell = |connection: &Connection, settled: bool| {
        let Apart { whole, octets } = connection.take_apart(settled);
        for fact in FACTS.iter() {
            told.update(format!("{} {:?}", fact.name, fact.get(&whole)).as_bytes());
        }
        told.update(&octets.shape);
        told.update(&octets.rest);
    };
    // What is added up behind a head that was full is the business of joining.
    let open = |connection: &Connection| connection.head().is_none_or(|head| head.closed.is_none());
    (0..400).map(anything::connection).filter(open).for_each(|connection| tell(&connection, false));
    [false, true].into_iter().for_each(|settled| tell(&closed(), settled));
    assert_eq!((FORM, &told.finalize().to_hex()[..16]), (5, "b071fb303909156b"));
}
