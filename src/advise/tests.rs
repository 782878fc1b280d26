use super::*;
use Severity::{Fine, Harmful, Note, Obsolete, Useless};

/// Line, name, time and severity of what was judged.
type Row = (u64, String, Option<Span>, Severity);

/// What was judged, and the counts of what is not known and what is no setting.
fn judged(text: &str) -> (Vec<Row>, u64, u64) {
    let checked = check(text);
    let advice = checked.advice.into_iter().map(|a| (a.line, a.setting, a.time, a.severity)).collect();
    (advice, checked.unknown, checked.unread)
}

fn row(line: u64, name: &str, time: impl Into<Option<Span>>, severity: Severity) -> Row {
    (line, name.to_owned(), time.into(), severity)
}

/// The advice of the thread this tool grew out of, as an init script.
const INIT_SCRIPT: &str = "\
#!/sbin/sh
# Tuning, found on the net
/usr/sbin/ndd -set /dev/tcp tcp_close_wait_interval 1500
/usr/sbin/ndd -set /dev/tcp tcp_keepalive_interval 1500
# /usr/sbin/ndd -set /dev/tcp tcp_conn_req_max_q 16
[ -x /usr/sbin/ndd ] && /usr/sbin/ndd -set /dev/tcp tcp_time_wait_interval 60000;
case \"$1\" in
";

#[test]
fn an_init_script() {
    let expected = vec![
        row(3, "tcp_close_wait_interval", Span::millis(1500), Harmful),
        row(4, "tcp_keepalive_interval", Span::millis(1500), Harmful),
        row(6, "tcp_time_wait_interval", Span::secs(60), Fine),
    ];
    assert_eq!(judged(INIT_SCRIPT), (expected, 0, 1));
}

#[test]
fn the_reason_names_what_the_setting_really_affects() {
    let checked = check(INIT_SCRIPT);
    assert!(checked.advice[0].says.contains("TIME-WAIT timer"), "{}", checked.advice[0].says);
    assert!(checked.advice[0].says.contains("never ended a CLOSE-WAIT"));
    assert!(checked.advice[1].says.contains("begins at 10000"));
}

#[test]
fn ndd_prints_the_value_on_a_line_of_its_own() {
    let text = "# ndd -get /dev/tcp tcp_time_wait_interval\r\n240000\r\n\r\n\
                # ndd -get /dev/tcp tcp_close_wait_interval\n60000\n\
                # ndd -get /dev/tcp no_such_name\noperation failed: Not supported\n7\n";
    let expected = vec![
        row(2, "tcp_time_wait_interval", Span::secs(240), Fine),
        row(5, "tcp_close_wait_interval", Span::secs(60), Obsolete),
    ];
    assert_eq!(judged(text), (expected, 0, 2));
}

#[test]
fn ndd_of_solaris_needs_no_get_and_etc_system_no_ndd() {
    let text = "# ndd /dev/tcp tcp_keepalive_interval\n7200000\n";
    assert_eq!(judged(text), (vec![row(2, "tcp_keepalive_interval", Span::secs(7200), Fine)], 0, 0));
    let text = "\
* Tuning, found on the net
set rlim_fd_max=65536
set tcp:tcp_close_wait_interval=60000
set tcp:tcp_conn_hash_size = 8192
*
forceload: drv/clone
";
    let expected = vec![row(3, "tcp_close_wait_interval", Span::secs(60), Obsolete)];
    assert_eq!(judged(text), (expected, 2, 1));
}

#[test]
fn hp_ux_keeps_them_as_shell_variables() {
    let text = "TRANSPORT_NAME[0]=tcp\nNDD_NAME[0]=tcp_fin_wait_2_timeout\nNDD_VALUE[0]=\"60000\"\n\
                NDD_VALUE[1]=5\n";
    assert_eq!(judged(text), (vec![row(3, "tcp_fin_wait_2_timeout", Span::secs(60), Harmful)], 0, 2));
}

