//! Multipath TCP: programs close by DATA_FIN, and FINs of subflows accuse nobody.

use super::*;

/// A request, its answer, and the client's DATA_FIN with its acknowledgment.
const LEFT: &str = "1 > PA +100 dack=1\n 1.1 < PA +100 dack=101\n 1.2 > A dfin=102\n 1.21 < A dack=102\n";
/// A request that was never answered, and the client's DATA_FIN right behind it.
const ASKED: &str = "1 > PA +100 dack=1\n 1.001 > A dfin=102\n 1.01 < A dack=102\n";
const FINS: &str = "6 > FA\n 6.01 < FA\n 6.02 > A\n";

fn after(start: &str, rest: &str) -> Scene {
    scene(&format!("{start}{rest}"))
}

fn why_not(scene: &Scene, name: &str) -> String {
    scene.with(|case| match answers(case).find(|(rule, _)| *rule == name).unwrap().1 {
        Answer::No(why) => why.into(),
        Answer::Undecided(undecided) => undecided.why,
        Answer::Found(_) => "found".into(),
    })
}

#[test]
fn missing_data_fin() {
    assert_eq!(after(LEFT, "9 end").told(), "missing-data-fin server");
    assert!(after(LEFT, "9 end").finds("missing-data-fin"));
    assert_eq!(after(LEFT, "2 end").told(), "undecided missing-data-fin server", "too young");
    assert_eq!(after(LEFT, "5 < A dfin=102\n 5.01 > A dack=102\n 9 end").told(), "", "it closed");
    let by_server =
        "1 > PA +100 dack=1\n 1.1 < PA +100 dack=101\n 1.2 < A dfin=102\n 1.21 > A dack=102\n 9 end";
    assert_eq!(told(by_server), "missing-data-fin client");
    let unacked = LEFT.replace("1.21 < A dack=102", "1.21 < A dack=101");
    assert_eq!(after(&unacked, "9 end").told(), "undecided missing-data-fin server");
    let sent_again = LEFT.replace("1.21 < A dack=102", "4 > A dfin=102\n 4.01 < A dack=102");
    assert_eq!(after(&sent_again, "9 end").told(), "missing-data-fin server", "the first one was lost");
    assert_eq!(after(LEFT, "9 end").half_closes().told(), "");
}

#[test]
fn numbers_wrap() {
    let script = "1 > PA +100 dack=4294967200\n 1.1 < PA +100 dack=4294967290\n 1.2 > A dfin=3\n 1.21 < A dack=3\n 9 end";
    assert_eq!(told(script), "missing-data-fin server");
}

#[test]
fn never_certain_without_the_word_of_the_host() {
    let fact = |script: &str| {
        let scene = scene(script);
        scene.with(|case| judge(case).primary().map(|finding| finding.fact)).unwrap()
    };
    assert_eq!(fact(&format!("{LEFT} 5 > A\n 5.01 < A\n 9 end")), Certainty::Likely);
    assert_eq!(fact(&format!("{LEFT} 9 end")), Certainty::Likely);
    let mut lossy = after(LEFT, "9 end");
    lossy.capture.drops = Some(9);
    assert_eq!(
        lossy.with(|case| judge(case).primary().map(|finding| finding.fact)),
        Some(Certainty::Possible)
    );
}

#[test]
fn an_answer_that_is_owed_is_waited_for() {
    let waits = why_not(&after(ASKED, "31 end"), "missing-data-fin");
    assert!(waits.ends_with("grace is 1 min"), "{waits}");
    assert_eq!(after(ASKED, "99 end").told(), "missing-data-fin server");
    let answered = why_not(&after(ASKED, "31 < PA +9 dack=102\n 31.5 end"), "missing-data-fin");
    assert!(
        answered.starts_with("it still sent payload") && answered.ends_with("grace is 1 s"),
        "{answered}"
    );
    assert_eq!(
        after(ASKED, "31 < PA +9 dack=102\n 35 end").told(),
        "missing-data-fin server",
        "it is answered"
    );
}

