//! Other names: the reference vectors of ipcrypt-pfx, prefixes, checksums, addresses in sentences.

use super::packet::repaired;
use super::*;

#[test]
fn prefixes_stay_common_and_names_differ_by_key() {
    let names = Names::new(b"a key");
    let common = |a: IpAddr, b: IpAddr| match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => panic!("families differ"),
    };
    for (a, b) in [
        ("192.0.2.1", "192.0.2.2"),
        ("192.0.2.1", "192.0.3.1"),
        ("192.0.2.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8::1", "2001:db8:1::1"),
    ] {
        let (a, b): (IpAddr, IpAddr) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(common(a, b), common(names.address(a), names.address(b)), "{a} {b}");
        assert_ne!(names.address(a), Names::new(b"another key").address(a));
    }
    let mac = names.mac([0x02, 0, 0, 0, 0, 1]);
    assert_eq!(mac[0] & 3, 2, "locally administered, no group");
    assert_eq!(names.mac([0x33, 0x33, 0, 0, 0, 1])[0] & 1, 1, "a group");
    assert_eq!(names.mac([0xff; 6]), [0xff; 6]);
}

/// draft-denis-ipcrypt, test vectors of ipcrypt-pfx.
#[test]
fn addresses_are_encrypted_as_the_draft_says() {
    let key = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10\
                 \x10\x32\x54\x76\x98\xba\xdc\xfe\xef\xcd\xab\x89\x67\x45\x23\x01";
    let names = Names { addresses: IpcryptPfx::new(key), others: [0; 32] };
    for (plain, other) in [
        ("0.0.0.0", "151.82.155.134"),
        ("255.255.255.255", "94.185.169.89"),
        ("192.0.2.1", "100.115.72.131"),
        ("2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
    ] {
        assert_eq!(names.address(plain.parse().unwrap()), other.parse::<IpAddr>().unwrap(), "{plain}");
    }
}

#[test]
fn addresses_are_found_in_sentences() {
    let names = Names::new(b"a key");
    let a = names.address("10.1.0.9".parse().unwrap());
    let v6 = names.address("2001:db8::7".parse().unwrap());
    for (text, expected) in [
        ("10.1.0.9:8080 owes its FIN", format!("{a}:8080 owes its FIN")),
        ("on 10.1.0.9: ss -tan", format!("on {a}: ss -tan")),
        ("so says 10.1.0.9.", format!("so says {a}.")),
        ("[2001:db8::7]:443", format!("[{v6}]:443")),
        ("host10.1.0.9x", format!("host{a}x")),
        ("face10.1.0.9", format!("face{a}")),
        ("ip.addr==10.1.0.9&&tcp", format!("ip.addr=={a}&&tcp")),
        ("2026-11-23T09:12:44.123Z at 09:12:44, std::fs, 1.2.3, ::", String::new()),
    ] {
        let expected = if expected.is_empty() { text.to_owned() } else { expected };
        assert_eq!(names.text(text), expected);
    }
    assert_ne!(names.text("00:1b:21:3c:4d:5e"), "00:1b:21:3c:4d:5e");
}

#[test]
fn a_repaired_checksum_is_the_one_computed_anew() {
    let sum = |octets: &[u8]| repaired(0xffff, &[], octets);
    let before = [10, 1, 0, 9, 192, 0, 2, 7, 0x1f, 0x90, 1, 2, 8, 10, 0, 0];
    let after = [99, 7, 3, 1, 5, 200, 255, 7, 0x1f, 0x90, 1, 2, 1, 1, 0, 0];
    assert_eq!(repaired(sum(&before), &before, &after), sum(&after));
    assert_eq!(repaired(sum(&before) ^ 0x55, &before, &before), sum(&before) ^ 0x55, "wrong stays as wrong");
}

#[test]
fn what_the_user_told_is_hidden() {
    let mut report: crate::report::Report =
        serde_json::from_str(include_str!("../../testdata/reports/leak.json")).unwrap();
    report.host_names[1].role = Some("payroll".into());
    report.notes = vec!["app-server was restarted".into()];
    let hidden = report.anonymised(&Names::new(b"a key")).unwrap();
    let json = serde_json::to_string(&hidden).unwrap();
    for word in
        ["app-server", "web-1", "payroll", "cwait.toml", "health checks (", "load balancer's", "198.51.100"]
    {
        assert!(!json.contains(word), "{word} is in {json}");
    }
    let name = Names::new(b"a key").name("app-server");
    assert_eq!(hidden.connections[2].server_name.as_ref(), Some(&name));
    assert!(
        hidden.findings[0].headline.contains(&format!("({name}) owes")),
        "{}",
        hidden.findings[0].headline
    );
    assert_eq!(hidden.notes, [format!("{name} was restarted")]);
}

#[test]
fn what_hosts_say_is_hidden() {
    let mut report: crate::report::Report =
        serde_json::from_str(include_str!("../../testdata/reports/leak.json")).unwrap();
    let finding = &mut report.findings[0];
    finding.process = Some("7 by shopd (pid 4828), 3 by no process".into());
    finding.says = "The listing (ss-of-monday.txt) says: held by shopd.".into();
    report.host_records = vec![crate::report::HostRecord {
        path: "/home/alice/ss-of-monday.txt".into(),
        kind: "sockets".into(),
        says: "ss, 12 sockets".into(),
        unread: 0,
        unread_lines: Vec::new(),
    }];
    let json = serde_json::to_string(&report.anonymised(&Names::new(b"a key")).unwrap()).unwrap();
    for word in ["shopd", "monday", "alice", "192.0.2.9"] {
        assert!(!json.contains(word), "{word}");
    }
    assert!(json.contains("The listing (record 1) says: held by program-"), "{json}");
}
