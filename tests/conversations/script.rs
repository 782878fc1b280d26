//! Reads a conversation written as text, in packetdrill's spirit.
//!
//! ```text
//! # What happens, for people.
//! C 192.0.2.7:40312   S 198.51.100.9:443
//! isn S 4294967295
//! +0.000  C  S   0:0(0)               scale 7
//! +0.010  S  S.  0:0(0)      ack 1    win 8000
//! +1.5    C  P.  1:101(100)  ack 1
//! +1.5    C  P.  1:101(100)  ack 1    again if 1
//! ```
//!
//! Times are seconds after the first frame; numbers count from the side's SYN, which `isn` places. `again`: the very
//! frame before of that side, captured once more. Further words: `win`, `scale`, `ttl`, `id`, `ts VAL ECR`, `if`.

use std::net::SocketAddr;

use cwait_pcap::wire::{
    Endpoint, FlowKey, Segment, SeqNum, Side, Span, Stamp, TcpFlags, TcpTimestamps, Timestamp,
};

/// A conversation.
pub struct Script {
    pub key: FlowKey,
    /// The side called C.
    pub client: Side,
    pub segments: Vec<(FlowKey, Segment)>,
}

const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

impl Script {
    /// # Errors
    /// With the line that cannot be read.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = None;
        let mut isn = [1_000_000_u32, 3_000_000_000];
        let mut ids = [100_u16, 200];
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: &str| format!("line {}: {what}: {line}", n + 1);
            let words: Vec<&str> = line.split_whitespace().collect();
            match (words.as_slice(), &mut script) {
                (["C", client, "S", server], None) => {
                    let endpoint = |text: &str| text.parse::<SocketAddr>().map(Endpoint::from);
                    let client = endpoint(client).map_err(|_| wrong("not an address"))?;
                    let server = endpoint(server).map_err(|_| wrong("not an address"))?;
                    let (key, client) = FlowKey::of(client, server, 0);
                    script = Some(Script { key, client, segments: Vec::new() });
                }
                (["isn", side, number], Some(_)) => {
                    isn[usize::from(*side == "S")] = number.parse().map_err(|_| wrong("not a number"))?;
                }
                ([at, side @ ("C" | "S"), flags, range, rest @ ..], Some(script)) => {
                    let segment =
                        script.segment(&isn, &mut ids, at, side, flags, range, rest).map_err(wrong)?;
                    script.segments.push((script.key, segment));
                }
                _ => return Err(wrong("cannot be read")),
            }
        }
        script.ok_or_else(|| "nobody speaks".to_owned())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one line")]
    fn segment(
        &self,
        isn: &[u32; 2],
        ids: &mut [u16; 2],
        at: &str,
        side: &str,
        flags: &str,
        range: &str,
        rest: &[&str],
    ) -> Result<Segment, &'static str> {
        let x = usize::from(side == "S");
        let side = if side == "C" { self.client } else { self.client.peer() };
        let number = |text: &str| text.parse::<u32>().map_err(|_| "not a number");
        let (first, range) = range.split_once(':').ok_or("no range")?;
        let (end, len) = range.trim_end_matches(')').split_once('(').ok_or("no range")?;
        let (first, end, len) = (number(first)?, number(end)?, number(len)?);
        if first.wrapping_add(len) != end {
            return Err("the range is not as long as it says");
        }
        ids[x] = ids[x].wrapping_add(1);
        let seconds: f64 = at.trim_start_matches('+').parse().map_err(|_| "not a time")?;
        let seen = Stamp {
            at: START + Span::micros((seconds * 1e6).round() as i64),
            frame: self.segments.len() as u64 + 1,
        };
        let mut segment = Segment {
            seen,
            seq: SeqNum(isn[x].wrapping_add(first)),
            ack: SeqNum(0),
            len,
            timestamps: TcpTimestamps::default(),
            window: 64_000,
            checksum: 0,
            ip_id: ids[x],
            interface: 0,
            flags: parse_flags(flags)?,
            hop_limit: 64,
            side,
            has_timestamps: false,
            has_options: false,
            ..Segment::BLANK
        };
        let mut words = rest.iter();
        let mut again = false;
        while let Some(&word) = words.next() {
            let mut next = || words.next().map_or(Err("a number is missing"), |text| number(text));
            match word {
                "ack" => segment.ack = SeqNum(isn[1 - x].wrapping_add(next()?)),
                "win" => segment.window = next()? as u16,
                "scale" => segment.window_scale = next()? as u8,
                "ttl" => segment.hop_limit = next()? as u8,
                "id" => segment.ip_id = next()? as u16,
                "if" => segment.interface = next()? as u8,
                "ts" => {
                    segment.timestamps = TcpTimestamps { val: next()?, ecr: next()? };
                    segment.has_timestamps = true;
                }
                "again" => again = true,
                _ => return Err("an unknown word"),
            }
        }
        if again {
            ids[x] -= 1;
            segment.ip_id = ids[x];
        }
        segment.has_options = segment.has_timestamps || segment.window_scale != Segment::NO_SCALE;
        segment.checksum = (segment.seq.0 ^ segment.ack.0 ^ segment.len) as u16;
        Ok(segment)
    }
}

fn parse_flags(text: &str) -> Result<TcpFlags, &'static str> {
    text.chars().try_fold(TcpFlags::default(), |flags, letter| {
        Ok(flags
            | match letter {
                'S' => TcpFlags::SYN,
                'F' => TcpFlags::FIN,
                'R' => TcpFlags::RST,
                'P' => TcpFlags::PSH,
                'U' => TcpFlags::URG,
                '.' => TcpFlags::ACK,
                '-' => TcpFlags::default(),
                _ => return Err("an unknown flag"),
            })
    })
}