#[test]
fn ipadm_lists_and_sets() {
    let text = "\
PROTO PROPERTY              PERM CURRENT      PERSISTENT   DEFAULT      POSSIBLE
tcp   _time_wait_interval   rw   5000         5000         60000        1000-600000
tcp   _keepalive_interval   rw   7200000      --           7200000      10000-864000000
tcp   ecn                   rw   passive      --           passive      never,passive,active
ipadm set-prop -p _fin_wait_2_flush_interval=45000 tcp
ipadm set-prop -t -p _keepalive_interval=300000 tcp
";
    let expected = vec![
        row(2, "_time_wait_interval", Span::secs(5), Harmful),
        row(3, "_keepalive_interval", Span::secs(7200), Fine),
        row(5, "_fin_wait_2_flush_interval", Span::secs(45), Useless),
        row(6, "_keepalive_interval", Span::secs(300), Note),
    ];
    assert_eq!(judged(text), (expected, 1, 1));
}

#[test]
fn sysctl_in_every_notation() {
    let text = "\
kernel.hostname = db1.example.org
net.ipv4.tcp_fin_timeout = 30
net.ipv4.tcp_keepalive_time=300   # below the firewall
sysctl -w net.ipv4.tcp_tw_recycle=1
-net.ipv4.tcp_retries2 = 15
net/ipv4/tcp_max_orphans = 65536
echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse
net.netfilter.nf_conntrack_tcp_timeout_close_wait = 60
net.inet.tcp.keepidle: 7200
net.inet.tcp.msl=30000
net.ipv4.tcp_rmem = 4096 131072 6291456
net.ipv4.tcp_keepalive_intvl = often
";
    let expected = vec![
        row(2, "net.ipv4.tcp_fin_timeout", Span::secs(30), Useless),
        row(3, "net.ipv4.tcp_keepalive_time", Span::secs(300), Note),
        row(4, "net.ipv4.tcp_tw_recycle", None, Harmful),
        row(5, "net.ipv4.tcp_retries2", None, Fine),
        row(6, "net/ipv4/tcp_max_orphans", None, Note),
        row(7, "net/ipv4/tcp_tw_reuse", None, Useless),
        row(8, "net.netfilter.nf_conntrack_tcp_timeout_close_wait", Span::secs(60), Note),
        row(9, "net.inet.tcp.keepidle", Span::millis(7200), Harmful),
        row(10, "net.inet.tcp.msl", Span::secs(30), Fine),
        row(12, "net.ipv4.tcp_keepalive_intvl", None, Note),
    ];
    assert_eq!(judged(text), (expected, 2, 0));
}

#[test]
fn no_of_aix_counts_half_seconds() {
    let text = "\
               tcp_keepidle = 14400
               tcp_keepintvl = 150
                   tcp_timewait = 1
                      rfc1323 = 1
no -p -o tcp_keepidle=600
no -o tcp_keepidle 16
there is no -o in this sentence
";
    let expected = vec![
        row(1, "tcp_keepidle", Span::secs(7200), Fine),
        row(2, "tcp_keepintvl", Span::secs(75), Fine),
        row(3, "tcp_timewait", Span::secs(15), Fine),
        row(5, "tcp_keepidle", Span::secs(300), Note),
        row(6, "tcp_keepidle", Span::secs(8), Harmful),
    ];
    assert_eq!(judged(text), (expected, 2, 0));
}

#[test]
fn netsh() {
    let text = "\
Querying active state...\r
\r
TCP Global Parameters\r
----------------------------------------------\r
Receive-Side Scaling State          : enabled\r
Receive Window Auto-Tuning Level    : disabled\r
Initial RTO                         : 1000\r
A Label Of The Future               : enabled\r
";
    let expected = vec![
        row(5, "Receive-Side Scaling State", None, Fine),
        row(6, "Receive Window Auto-Tuning Level", None, Note),
        row(7, "Initial RTO", None, Fine),
    ];
    assert_eq!(judged(text), (expected, 1, 3));
}

