//! Captures that cannot be compared, and captures that may have missed what they do not show.

use std::path::PathBuf;

use cwait_pcap::compare::{CompareError, Doubt, Event, How, Kind, Ruling};

use super::{bundled, compare, count, told, try_compare};
use crate::alter::Capture;
use crate::write::{Order, PcapNg};

fn pair(scenario: &str) -> [PathBuf; 2] {
    ["client-side.pcap", "server-side.pcap"].map(|file| bundled(scenario, file))
}

#[test]
fn captures_of_other_traffic_are_refused_with_what_there_is() {
    let [a, _] = pair("firewall-forgets-silently");
    let [_, b] = pair("firewall-forgets-with-reset");
    let Err(CompareError::NothingShared(text)) = try_compare(&[a, b]) else { panic!("they share nothing") };
    assert!(text.contains("client-side.pcap.zst shows 19, from 2026-11-23T04:35:59Z to "), "{text}");
    assert!(text.contains("such as 10.37.125.13:"), "{text}");
}

#[test]
fn the_same_capture_twice_is_refused() {
    let [a, _] = pair("firewall-forgets-silently");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.pcap");
    assert!(matches!(try_compare(&[a.clone(), a.clone()]), Err(CompareError::Same(..))));
    for offset in [0, 7_200_000_000_000] {
        Capture::read(&a).later(offset).write(&copy);
        assert!(matches!(try_compare(&[a.clone(), copy.clone()]), Err(CompareError::Same(..))), "{offset}");
    }
}

#[test]
fn what_a_capture_with_drops_does_not_show_is_no_loss() {
    let [a, b] = pair("firewall-forgets-silently");
    let folder = tempfile::tempdir().unwrap();
    let dropping = folder.path().join("dropping.pcapng");
    let capture = Capture::read(&b);
    let mut file = PcapNg::new(Order::Little).interface(1);
    for packet in &capture.0 {
        file = file.enhanced(0, packet);
    }
    std::fs::write(&dropping, file.statistics(0, 12, None).bytes()).unwrap();
    let comparison = compare(&[a, dropping]);
    // The server's own segments are missing at the client, whose capture says nothing of drops.
    assert_eq!(count(&comparison, Kind::SessionForgotten), 3);
    let fates = comparison.stories.iter().flat_map(|story| &story.fates);
    let blurred: Vec<_> = fates.filter(|fate| fate.missing_at() == 1).collect();
    assert!(!blurred.is_empty());
    assert!(blurred.iter().all(|fate| fate.doubt.is_some()), "{blurred:?}");
    let opinions = comparison.stories.iter().flat_map(|story| &story.opinions);
    let clients: Vec<_> = opinions.filter(|opinion| opinion.at == 0).collect();
    assert!(!clients.is_empty());
    assert!(clients.iter().all(|opinion| opinion.ruling == Ruling::CannotTell), "{clients:?}");
}

#[test]
fn what_was_before_or_after_a_capture_is_no_loss() {
    let [a, b] = pair("both-sides-of-lossy-firewall");
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short.pcap");
    let whole = Capture::read(&b);
    let middle = [whole.0[300].at, whole.0[700].at];
    whole.only(|packet, _| packet.at >= middle[0] && packet.at <= middle[1]).write(&short);
    let comparison = compare(&[a, short]);
    for story in &comparison.stories {
        for fate in story.fates.iter().filter(|fate| fate.missing_at() == 1 && fate.is_told()) {
            let at = fate.first.at.0;
            assert!(at >= middle[0] - 1_000_000 && at <= middle[1], "{fate:?}");
        }
    }
    let doubts = comparison.stories.iter().flat_map(|story| &story.fates).filter_map(|fate| fate.doubt);
    let doubts: Vec<_> = doubts.collect();
    assert!(doubts.contains(&Doubt::Begins) && doubts.contains(&Doubt::Ends), "{doubts:?}");
    assert_eq!(count(&comparison, Kind::SessionForgotten), 0);
    assert_eq!(count(&comparison, Kind::FinLost), 0);
    assert!(comparison.stories.iter().any(|story| story.shared.how == Some(How::Addresses)));
    // A capture that has ended cannot confirm that a FIN is owed.
    let opinions = comparison.stories.iter().flat_map(|story| &story.opinions);
    for opinion in opinions.filter(|opinion| opinion.finding == "missing-fin" && opinion.at == 0) {
        assert_eq!(opinion.ruling, Ruling::CannotTell, "{opinion:?}");
    }
}

#[test]
fn what_one_direction_never_shows_is_no_loss() {
    let [a, b] = pair("firewall-forgets-silently");
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.pcap");
    let service = 7001_u16.to_be_bytes();
    Capture::read(&b)
        .only(|packet, tcp| tcp.is_none_or(|tcp| packet.data[tcp..tcp + 2] == service))
        .write(&half);
    let comparison = compare(&[a, half]);
    for story in &comparison.stories {
        for fate in story.fates.iter().filter(|fate| fate.missing_at() == 1) {
            assert!(!fate.is_told(), "{fate:?}");
        }
    }
    let clock = comparison.views[1].clock.clone().unwrap();
    assert_eq!(clock.bound, None, "{clock:?}");
}

#[test]
fn octets_that_were_acknowledged_were_not_lost() {
    let [a, b] = pair("idle-gap-ladder");
    let folder = tempfile::tempdir().unwrap();
    let holed = folder.path().join("holed.pcap");
    let mut at = 0;
    let lossless = compare(&[a.clone(), b.clone()]);
    // The capture, not the network, misses one frame in nine.
    Capture::read(&b)
        .only(|_, _| {
            at += 1;
            at % 9 != 0
        })
        .write(&holed);
    let comparison = compare(&[a, holed]);
    let arrived = comparison.stories.iter().flat_map(|story| &story.fates);
    let arrived = arrived.filter(|fate| fate.doubt == Some(Doubt::Arrived)).count();
    assert!(arrived >= 5, "{arrived}");
    assert_eq!(count(&comparison, Kind::SessionForgotten), count(&lossless, Kind::SessionForgotten));
    assert_eq!(count(&comparison, Kind::DataLost), 0);
    assert_eq!(told(&comparison, Event::Born), told(&lossless, Event::Born));
}

#[test]
fn a_short_snap_length_strips_no_options() {
    let [a, b] = pair("firewall-forgets-with-reset");
    let folder = tempfile::tempdir().unwrap();
    let short = folder.path().join("short.pcap");
    let whole = compare(&[a.clone(), b.clone()]);
    Capture::read(&b).cut(54).write(&short);
    let comparison = compare(&[a, short]);
    assert_eq!(comparison.stretches[0].alterations, Default::default());
    assert_eq!(count(&comparison, Kind::SessionForgotten), count(&whole, Kind::SessionForgotten));
    assert_eq!(count(&comparison, Kind::RstForged), count(&whole, Kind::RstForged));
}