#[test]
fn what_ends_the_wait() {
    assert_eq!(after(LEFT, "61 > RA opt\n 99 end").told(), "missing-data-fin server", "its peer gave up");
    assert_eq!(after(LEFT, "5 < RA opt\n 9 end").told(), "missing-data-fin server", "killed, most likely");
    assert_eq!(after(LEFT, "1.3 < RA opt\n 9 end").told(), "aborted server", "at once");
    assert_eq!(after(LEFT, "1.3 > RA opt\n 9 end").told(), "aborted client", "its peer did not wait");
}

#[test]
fn fins_of_a_subflow_accuse_nobody() {
    let gave_up = "5 > FA dack=101\n 5.01 < A dack=102\n";
    assert_eq!(after(LEFT, &format!("{gave_up} 9 end")).told(), "missing-data-fin server");
    let rest = "5 < FA dack=102\n 5.01 > A dack=101\n 9 end";
    assert_eq!(
        after(LEFT, rest).told(),
        "undecided missing-data-fin server",
        "it closed this subflow itself"
    );
    assert_eq!(after(LEFT, &format!("{FINS} 9 end")).told(), "", "over");
    // One that goes on elsewhere: the peer's system leaves the subflow in CLOSE-WAIT.
    let open = "1 > PA +100 dack=1\n 1.1 < PA +100 dack=101\n 2 > FA dack=101\n 2.01 < A dack=101\n 9 end";
    assert_eq!(told(open), "");
    assert!(why_not(&scene(open), "missing-fin").starts_with("Multipath TCP"));
}

/// What speaks of a plain connection is quiet of a subflow that does the same.
#[test]
fn rules_on_fins_are_quiet_on_subflows() {
    let left = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
    for (rule, script) in [
        ("missing-fin", format!("{left} 9 end")),
        ("late-fin", format!("{left} 6 < FA\n 6.01 > A")),
        ("half-close-in-use", format!("{left} 5 < PA +500\n 5.01 > A\n 5.5 end")),
        ("close-wait-aborted", format!("{left} 9 < RA opt")),
        ("late-answer", "1 > PA +100\n 1.02 < A\n 2 > FA\n 2.01 < A\n 90 < PA +100\n 90.01 > R".into()),
        ("client-gave-up", "1 > PA +100\n 1.02 < A\n 31 > FA\n 31.02 < A\n 31.03 < FA\n 31.04 > A".into()),
    ] {
        let around = |script: &str| scene(script).gave_up(3, Span::secs(30)).alive(false);
        assert!(around(&script).finds(rule), "{rule} speaks");
        let subflow = script.replacen("+100", "+100 dack=1", 1).replacen("< A", "< A dack=101", 1);
        let subflow = subflow.replacen("< PA +100\n 1.2", "< PA +100 dack=101\n 1.2", 1);
        let why = why_not(&around(&subflow), rule);
        assert!(why.starts_with("Multipath TCP: "), "{rule}: {why}");
    }
}

#[test]
fn plain_tcp_is_judged_by_its_fins() {
    // Offered and not used; used by one side alone; given up on the way.
    let start = "1 > PA +100\n 1.1 < PA +100\n 1.2 > FA\n 1.21 < A\n";
    assert_eq!(after(start, "9 end").told(), "missing-fin server");
    assert_eq!(
        after(&start.replace("PA +100\n 1.1", "PA +100 dack=1\n 1.1"), "9 end").told(),
        "missing-fin server"
    );
    let fell_back = start.replace("> PA +100", "> PA +100 dack=1").replace("< PA +100", "< PA +100 dack=101");
    assert_eq!(after(&fell_back, "9 end").told(), "");
    assert_eq!(after(&fell_back.replace("> FA", "> FA fallback=0"), "9 end").told(), "missing-fin server");
}