const REGISTRY: &str = "\
Windows Registry Editor Version 5.00\r
\r
[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r
\"KeepAliveTime\"=dword:0000012c\r
\"TcpTimedWaitDelay\"=dword:0000001e\r
\"Hostname\"=\"db1\"\r
";

#[test]
fn the_registry() {
    let expected = vec![
        row(4, "KeepAliveTime", Span::millis(300), Harmful),
        row(5, "TcpTimedWaitDelay", Span::secs(30), Note),
    ];
    assert_eq!(judged(REGISTRY), (expected, 1, 1));
    let query = "    KeepAliveTime    REG_DWORD    0x493e0\n\
                 reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters \
                 /v KeepAliveInterval /t REG_DWORD /d 1000 /f\n";
    let expected = vec![
        row(1, "KeepAliveTime", Span::secs(300), Note),
        row(2, "KeepAliveInterval", Span::secs(1), Fine),
    ];
    assert_eq!(judged(query), (expected, 0, 0));
}

#[test]
fn a_registry_export_is_utf_16() {
    let little: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(REGISTRY.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> =
        [0xfe, 0xff].into_iter().chain(REGISTRY.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let marked: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(REGISTRY.bytes()).collect();
    for bytes in [little.as_slice(), &big, &marked, REGISTRY.as_bytes()] {
        assert_eq!(text_of(bytes), REGISTRY);
    }
    assert_eq!(text_of(b"a\xffb"), "a\u{fffd}b");
    assert_eq!(text_of(&[0xff, 0xfe, 0x41]), "", "half a character is none");
}

#[test]
fn a_file_keeps_its_meaning_with_carriage_returns() {
    let crlf = INIT_SCRIPT.replace('\n', "\r\n");
    assert_eq!(judged(&crlf), judged(INIT_SCRIPT));
}

#[test]
fn hostile_text_does_no_harm() {
    let long = "x".repeat(1_000_000);
    for text in [
        format!("ndd -set /dev/tcp tcp_time_wait_interval {long}"),
        format!("net.ipv4.tcp_fin_timeout = \u{1b}[31m{long}"),
        format!("{long}={long}"),
        "ndd -set".to_owned(),
        "ndd".to_owned(),
        "ndd -get".to_owned(),
        "no -o".to_owned(),
        "ipadm set-prop".to_owned(),
        "reg add /v".to_owned(),
        "NDD_NAME[".to_owned(),
        "\"=".to_owned(),
        "=".to_owned(),
        ": ".to_owned(),
        " : ".to_owned(),
        "echo > /proc/sys/".to_owned(),
        "\u{0}\u{0}=\u{0}".to_owned(),
        "net.ipv4.tcp_fin_timeout = 9223372036854775807".to_owned(),
        "net.ipv4.tcp_fin_timeout = -9223372036854775808".to_owned(),
        "\u{e4}\u{f6}\u{fc}: \u{20ac}".to_owned(),
    ] {
        for a in check(&text).advice {
            assert!(
                a.setting.chars().count() <= LONGEST_SHOWN + 3
                    && a.value.chars().count() <= LONGEST_SHOWN + 3
            );
            assert!(!a.value.contains('\u{1b}'));
        }
        let mut out = Vec::new();
        render(&check(&text), &mut out).expect("a vector takes everything");
        assert!(!out.contains(&0x1b));
    }
}

#[test]
fn the_rendered_text_puts_harm_first_and_fits() {
    let mut out = Vec::new();
    let text = format!("net.ipv4.tcp_fin_timeout = 60\nnet.ipv4.tcp_tw_reuse = 1\n{INIT_SCRIPT}");
    render(&check(&text), &mut out).expect("a vector takes everything");
    let out = String::from_utf8(out).expect("advice is text");
    let headings: Vec<&str> = out.lines().filter(|l| l.contains(" line ")).collect();
    assert_eq!(
        headings,
        [
            "HARMFUL line 5: tcp_close_wait_interval = 1500 (1.5 s)",
            "HARMFUL line 6: tcp_keepalive_interval = 1500 (1.5 s)",
            "USELESS line 2: net.ipv4.tcp_tw_reuse = 1",
            "FINE line 1: net.ipv4.tcp_fin_timeout = 60 (1 min)",
            "FINE line 8: tcp_time_wait_interval = 60000 (1 min)",
        ]
    );
    assert!(out.lines().all(|l| l.chars().count() <= 80), "{out}");
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("2 harmful, 1 useless, 2 fine. Settings not known here: 0; lines"), "{out}");
    assert!(out.ends_with("only the program can, by closing."), "{out}");
}

#[test]
fn an_empty_file_says_so() {
    let mut out = Vec::new();
    render(&check(""), &mut out).expect("a vector takes everything");
    let out = String::from_utf8(out).expect("advice is text").replace('\n', " ");
    assert!(
        out.starts_with("no setting known here. Settings not known here: 0; lines that are no setting: 0."),
        "{out}"
    );
}
