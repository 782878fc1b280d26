//! The records of an ending, and what they are called.

use std::net::Ipv6Addr;

use super::*;

#[test]
fn which_icmp_errors_mean_that_nothing_arrived_and_which_that_a_filter_refuses() {
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let v4 = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let table = [
        (v4, 3, 0, true, false),
        (v4, 3, 1, true, false),
        (v4, 3, 2, true, true),
        (v4, 3, 3, true, true),
        (v4, 3, 4, false, false),
        (v4, 3, 9, true, true),
        (v4, 3, 10, true, true),
        (v4, 3, 13, true, true),
        (v4, 11, 3, false, false),
        (v4, 1, 1, false, false),
        (v6, 1, 0, true, false),
        (v6, 1, 1, true, true),
        (v6, 1, 3, true, false),
        (v6, 1, 4, true, true),
        (v6, 1, 5, true, true),
        (v6, 1, 6, true, true),
        (v6, 2, 4, false, false),
        (v6, 3, 1, false, false),
    ];
    for (from, kind, code, unreachable, refusal) in table {
        let error = IcmpError { seen: Stamp::default(), from, kind, code, count: 1 };
        assert_eq!(
            (error.is_unreachable(), error.is_refusal()),
            (unreachable, refusal),
            "{from} {kind}/{code}"
        );
    }
}

/// The window closes at the first of these seconds, opens at the second, and so on.
fn windows(seconds: &[i64]) -> Connection {
    let mut connection = Connection::new(flow(1));
    connection.keep_head();
    for (&second, frame) in seconds.iter().zip(1..) {
        let seen = Stamp { at: Timestamp::new(second, 0), frame };
        let window = if frame % 2 == 1 { 0 } else { 9 };
        connection.observe(&Segment { seen, window, ip_id: frame as u16, ..segment(LO, ACK, 100, 501, 0) });
    }
    connection
}

#[test]
fn the_longest_spell_of_a_closed_window_is_kept_and_the_first_of_two() {
    for (seconds, longest, from, since) in [
        (&[1, 3, 5, 6][..], 2, 1, None),
        (&[1, 3, 5, 9], 4, 3, None),
        (&[1, 3, 5, 7], 2, 1, None),
        (&[1, 3, 5], 2, 1, Some(3)),
    ] {
        let zero = *windows(seconds).zero_window(LO).unwrap();
        assert_eq!((zero.longest, zero.longest_from.frame), (Span::secs(longest), from), "{seconds:?}");
        assert_eq!((zero.since.map(|stamp| stamp.frame), zero.spells), (since, 2), "{seconds:?}");
    }
}

/// Who sends what, with which number and acknowledgment.
pub(super) type Step = (Side, TcpFlags, u32, u32);

/// A conversation that the lower side opens.
pub(super) fn conversation(script: &[Step]) -> Connection {
    let mut connection = Connection::new(flow(1));
    for (&(side, flags, seq, ack), frame) in script.iter().zip(1..) {
        let seen = Stamp { at: Timestamp(10_000_000 * frame as i64), frame };
        connection.observe(&Segment { seen, ip_id: frame as u16, ..segment(side, flags, seq, ack, 0) });
    }
    connection
}

#[test]
fn every_state_of_zeek() {
    let syn = (LO, SYN, 100, 0);
    let syn_ack = (HI, SYN | ACK, 500, 101);
    let ack = (LO, ACK, 101, 501);
    let (fin, fin_acked) = ((LO, FIN | ACK, 101, 501), (HI, ACK, 501, 102));
    let (late_fin, late_fin_acked) = ((HI, FIN | ACK, 501, 101), (LO, ACK, 101, 502));
    let (reset, reset_back) = ((LO, RST | ACK, 101, 501), (HI, RST | ACK, 501, 101));
    let table: [(&str, &[Step]); 24] = [
        ("S0", &[syn]),
        ("OTH", &[syn, syn_ack]),
        ("S1", &[syn, syn_ack, ack]),
        ("SF", &[syn, syn_ack, ack, fin, (HI, FIN | ACK, 501, 102)]),
        ("S2", &[syn, syn_ack, ack, fin, fin_acked]),
        ("S3", &[syn, syn_ack, ack, late_fin, late_fin_acked]),
        ("REJ", &[syn, (HI, RST | ACK, 0, 101)]),
        ("RSTO", &[syn, syn_ack, ack, reset]),
        ("RSTR", &[syn, syn_ack, ack, reset_back]),
        ("RSTO", &[syn, syn_ack, ack, reset, reset_back]),
        ("RSTR", &[syn, syn_ack, ack, reset_back, reset]),
        ("RSTOS0", &[syn, (LO, RST, 101, 0)]),
        ("RSTRH", &[syn_ack, reset_back]),
        ("SH", &[syn, (LO, FIN, 101, 0)]),
        ("SHR", &[syn_ack, late_fin]),
        ("OTH", &[ack, (HI, ACK, 501, 101)]),
        ("OTH", &[ack]),
        ("OTH", &[syn_ack]),
        ("S2", &[ack, fin]),
        ("S3", &[(HI, ACK, 501, 101), late_fin]),
        ("RSTO", &[ack, reset]),
        ("RSTR", &[ack, reset_back]),
        ("RSTR", &[(HI, ACK, 501, 101), reset_back]),
        ("RSTR", &[syn, syn_ack, reset_back]),
    ];
    for (state, script) in table {
        assert_eq!(Closure::of(&conversation(script), LO).conn_state, state, "{script:?}");
    }
}

