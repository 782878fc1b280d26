//! Reading one line: is it a setting, in which dialect, which name, which value? What a setting means is not known
//! here.

use std::str::SplitWhitespace;

/// What one line holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line<'a> {
    /// Blank, a comment, or a question whose answer comes on the next line.
    Nothing,
    /// No setting.
    Unread,
    /// A setting.
    Setting(Found<'a>),
}

/// A setting as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found<'a> {
    pub dialect: Dialect,
    pub name: &'a str,
    pub value: &'a str,
}

/// The tool whose language a line speaks. The same name can mean different things in two of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Dialect {
    /// `ndd` of Solaris and HP-UX, `ipadm` of Solaris 11 and illumos, and /etc/system of both.
    Ndd,
    /// `sysctl` of Linux and the BSDs, dotted names.
    Sysctl,
    /// `no` of AIX.
    No,
    /// Values of the Windows registry.
    Registry,
    /// `netsh int tcp show global`: labels of several words.
    Netsh,
}

/// Reads line after line: `ndd -get` prints only the value, so the name of the line before must be remembered.
#[derive(Default)]
pub(super) struct Reader<'a> {
    asked: Option<&'a str>,
}

impl<'a> Reader<'a> {
    /// What `line` holds. A carriage return at its end does no harm.
    pub fn read(&mut self, line: &'a str) -> Line<'a> {
        let line = line.trim();
        let asked = self.asked.take();
        if line.is_empty() {
            self.asked = asked;
            return Line::Nothing;
        }
        if let Some(name) = ndd_get(line) {
            self.asked = Some(name);
            return Line::Nothing;
        }
        if let Some(name) = asked.filter(|_| number_like(line)) {
            return Line::Setting(Found { dialect: Dialect::Ndd, name, value: line });
        }
        // HP-UX keeps the settings of ndd in /etc/rc.config.d/nddconf as pairs of shell variables.
        if let Some(name) = shell_variable(line, "NDD_NAME[") {
            self.asked = Some(name);
            return Line::Nothing;
        }
        if let Some(value) = shell_variable(line, "NDD_VALUE[") {
            return asked
                .map_or(Line::Unread, |name| Line::Setting(Found { dialect: Dialect::Ndd, name, value }));
        }
        let heading = line.starts_with('[') && line.ends_with(']');
        if heading || line.starts_with(['#', ';']) || line.starts_with("* ") || line == "*" {
            return Line::Nothing;
        }
        setting(line).map_or(Line::Unread, Line::Setting)
    }
}

fn setting(line: &str) -> Option<Found<'_>> {
    ndd_set(line)
        .or_else(|| etc_system(line))
        .or_else(|| ipadm_set(line))
        .or_else(|| ipadm_show(line))
        .or_else(|| no_set(line))
        .or_else(|| proc_sys(line))
        .or_else(|| registry_export(line))
        .or_else(|| registry_query(line))
        .or_else(|| assignment(line))
        .or_else(|| netsh(line))
}

/// `ndd -get /dev/tcp tcp_time_wait_interval`, on Solaris also without `-get`; the value follows on a line of its own.
fn ndd_get(line: &str) -> Option<&str> {
    if let Some(mut words) = after(line, "ndd", "-get") {
        return words.nth(1);
    }
    let mut words =
        ["/dev/tcp", "/dev/ip", "tcp"].into_iter().find_map(|driver| after(line, "ndd", driver))?;
    words.next().filter(|_| words.next().is_none())
}

/// `set tcp:tcp_conn_hash_size=8192`, of /etc/system. What does not begin with a module is no setting of the network.
fn etc_system(line: &str) -> Option<Found<'_>> {
    let (module, rest) = line.strip_prefix("set ")?.trim_start().split_once(':')?;
    let (name, value) = rest.split_once('=')?;
    let is_module = matches!(module, "tcp" | "ip" | "udp");
    is_module.then_some(Found { dialect: Dialect::Ndd, name: name.trim(), value: bare(value.trim()) })
}

/// `/usr/sbin/ndd -set /dev/tcp tcp_time_wait_interval 60000`, also inside a longer shell line.
fn ndd_set(line: &str) -> Option<Found<'_>> {
    let mut words = after(line, "ndd", "-set")?;
    let (_device, name, value) = (words.next()?, words.next()?, words.next()?);
    Some(Found { dialect: Dialect::Ndd, name, value: bare(value) })
}

/// `ipadm set-prop -p _keepalive_interval=300000 tcp`.
fn ipadm_set(line: &str) -> Option<Found<'_>> {
    let (name, value) = after(line, "ipadm", "set-prop")?.find_map(|word| word.split_once('='))?;
    Some(Found { dialect: Dialect::Ndd, name, value: bare(value) })
}

