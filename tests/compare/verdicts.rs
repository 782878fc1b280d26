//! What is said of pairs of real captures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cwait_pcap::capture::{Limits, Reader};
use cwait_pcap::compare::{Alteration, Comparison, Doubt, End, Event, How, Kind, OrderedBy, Ruling, Story};
use cwait_pcap::decode::{self, Decoded, Decoder};
use cwait_pcap::detail::{Act, Acts};
use cwait_pcap::findings::Certainty;
use cwait_pcap::wire::{FlowKey, Segment, Span, TcpFlags};

use super::write::Packet;
use super::{bundled, client_port, compare, count, matters, told};
use crate::alter::{Capture, number};

use crate::truth::Scenario;

/// Every pair that was captured on both hosts, with the port of its service.
const PAIRS: [(&str, u16); 8] = [
    ("both-sides-of-lossy-firewall", 8443),
    ("firewall-forgets-silently", 7001),
    ("firewall-forgets-with-reset", 5000),
    ("ipv6-firewall-forgets", 8009),
    ("idle-gap-ladder", 8443),
    ("idle-gap-ladder-15min", 8443),
    ("idle-gap-ladder-reset", 0),
    ("idle-gap-ladder-reset-60min", 0),
];

fn pair(scenario: &str) -> [PathBuf; 2] {
    ["client-side.pcap", "server-side.pcap"].map(|file| bundled(scenario, file))
}

/// What identifies a segment at both places; the firewalls of the pairs change nothing but the hop limit.
type Name = (FlowKey, u8, u32, u32, u32, u8, u32, u16);

/// The segments of a capture that a comparison has to account for, read without it.
fn segments(path: &Path) -> BTreeMap<Name, u32> {
    let mut decoder = Decoder::new(decode::Options::default());
    let mut acts: std::collections::HashMap<FlowKey, Acts> = std::collections::HashMap::new();
    let mut found = BTreeMap::new();
    let mut take = |record: &cwait_pcap::capture::Record<'_>| {
        let Decoded::Segment(key, s) = decoder.decode(record) else { return };
        let Some((act, _)) = acts.entry(key).or_default().next(&s) else { return };
        if s.span() > 0 || s.flags.any(TcpFlags::RST) || act == Act::KeepAlive {
            *found.entry(name(key, &s)).or_default() += 1;
        }
    };
    let mut reader = Reader::open(path, &Limits::default()).unwrap();
    while reader.next_batch(&mut take).unwrap() {}
    found
}

fn name(key: FlowKey, s: &Segment) -> Name {
    (key, s.side as u8, s.seq.0, s.ack.0, s.len, s.flags.0, s.timestamps.val, s.window)
}

/// By flow: segments that the first place shows more often than the second, and the other way round.
fn one_sided(paths: &[PathBuf; 2]) -> BTreeMap<FlowKey, [u32; 2]> {
    let [a, b] = [segments(&paths[0]), segments(&paths[1])];
    let mut found: BTreeMap<FlowKey, [u32; 2]> = BTreeMap::new();
    for (which, (here, there)) in [(&a, &b), (&b, &a)].into_iter().enumerate() {
        for (name, times) in here {
            let more = times.saturating_sub(*there.get(name).unwrap_or(&0));
            if more > 0 {
                found.entry(name.0).or_default()[which] += more;
            }
        }
    }
    found
}

#[test]
fn every_segment_that_one_side_alone_shows_has_its_fate() {
    let mut all = 0;
    for (scenario, _) in PAIRS {
        let paths = pair(scenario);
        let comparison = compare(&paths);
        let mut expected = one_sided(&paths);
        for story in &comparison.stories {
            let key = comparison.judged(&story.shared, 0).unwrap().connection.key;
            let mut shown = [0, 0];
            // Which acknowledgment is the first of a FIN depends on who looks.
            for fate in story.fates.iter().filter(|fate| fate.act != Act::AckOfFin) {
                assert!(matches!(fate.between, (0, 1) | (1, 0)), "{scenario} {key:?}: {fate:?}");
                let near = if fate.from == End::Client { 0 } else { 1 };
                assert_eq!(fate.between.0, near, "{scenario} {key:?}: {fate:?}");
                shown[fate.shown_at()] += fate.missing;
            }
            assert_eq!(
                shown,
                expected.remove(&key).unwrap_or_default(),
                "{scenario} {key:?} {:?}",
                story.fates
            );
            all += shown[0] + shown[1];
        }
        assert!(expected.is_empty(), "{scenario}: {expected:?} in no story");
    }
    assert!(all > 200, "only {all} segments were seen at one side alone");
}

