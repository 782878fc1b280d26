//! Rules about connections that were never made, were only probed, or were not captured whole; and about silences.

use super::*;

#[test]
fn syn_fin() {
    let odd = Scene::of("0 > SF\n 0.01 < RA");
    assert!(odd.finds("syn-fin"));
    assert_eq!(odd.told(), "syn-fin client");
    assert_eq!(told("1 > FA\n 1.01 < FA\n 1.02 > A"), "");
}

#[test]
fn syn_unanswered() {
    let alone = Scene::of("0 > S\n 1 > S seq=-1\n 3 > S seq=-1\n 4 end");
    assert!(alone.finds("syn-unanswered"));
    assert_eq!(alone.told(), "syn-unanswered client");
    assert_eq!(Scene::of("0 > S\n 0.5 end").told(), "undecided syn-unanswered client");
    assert_eq!(told("0.5 end"), "", "it was answered");
}

#[test]
fn syn_refused() {
    let refused = Scene::of("0 > S\n 0.01 < RA");
    assert!(refused.finds("syn-refused"));
    assert_eq!(refused.told(), "syn-refused server");
    assert_eq!(told("1 < RA opt"), "aborted server", "it was made first");
    assert_eq!(Scene::of("0 > S\n 0.1 end").told(), "undecided syn-unanswered client");
    assert_eq!(Scene::of("0 < R\n 1 end").told(), "undecided aborted server", "there was no SYN to refuse");
}

#[test]
fn whose_refusal_it_was_shows_on_other_connections_of_the_host() {
    for (rst, connections, others, sender) in [
        (63, 3, &[60][..], Sender::Box),
        (63, 9, &[59, 60], Sender::Box),
        (254, 3, &[60], Sender::Box),
        // Too few to know that there is one path.
        (63, 2, &[60], Sender::Unknown),
        (63, 0, &[], Sender::Unknown),
        // Its own, and as far from another initial value.
        (60, 3, &[60], Sender::Unknown),
        (124, 3, &[60], Sender::Unknown),
        // Farther off than the host: a machine behind its address.
        (58, 3, &[60], Sender::Unknown),
        (60, 3, &[63, 57], Sender::Unknown),
        // A program has set its own.
        (64, 3, &[1], Sender::Unknown),
        (64, 3, &[10], Sender::Unknown),
    ] {
        let scene = Scene::of(&format!("0 > S\n 0.01 < RA ttl={rst}")).elsewhere(connections, others);
        let origin = scene.with(|case| case.reset_origin(scene.client.peer())).unwrap();
        assert_eq!(origin.sender, sender, "RST {rst}, others {others:?}: {}", origin.because);
        let cause = scene.with(|case| judge(case).findings[0].cause.clone());
        assert_eq!(cause.is_some(), sender == Sender::Box, "what is not known is no cause: {cause:?}");
    }
}

#[test]
fn a_rst_of_a_system_is_not_told_from_a_socket_with_its_own_hop_limit() {
    for (own, rst, sender) in [(1, 64, Sender::Unknown), (10, 64, Sender::Unknown), (60, 63, Sender::Box)] {
        let scene =
            Scene::of(&format!("0 > S\n 0.01 < SA ttl={own}\n 0.02 > A\n 9 > PA +5\n 9.01 < R ttl={rst}"));
        let origin = scene.with(|case| case.reset_origin(scene.client.peer())).unwrap();
        assert_eq!(origin.sender, sender, "own {own}, RST {rst}: {}", origin.because);
    }
}

#[test]
fn probe() {
    let check = scene("0.03 > RA opt");
    assert!(check.finds("probe"));
    let scan = Scene::of("0 > F\n 1 > F seq=-1\n 2 end");
    assert!(scan.finds("probe"));
    assert_eq!(scan.told(), "probe client");
    assert_eq!(told("0.03 > PA +1\n 0.04 < A\n 0.05 > RA opt"), "aborted client", "something was said");
    assert_eq!(told("0.03 < RA opt"), "aborted server", "not its maker ended it");
}

#[test]
fn one_direction() {
    let half = Scene::of("0 > A +100\n 1 > A +100 ack=50\n 2 > A ack=90\n 3 end");
    assert!(half.finds("one-direction"));
    assert_eq!(half.told(), "one-direction server");
    assert_eq!(Scene::of("0 > A +100\n 0.1 < A\n 1 > A\n 3 end").told(), "");
    assert_eq!(Scene::of("0 > A\n 3 end").told(), "", "one segment proves nothing");
}

