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
fn a_handshake_that_never_ends_is_no_loss() {
    let half = "0 > S\n 0.01 < SA\n 1 < SA seq=-1\n 3 < SA seq=-1\n 7 < SA seq=-1\n";
    let scene = |rest: &str| Scene::of(&format!("{half}{rest}"));
    let lost = |scene: &Scene| ServiceFacts::lost_at_random(&scene.connection, scene.client.peer());
    let never = scene("9 end");
    assert!(never.finds("syn-unanswered"));
    assert_eq!((never.told(), lost(&never)), ("syn-unanswered server".into(), 0));
    let made = scene("7.01 > A\n 9 end");
    assert_eq!((made.told(), lost(&made)), (String::new(), 3));
    assert_eq!(Scene::of("0 > S\n 0.01 < SA\n 1 < SA seq=-1\n 2 end").told(), "", "too few to tell");
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

#[test]
fn unacked_data() {
    let again = |from: f64, side: char| -> String {
        let times = [0.0, 0.2, 0.6, 1.4, 3.0].into_iter().enumerate();
        times
            .map(|(n, after)| {
                format!(" {} {side} PA +9{}\n", from + after, if n > 0 { " seq=-9" } else { "" })
            })
            .collect()
    };
    let dead = format!("{USED}{}", again(2.0, '>'));
    let (blamed, busy) = (scene(&format!("{dead} 9 end")), scene(&format!("{dead} 9 end")).alive(false));
    assert_eq!((blamed.told(), busy.told()), ("unacked-data client".into(), "unacked-data client".into()));
    let cause = |scene: &Scene| scene.with(|case| judge(case).findings[0].cause.clone().unwrap());
    assert_eq!((cause(&blamed).what, cause(&blamed).certainty), ("the host", Certainty::Possible));
    assert_eq!((cause(&busy).what, cause(&busy).certainty), ("the path", Certainty::Likely));
    assert!(
        !scene(&format!("{dead} 5.5 > FA\n 6 > FA seq=-1\n 9 end")).finds("unacked-data"),
        "told as unacked-fin"
    );
    let after_fin = " 5.5 > FA\n 6.5 > PA +9 seq=-10\n 8 > PA +9 seq=-10\n 9 end";
    assert!(!scene(&format!("{dead}{after_fin}")).finds("unacked-data"), "said before its FIN");
    let silent = scene(&format!("{USED}{} 39 end", again(9.0, '>')));
    assert_eq!(silent.told(), "dead-after-idle client");
    assert!(!silent.finds("unacked-data"), "a silence came before");
    let burst: String = [" 2 > PA +9\n".to_owned()]
        .into_iter()
        .chain((1..6).map(|n| format!(" 2.{n} > PA +9 seq=-9\n")))
        .collect();
    assert!(!scene(&format!("{USED}{burst} 9 end")).finds("unacked-data"), "for a moment only");
    for (why, rest) in [
        ("it was taken in the end", "5.1 < A ttl=61\n 9 end"),
        ("a RST answered", "5.1 < R ttl=61\n 9 end"),
        ("nobody reads", "5.1 < A ack=-9 win=0 ttl=61\n 9 end"),
    ] {
        assert!(!scene(&format!("{dead} {rest}")).finds("unacked-data"), "{why}");
    }
    let heard = scene(&format!("{dead} 6 < PA +9 ack=-9 ttl=61\n 9 end"));
    assert_eq!(heard.told(), "unacked-data client", "it speaks, and takes nothing");
    let unmade = Scene::of(&format!(
        "0 > S\n 0.01 < SA\n 0.02 > A\n{} 1 < SA seq=-1 ack=-9\n 3 < SA seq=-1 ack=-9\n 9 end",
        again(0.1, '>')
    ));
    assert_eq!(unmade.told(), "unacked-data client");
    assert!(
        cause(&unmade).because[0].contains("the end of the handshake does not reach it"),
        "{:?}",
        cause(&unmade)
    );
}

#[test]
fn a_rst_before_the_silence_answers_nothing() {
    let aborted = scene(&format!("{USED} 1.3 > RA opt\n 9 < PA +9\n 9.01 > R\n 12 end"));
    assert_eq!(aborted.told(), "aborted client");
    assert!(!aborted.finds("peer-forgot") && !aborted.finds("reset-after-idle"));
    assert_eq!(aborted.with(|case| case.broken()), None);
}

/// A router shows what it passes on twice: as it comes in, and as it goes out with a hop less to go.
#[test]
fn a_rst_of_the_machine_that_was_captured_on_shows_once_where_all_else_shows_twice() {
    let twice = |line: &str| {
        let back = if line.contains("+100") { -100 } else { -i32::from(line.contains('S')) };
        format!("{line}\n{line} seq={back} ttl=63\n")
    };
    let used: String = [
        "0 > S id=1",
        "0.01 < SA id=2",
        "0.02 > A id=3",
        "1 > PA +100 id=4",
        "1.1 < PA +100 id=5",
        "1.2 > A id=6",
    ]
    .into_iter()
    .map(twice)
    .collect();
    let sender = |rest: &str| {
        let scene = Scene::of(&format!("{used} {rest}"));
        scene.with(|case| case.reset_origin(scene.client.peer()).map(|origin| (origin.sender, scene.told())))
    };
    let by = |sender, told: &str| Some((sender, told.to_owned()));
    assert_eq!(sender("9 > PA +9 id=7\n 9.001 < R id=8"), by(Sender::Box, "reset-after-idle client"));
    let passed_on = "9 > PA +9 id=7\n 9 > PA +9 seq=-9 id=7 ttl=63\n 9.001 < R id=8";
    assert_eq!(sender(passed_on), by(Sender::Unknown, "peer-forgot server"), "dropped on its way back");
    let all = format!("{passed_on}\n 9.001 < R id=8 ttl=63");
    assert_eq!(sender(&all), by(Sender::Unknown, "peer-forgot server"), "passed on, too");
}

#[test]
fn what_a_connection_alone_tells_of_a_path_that_forgets() {
    let lost = |rest: &str| {
        let scene = scene(&format!("{USED}{rest}"));
        [scene.client, scene.client.peer()]
            .map(|side| lost_toward(&scene.connection, side).map(|span| span.0 / 1_000_000_000))
    };
    let vain = "9 > PA +9\n 9.4 > PA +9 seq=-9\n 10.2 > PA +9 seq=-9\n";
    assert_eq!(lost(&format!("{vain} 19 end")), [None, Some(7)]);
    assert_eq!(lost(&format!("{vain} 10.21 < A ttl=61\n 19 end")), [None, None]);
    assert_eq!(lost("9 < PA +9 ttl=61\n 9.01 > R ttl=63"), [Some(7), None], "another machine's");
    assert_eq!(lost("9 < PA +9 ttl=61\n 9.01 > R ttl=64"), [None, None], "its own, as far as can be told");
}

#[test]
fn a_socket_connected_to_itself_is_no_capture_of_one_direction() {
    let ends = Endpoint::v4([127, 0, 0, 1], 41_000);
    let (key, side) = FlowKey::of(ends, ends, 0);
    let mut scene = scene("");
    let mut own = Connection::new(key);
    let mut next = [SeqNum(1), SeqNum(1)];
    for (frame, line) in (1..).zip(["S", "SA seq=-1", "PA +2", "A", "FA", "A"]) {
        let seen = Stamp { at: Timestamp::new(1_000, 0), frame };
        own.observe(&segment(side, seen, line.split_whitespace(), &mut next));
    }
    scene.connection = own;
    assert!(!scene.finds("one-direction"), "{}", scene.told());
}

/// From one moment on the server's direction passes elsewhere: its answers to probes are not captured, nor anything else.
#[test]
fn probes_that_may_have_been_answered_unseen_prove_nothing() {
    let probes = |n: usize| -> String { (0..n).map(|n| format!(" {} > A seq=-1\n", 9 + 2 * n)).collect() };
    let told = |probes: &str, change: &dyn Fn(&mut Scene)| {
        let mut scene = scene(&format!("{USED}{probes} 99 end"));
        change(&mut scene);
        (scene.told(), scene.with(|case| case.broken().is_some()))
    };
    let (dead, cannot_tell) =
        (("dead-after-idle client".to_owned(), true), ("undecided dead-after-idle client".to_owned(), false));
    assert_eq!(told(&probes(5), &|_| {}), dead);
    assert_eq!(told(&probes(11), &|_| {}), cannot_tell, "no system probes so often in vain");
    let unseen = |at: i64| {
        move |scene: &mut Scene| {
            scene.hosts[scene.client.peer().index()].unseen = Some(Timestamp::new(1_000 + at, 0));
        }
    };
    assert_eq!(told(&probes(5), &unseen(20)), cannot_tell, "it spoke unseen elsewhere");
    assert_eq!(told(&probes(5), &unseen(5)), dead, "but not since");
    let data = format!(
        "{} 21 > PA +9\n 21.2 > PA +9 seq=-9\n 21.6 > PA +9 seq=-9\n 22.4 > PA +9 seq=-9\n",
        probes(5)
    );
    assert_eq!(told(&data, &unseen(20)), dead, "data are sent again only if nobody answers");
    assert!(!told(&format!("{} 21 > A ack=50\n", probes(5)), &|_| {}).1, "it takes what was not captured");
}