#[test]
fn what_was_lost_is_told_unless_the_other_capture_had_ended() {
    for (scenario, _) in PAIRS {
        let comparison = compare(&pair(scenario));
        for story in &comparison.stories {
            for fate in story.fates.iter().filter(|fate| !fate.is_told()) {
                let end = comparison.views[fate.missing_at()].outcome.capture.last.at;
                assert!(fate.first.at + Span::millis(200) > end, "{scenario}: {fate:?}");
            }
        }
    }
}

/// Sessions that the firewall's own log says were gone, and those it kept.
#[test]
fn forgotten_sessions_are_those_that_the_firewall_forgot() {
    let mut forgotten = 0;
    for (scenario, _) in PAIRS {
        let paths = pair(scenario);
        let comparison = compare(&paths);
        let folder = paths[0].parent().unwrap().parent().unwrap();
        let truth = Scenario::all_in(folder).into_iter().find(|found| found.name == scenario).unwrap();
        let text = std::fs::read_to_string(truth.folder.join("truth.json")).unwrap();
        let truth: serde_json::Value = serde_json::from_str(&text).unwrap();
        for known in truth["connections"].as_array().unwrap() {
            let port = known["client"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
            let Some(story) = story(&comparison, port) else { panic!("{scenario}: no connection {port}") };
            let failed =
                known["idle_gaps"].as_array().into_iter().flatten().find(|gap| {
                    matches!(gap["outcome"].as_str().unwrap(), "silent_drop" | "reset_by_firewall")
                });
            let said = story.matters.iter().find(|matter| matter.kind == Kind::SessionForgotten);
            let Some(gap) = failed else {
                assert_eq!(said, None, "{scenario} {port}");
                continue;
            };
            let said = said.unwrap_or_else(|| panic!("{scenario} {port}: {gap} not told: {:?}", story.fates));
            let speaker = if gap["first_speaker_after"] == "client" { End::Client } else { End::Server };
            assert_eq!(said.end, speaker, "{scenario} {port}");
            let silence = said.silence.unwrap().as_secs_f64();
            let scale = truth["time_scale"].as_f64().unwrap_or(1.0);
            let off = (silence - gap["seconds"].as_f64().unwrap()).abs();
            assert!(off < 0.3 * scale, "{scenario} {port}: {silence} s, {gap}");
            let reset = gap["outcome"] == "reset_by_firewall";
            let forged = story.matters.iter().any(|matter| matter.kind == Kind::RstForged);
            assert_eq!(forged, reset, "{scenario} {port}: {:?}", story.matters);
            forgotten += 1;
        }
    }
    assert!(forgotten > 40, "only {forgotten}");
}

fn story(comparison: &Comparison, port: u16) -> Option<&Story> {
    comparison.stories.iter().find(|story| client_port(comparison, &story.shared) == port)
}

#[test]
fn fins_that_are_owed_are_owed_for_certain() {
    let comparison = compare(&pair("both-sides-of-lossy-firewall"));
    let confirmed = comparison.stories.iter().flat_map(|story| &story.opinions);
    let owed: Vec<_> = confirmed.filter(|opinion| opinion.finding == "missing-fin").collect();
    assert_eq!(owed.len(), 7);
    for opinion in owed {
        assert_eq!(opinion.ruling, Ruling::Confirmed);
        // The verdict of the place far from the one that owes.
        assert_eq!(opinion.at, if opinion.end == End::Server { 0 } else { 1 });
        assert!(opinion.says.contains("which captured at its host, shows no FIN"), "{}", opinion.says);
    }
    assert_eq!(comparison.path.order, [0, 1]);
    assert_eq!(comparison.path.by, OrderedBy::Delays);
}

/// Of Multipath TCP the path is cleared, but there may be other subflows.
#[test]
fn data_fins_that_are_owed_were_not_lost_on_the_way() {
    let comparison = compare(&pair("multipath-tcp"));
    let opinions = comparison.stories.iter().flat_map(|story| &story.opinions);
    let owed: Vec<_> = opinions.filter(|opinion| opinion.finding == "missing-data-fin").collect();
    assert_eq!(owed.iter().filter(|opinion| opinion.end == End::Client).count(), 2);
    assert_eq!(owed.len(), 8);
    for opinion in owed {
        assert_eq!((opinion.ruling, opinion.certainty), (Ruling::Confirmed, Certainty::Likely));
        assert_eq!(opinion.at, if opinion.end == End::Server { 0 } else { 1 });
        assert!(opinion.says.contains("shows no DATA_FIN of the"), "{}", opinion.says);
    }
}

/// Ports of the service and of the client, and who sends, of a frame with TCP.
fn ends(data: &[u8], tcp: usize, service: u16) -> (u16, bool) {
    let port = |at: usize| u16::from_be_bytes([data[at], data[at + 1]]);
    if port(tcp) == service { (port(tcp + 2), true) } else { (port(tcp), false) }
}

/// What the other side of a firewall shows that drops every FIN of the server.
fn eaten(capture: Capture, service: u16, folder: &Path) -> PathBuf {
    let far = folder.join("client-side.pcap");
    let is_fin = |data: &[u8], tcp: usize| data[tcp + 13] & 1 != 0 && ends(data, tcp, service).1;
    let left = capture.only(|packet, tcp| tcp.is_none_or(|tcp| !is_fin(&packet.data, tcp)));
    left.nearer_to_clients(service, 1_000_000).write(&far);
    far
}

#[test]
fn a_fin_that_is_acknowledged_was_not_eaten() {
    // The firewall of this one did drop FINs of the server, and was captured on the server's side only.
    let near = bundled("fin-blocked-by-firewall", "server-side.pcap");
    let folder = tempfile::tempdir().unwrap();
    let comparison = compare(&[eaten(Capture::read(&near), 8080, folder.path()), near]);
    // Four were; the others are a hole in the capture, since clients acknowledge them.
    assert_eq!(count(&comparison, Kind::FinLost), 4);
    assert_eq!(comparison.stretches[0].flows[1].fins_eaten, 4);
    let fates = comparison.stories.iter().flat_map(|story| &story.fates);
    assert_eq!(fates.filter(|fate| fate.doubt == Some(Doubt::Arrived)).count(), 6);
    // What could not be decided at the far side is decided.
    let opinions = comparison.stories.iter().flat_map(|story| &story.opinions);
    let decided: Vec<_> =
        opinions.filter(|o| o.finding == "missing-fin" && o.at == 0 && o.was_undecided).collect();
    assert!(decided.len() >= 2, "{decided:?}");
    for opinion in decided {
        assert_eq!(opinion.ruling, Ruling::Overturned);
        let eaten = opinion.says.ends_with("lost between server-side.pcap.zst and client-side.pcap");
        let missed = opinion.says.ends_with("so it arrived: client-side.pcap missed it");
        assert!(eaten || missed, "{opinion:?}");
    }
}

#[test]
fn a_fin_eaten_between_overturns_what_the_far_side_says() {
    let service = 16310;
    let folder = tempfile::tempdir().unwrap();
    let near = folder.path().join("server-side.pcap");
    // Nobody has ever acknowledged a FIN of the server, or heard of it.
    let mut fins = BTreeMap::new();
    let unheard = Capture::read(&bundled("late-close", "server-side.pcap")).only(|packet, tcp| {
        let Some(tcp) = tcp else { return true };
        let (port, from_service) = ends(&packet.data, tcp, service);
        let (seq, ack) = (number(&packet.data, tcp + 4), number(&packet.data, tcp + 8));
        if from_service && packet.data[tcp + 13] & 1 != 0 {
            fins.insert(port, seq);
        }
        from_service || fins.get(&port).is_none_or(|fin| ack.wrapping_sub(*fin) as i32 <= 0)
    });
    unheard.write(&near);
    let far = eaten(Capture::read(&near), service, folder.path());
    let comparison = compare(&[far, near]);
    let fates = comparison.stories.iter().flat_map(|story| &story.fates);
    let gone: Vec<_> = fates.filter(|fate| matches!(fate.act, Act::Fin | Act::FinAndAck)).collect();
    assert_eq!(gone.len(), fins.len());
    // The last ones were sent as the capture ended.
    let told = gone.iter().filter(|fate| fate.is_told() && fate.all_missing).count();
    assert!(told >= 12 && told == count(&comparison, Kind::FinLost), "{gone:?}");
    let opinions = comparison.stories.iter().flat_map(|story| &story.opinions);
    let overturned: Vec<_> = opinions
        .filter(|o| o.finding == "missing-fin" && o.at == 0 && o.ruling == Ruling::Overturned)
        .collect();
    assert!(overturned.len() >= 3, "{overturned:?}");
    for opinion in overturned {
        let says = "the server did send its FIN: server-side.pcap, frame ";
        assert!(opinion.says.starts_with(says), "{opinion:?}");
        assert!(opinion.says.ends_with("lost between server-side.pcap and client-side.pcap"), "{opinion:?}");
    }
}

#[test]
fn all_four_places_agree_where_it_was() {
    let files = ["client-side", "firewall-client-side", "firewall-server-side", "server-side"];
    for scenario in ["firewall-forgets-silently", "firewall-forgets-with-reset", "ipv6-firewall-forgets"] {
        // Whatever the order in which they are given.
        let paths: Vec<_> = [2, 0, 3, 1].map(|at| bundled(scenario, &format!("{}.pcap", files[at]))).into();
        let comparison = compare(&paths);
        let order: Vec<usize> = comparison.path.order.clone();
        assert_eq!(order, [1, 3, 0, 2], "{scenario}");
        let mut forgotten = 0;
        for story in &comparison.stories {
            for matter in story.matters.iter().filter(|matter| matter.kind == Kind::SessionForgotten) {
                assert!(matches!(matter.between, (3, 0) | (0, 3)), "{scenario}: {matter:?}");
                forgotten += 1;
            }
        }
        assert!(forgotten >= 6, "{scenario}");
        let losses: Vec<u64> =
            comparison.stretches.iter().map(|s| s.flows[0].lost + s.flows[1].lost).collect();
        assert!(losses[0] == 0 && losses[1] > 0 && losses[2] == 0, "{scenario}: {losses:?}");
    }
}

/// The services of the pairs, where the table above does not tell.
fn service(scenario: &str, port: u16) -> u16 {
    if port != 0 {
        return port;
    }
    let comparison = compare(&pair(scenario));
    let judged = comparison.judged(&comparison.stories[0].shared, 0).unwrap();
    judged.connection.key.endpoint(judged.roles.server()).port()
}

/// What is done to a capture, given the port of its service.
type Alter = fn(Capture, u16) -> Capture;

#[test]
fn translation_clocks_and_merging_change_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    const HOURS: i64 = 3 * 3_600 * 1_000_000_000;
    for (scenario, port) in PAIRS {
        let paths = pair(scenario);
        let port = service(scenario, port);
        let plain = compare(&paths);
        let expected = matters(&plain);
        let altered: [(&str, i64, Alter); 6] = [
            ("three hours ahead", HOURS, |capture, _| capture),
            ("a second and a half behind", -1_500_000_000, |capture, _| capture),
            ("translated", 0, Capture::translated),
            ("translated and renumbered", HOURS, |c, port| c.translated(port).renumbered(port)),
            ("renumbered", 0, Capture::renumbered),
            ("translated, three hours ahead", HOURS, Capture::translated),
        ];
        for (what, offset, alter) in altered {
            let far = folder.path().join("far.pcap");
            alter(Capture::read(&paths[1]), port).later(offset).write(&far);
            let comparison = compare(&[paths[0].clone(), far]);
            assert_eq!(matters(&comparison), expected, "{scenario}, {what}");
            let clock = comparison.views[1].clock.clone().unwrap();
            let off = Span((clock.offset.0 - offset).abs());
            assert!(clock.bound.is_some_and(|bound| off <= bound), "{scenario}, {what}: {clock:?}");
            let round_trip = clock.round_trip.unwrap();
            assert!(clock.bound.unwrap() <= Span(round_trip.0 / 2 + 1_000), "{scenario}, {what}: {clock:?}");
        }
    }
}