/// `tcp  _time_wait_interval  rw  60000  --  60000  1000-600000`.
fn ipadm_show(line: &str) -> Option<Found<'_>> {
    let mut words = line.split_whitespace();
    let (protocol, name, permission, value) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let table = matches!(protocol, "tcp" | "ip" | "ipv4" | "ipv6" | "udp" | "sctp" | "icmp")
        && matches!(permission, "rw" | "r-" | "-w");
    table.then_some(Found { dialect: Dialect::Ndd, name, value })
}

/// `no -p -o tcp_keepidle=600`, `no -o tcp_keepidle 600`.
fn no_set(line: &str) -> Option<Found<'_>> {
    let persistent = |option| after(line, "no", option).filter(|words| words.clone().next() == Some("-o"));
    let direct = after(line, "no", "-o");
    let mut words = direct.or_else(|| persistent("-p")).or_else(|| persistent("-r"))?;
    let first = words.next()?;
    let first = if first == "-o" { words.next()? } else { first };
    let (name, value) = match first.split_once('=') {
        Some(pair) => pair,
        None => (first, words.next()?),
    };
    Some(Found { dialect: Dialect::No, name, value: bare(value) })
}

/// `echo 30 > /proc/sys/net/ipv4/tcp_fin_timeout`.
fn proc_sys(line: &str) -> Option<Found<'_>> {
    let (written, path) = line.split_once("/proc/sys/")?;
    let value = written.trim().strip_prefix("echo")?.trim().trim_end_matches('>').trim();
    let name = path.split_whitespace().next()?;
    Some(Found { dialect: Dialect::Sysctl, name, value: bare(value) })
}

/// `"KeepAliveTime"=dword:000493e0`, of a `.reg` file.
fn registry_export(line: &str) -> Option<Found<'_>> {
    let (name, value) = line.strip_prefix('"')?.split_once("\"=")?;
    Some(Found { dialect: Dialect::Registry, name, value: value.trim() })
}

/// `KeepAliveTime    REG_DWORD    0x493e0`, of `reg query`, and `reg add ... /v KeepAliveTime ... /d 300000`.
fn registry_query(line: &str) -> Option<Found<'_>> {
    if let Some(mut words) = after(line, "reg", "add") {
        let name = words.by_ref().skip_while(|w| !w.eq_ignore_ascii_case("/v")).nth(1)?;
        let value = words.skip_while(|w| !w.eq_ignore_ascii_case("/d")).nth(1)?;
        return Some(Found { dialect: Dialect::Registry, name, value: bare(value) });
    }
    let mut words = line.split_whitespace();
    let (name, kind, value) = (words.next()?, words.next()?, words.next()?);
    kind.starts_with("REG_").then_some(Found { dialect: Dialect::Registry, name, value })
}

/// `net.ipv4.tcp_fin_timeout = 30`, `sysctl -w net...=30`, `net.inet.tcp.keepidle: 7200000`; without a dot in the
/// name it is a line of AIX's `no -a`.
fn assignment(line: &str) -> Option<Found<'_>> {
    let (left, value) = line.split_once('=').or_else(|| line.split_once(": "))?;
    let name = left.split_whitespace().next_back()?;
    // `sysctl -w name`, `-name` (an error to be ignored, in sysctl.conf) and plain `name`; never `several words =`.
    let before = left.trim_end().strip_suffix(name)?.trim();
    let command =
        before.is_empty() || before.split_whitespace().any(|w| w == "sysctl" || w.ends_with("/sysctl"));
    let name = name.trim_start_matches('-');
    if !command || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c)) {
        return None;
    }
    let dialect = if name.contains(['.', '/']) { Dialect::Sysctl } else { Dialect::No };
    Some(Found { dialect, name, value: bare(value.trim()) })
}

/// `Receive Window Auto-Tuning Level    : normal`.
fn netsh(line: &str) -> Option<Found<'_>> {
    let (label, value) = line.split_once(" : ")?;
    let label = label.trim();
    label.contains(' ').then_some(Found { dialect: Dialect::Netsh, name: label, value: value.trim() })
}

/// The words after `command option`, wherever in the line they stand; the command may carry a path.
fn after<'a>(line: &'a str, command: &str, option: &str) -> Option<SplitWhitespace<'a>> {
    let mut words = line.split_whitespace();
    let mut before = "";
    while let Some(word) = words.next() {
        if word == option && before.rsplit('/').next() == Some(command) {
            return Some(words);
        }
        before = word;
    }
    None
}

fn shell_variable<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    let (_, value) = line.strip_prefix(prefix)?.split_once("]=")?;
    Some(bare(value))
}

/// A value without quotes, a trailing semicolon, or the comment behind it.
fn bare(value: &str) -> &str {
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    value.trim().trim_end_matches(';').trim_matches(['"', '\''])
}

fn number_like(line: &str) -> bool {
    line.len() <= 24 && line.starts_with(|c: char| c.is_ascii_digit())
}