#[test]
fn capture_gap() {
    let gap = scene("1 > PA +100\n 1.1 < A ack=400\n 1.2 > A\n 2 end");
    assert!(gap.finds("capture-gap"));
    assert_eq!(told("1 > PA +100\n 1.1 < A\n 2 end"), "");
    let one = Scene::of("0 > A +100\n 1 > A +100 ack=50\n 2 > A ack=90\n 3 end");
    assert!(!one.finds("capture-gap"), "where one direction only is seen, everything is missing");
}

const USED: &str = "1 > PA +100\n 1.1 < PA +100 ttl=61\n 1.2 > A\n";

#[test]
fn dead_after_idle() {
    let dead = scene(&format!("{USED} 900 > PA +9\n 900.4 > PA +9 seq=-9\n 901.2 > PA +9 seq=-9\n 910 end"));
    assert!(dead.finds("dead-after-idle"));
    assert_eq!(dead.told(), "dead-after-idle client");
    let lives = scene(&format!(
        "{USED} 900 > PA +9\n 900.4 > PA +9 seq=-9\n 901.2 > PA +9 seq=-9\n 901.3 < A\n 910 end"
    ));
    assert!(!lives.finds("dead-after-idle"), "it was loss");
    let heard = "900 > PA +9\n 900.4 > PA +9 seq=-9\n 900.5 < PA +5 ack=-9\n 901.2 > PA +9 seq=-9\n 910 end";
    assert!(
        !scene(&format!("{USED} {heard}")).finds("dead-after-idle"),
        "its side is heard, only that segment is lost"
    );
    let early = scene(&format!("{USED} 900 > PA +9\n 900.4 > PA +9 seq=-9\n 901 end"));
    assert_eq!(early.told(), "undecided dead-after-idle client");
    let resets = |at: f64| {
        let repeated = "900 > PA +9\n 900.2 > PA +9 seq=-9\n 900.4 > PA +9 seq=-9\n";
        scene(&format!("{USED} {repeated} {at} > RA opt\n 920 end")).finds("dead-after-idle")
    };
    assert!(!resets(900.5), "it asked for half a second only");
    assert!(resets(905.0));
}

#[test]
fn reset_after_idle() {
    let reset = scene(&format!("{USED} 900 > PA +9\n 900.01 < R ttl=254"));
    assert!(reset.finds("reset-after-idle"));
    assert!(!scene(&format!("{USED} 900 > PA +9\n 900.01 < A ttl=61\n 901 end")).finds("reset-after-idle"));
    assert!(
        !scene(&format!("{USED} 900 > PA +9\n 900.01 < R ttl=61")).finds("reset-after-idle"),
        "the hop limit does not tell who sent it"
    );
}

#[test]
fn peer_forgot() {
    let forgot = scene(&format!("{USED} 900 > PA +9\n 900.01 < R ttl=61"));
    assert!(forgot.finds("peer-forgot"));
    assert!(!scene(&format!("{USED} 1.5 > PA +9\n 1.51 < R ttl=61")).finds("peer-forgot"), "no silence");
    assert!(!scene(&format!("{USED} 900 > PA +9\n 900.01 < R ttl=254")).finds("peer-forgot"), "a box did");
}

#[test]
fn a_refusal_by_icmp_is_told_from_a_host_out_of_reach() {
    let said = |kind: u8, code: u8| {
        let script = "1 > PA +100\n 1.1 < PA +100\n 1.2 > A\n 900 < PA +9\n 900.3 < PA +9 seq=-9\n 901 end";
        let scene = scene(script).icmp(kind, code);
        scene.with(|case| case.broken().map(|broken| broken.how))
    };
    assert!(matches!(said(3, 13), Some(How::Quoted { .. })), "prohibited");
    assert!(matches!(said(3, 3), Some(How::Quoted { .. })), "a filter's usual answer to TCP");
    assert!(matches!(said(3, 1), Some(How::Unreachable { .. })), "no such host");
    assert!(matches!(said(3, 0), Some(How::Unreachable { .. })), "no way there");
    assert_eq!(said(3, 4), None, "too big is no refusal");
    assert_eq!(said(11, 0), None, "nor is a loop");
}