#[test]
fn merged_segments_are_the_same_octets() {
    let folder = tempfile::tempdir().unwrap();
    let mut fewer = 0;
    for (scenario, _) in PAIRS {
        let paths = pair(scenario);
        let plain = compare(&paths);
        for which in 0..2 {
            let merged = Capture::read(&paths[which]).merged();
            let frames = Capture::read(&paths[which]).0.len();
            fewer += frames - merged.0.len();
            let path = folder.path().join("merged.pcap");
            merged.write(&path);
            let mut both = paths.clone();
            both[which] = path;
            let comparison = compare(&both);
            let kinds = |comparison: &Comparison| {
                let mut kinds: Vec<String> = comparison
                    .stories
                    .iter()
                    .flat_map(|story| {
                        let port = client_port(comparison, &story.shared);
                        story
                            .matters
                            .iter()
                            .map(move |m| format!("{port} {:?} {:?} {:?}", m.kind, m.end, m.between))
                    })
                    .collect();
                kinds.sort();
                kinds
            };
            assert_eq!(kinds(&comparison), kinds(&plain), "{scenario}");
            assert_eq!(told(&comparison, Event::Born), told(&plain, Event::Born), "{scenario}");
        }
    }
    assert!(fewer > 50, "only {fewer} segments were merged");
}