#[test]
fn what_refuses_and_what_resets() {
    let (syn, syn_ack, ack) = ((LO, SYN, 100, 0), (HI, SYN | ACK, 500, 101), (LO, ACK, 101, 501));
    let reset_back = (HI, RST | ACK, 501, 101);
    let table: [(Ending, &[Step]); 8] = [
        (Ending::Unanswered, &[syn]),
        (Ending::Open, &[syn, (HI, ACK, 501, 50)]),
        (Ending::Open, &[syn_ack]),
        (Ending::Open, &[ack]),
        (Ending::Refused, &[syn, (HI, RST | ACK, 0, 101)]),
        (Ending::Reset(HI), &[(HI, RST | ACK, 0, 101)]),
        (Ending::Reset(HI), &[syn, syn_ack, reset_back]),
        (Ending::Reset(HI), &[syn, ack, reset_back]),
    ];
    for (ending, script) in table {
        assert_eq!(Ending::of(&conversation(script), LO), ending, "{script:?}");
    }
}

#[test]
fn a_reset_ends_what_its_numbers_belong_to() {
    let open = [(LO, SYN, 100, 0), (HI, SYN | ACK, 500, 101), (LO, ACK, 101, 501)];
    let both = [(LO, SYN, 100, 0), (HI, SYN, 500, 0)];
    let far = [&open[..], &[(HI, ACK, 200_501, 101)]].concat();
    let table: [(&[Step], Step, bool); 20] = [
        // To one that never spoke.
        (&[], (HI, RST, 7, 0), true),
        (&open[..1], (LO, RST, 7, 0), true),
        // It acknowledges all that was sent.
        (&open[..1], (HI, RST | ACK, 0, 101), true),
        (&open[..1], (HI, RST | ACK, 0, 100), false),
        (&open, (HI, RST | ACK, 7_000_000, 101), true),
        (&open, (HI, RST | ACK, 7_000_000, 100), false),
        // To one that never acknowledged anything: its sender goes on where it was, and says nothing of the other.
        (&open[..1], (HI, RST, 0, 0), false),
        (&both, (HI, RST, 501, 0), true),
        (&both, (HI, RST, 502, 0), false),
        (&both, (HI, RST | ACK, 501, 7), false),
        // Into the window, one octet before it, or where its sender was.
        (&open, (HI, RST, 499, 0), false),
        (&open, (HI, RST, 500, 0), true),
        (&open, (HI, RST, 501, 0), true),
        (&open, (HI, RST, 501 + (1 << 16), 0), true),
        (&open, (HI, RST, 502 + (1 << 16), 0), false),
        (&open, (LO, RST, 101, 0), true),
        (&far, (HI, RST, 501, 0), true),
        (&far, (HI, RST, 200_500, 0), false),
        (&far, (HI, RST, 200_501, 0), true),
        (&far, (LO, RST, 200_501, 0), false),
    ];
    for (script, reset, ends) in table {
        let connection = conversation(&[script, &[reset]].concat());
        assert_eq!(connection.ended_by_rst(reset.0), ends, "{reset:?} behind {script:?}");
        assert_eq!(connection.rst(reset.0).unwrap().seq.0, reset.2);
    }
}

#[test]
fn what_nobody_answers_is_stuck_only_on_a_connection() {
    let syns = [(LO, SYN, 100, 0); 6];
    assert_eq!(conversation(&syns).stuck(LO), None);
    let open = [(LO, SYN, 100, 0), (HI, SYN | ACK, 500, 101), (LO, ACK, 101, 501)];
    let script = [&open[..], &[(LO, FIN | ACK, 101, 501); 6]].concat();
    assert_eq!(conversation(&script).stuck(LO).map(|stuck| (stuck.since.frame, stuck.seq.0)), Some((7, 101)));
    let script = [&script[..], &[(HI, ACK, 501, 102)]].concat();
    assert_eq!(conversation(&script).stuck(LO), None);
}