#[test]
fn connections_are_known_by_what_a_box_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let paths = pair("firewall-forgets-silently");
    let plain = count(&compare(&paths), Kind::SessionForgotten);
    let is_syn = |packet: &Packet, tcp: Option<usize>| tcp.is_some_and(|tcp| packet.data[tcp + 13] & 2 != 0);
    let no_syn = |capture: Capture| capture.only(|packet, tcp| !is_syn(packet, tcp));
    type Change<'a> = &'a dyn Fn(Capture) -> Capture;
    let service = 7001;
    let ways: [(Change, Change, How); 7] = [
        (&|c| c, &|c| c, How::Numbers),
        (&|c| c, &|c| c.translated(service), How::Isns),
        (&no_syn, &no_syn, How::Addresses),
        (&no_syn, &|c| no_syn(c.translated(service)), How::Sequence),
        (&|c| c, &|c| c.renumbered(service), How::Renumbered),
        (&|c| c, &|c| c.translated(service).renumbered(service), How::ServerIsn),
        (&|c| c, &|c| c.translated(service).renumbered(service).renumbered_at_servers(service), How::Stamps),
    ];
    for (near, far, how) in ways {
        let altered = ["near.pcap", "far.pcap"].map(|name| folder.path().join(name));
        near(Capture::read(&paths[0])).write(&altered[0]);
        far(Capture::read(&paths[1])).write(&altered[1]);
        let comparison = compare(&altered);
        let found: Vec<_> = comparison.stories.iter().filter_map(|story| story.shared.how).collect();
        assert_eq!(found, vec![how; 19]);
        assert_eq!(count(&comparison, Kind::SessionForgotten), plain, "{how:?}");
    }
}

#[test]
fn what_a_box_changes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [near, far] = pair("firewall-forgets-silently");
    let meddled = folder.path().join("meddled.pcap");
    Capture::read(&far).meddled_with().write(&meddled);
    let comparison = compare(&[near, meddled]);
    let changed = &comparison.stretches[0].alterations;
    // 19 SYNs and their answers. What the server sends passes the box before it is seen untouched.
    assert_eq!(changed.get(&Alteration::MaximumSegmentSize), Some(&38), "{changed:?}");
    assert_eq!(changed.get(&Alteration::TimestampsStripped), Some(&19), "{changed:?}");
    assert_eq!(changed.get(&Alteration::Window), Some(&38), "{changed:?}");
    assert_eq!(changed.get(&Alteration::WindowScale), None, "{changed:?}");
    assert_eq!(count(&comparison, Kind::SessionForgotten), 9);
}
