//! Traffic made to be expensive, and ordinary traffic to compare it with. Each kind writes its n-th frame by itself, so that
//! any number of frames costs no memory here.

use crate::packets::{ACK, End, FIN, SECOND, SYN, Tcp};

const RST: u8 = 4;

/// One kind of traffic.
pub struct Adversary {
    pub name: &'static str,
    /// All of it belongs to one connection, or to none.
    pub one_connection: bool,
    /// Writes frame n, from 0, and returns its time in nanoseconds after the first.
    pub frame: fn(u64, &mut Vec<u8>) -> i64,
}

const MILLI: i64 = SECOND / 1_000;
const SERVER: End = End(0x0f_0001, 443);

pub const ORDINARY: Adversary = Adversary { name: "ordinary", one_connection: false, frame: ordinary };

pub const ADVERSARIES: &[Adversary] = &[
    Adversary { name: "flows-that-collide", one_connection: false, frame: flows_that_collide },
    Adversary { name: "syn-flood", one_connection: false, frame: syn_flood },
    Adversary { name: "silences", one_connection: true, frame: silences },
    Adversary { name: "silences-broken", one_connection: true, frame: silences_broken },
    Adversary { name: "ports-reused", one_connection: false, frame: ports_reused },
    Adversary { name: "ports-reused-after-close", one_connection: false, frame: ports_reused_after_close },
    Adversary { name: "fragments-unfinished", one_connection: false, frame: fragments_unfinished },
    Adversary { name: "fragments-tiny", one_connection: false, frame: fragments_tiny },
    Adversary { name: "ip-in-ip", one_connection: true, frame: ip_in_ip },
    Adversary { name: "vlan-stack", one_connection: true, frame: vlan_stack },
    Adversary { name: "gre-loop", one_connection: true, frame: gre_loop },
    Adversary { name: "icmp-quotes", one_connection: true, frame: icmp_quotes },
    Adversary { name: "icmp-quotes-of-nobody", one_connection: false, frame: icmp_quotes_of_nobody },
    Adversary { name: "zero-windows", one_connection: true, frame: zero_windows },
    Adversary { name: "repetitions", one_connection: true, frame: repetitions },
    Adversary { name: "out-of-order", one_connection: true, frame: out_of_order },
    Adversary { name: "resets", one_connection: false, frame: resets },
    Adversary { name: "fins-repeated", one_connection: true, frame: fins_repeated },
    Adversary { name: "scan", one_connection: false, frame: scan },
    Adversary { name: "leaks-everywhere", one_connection: false, frame: leaks_everywhere },
    Adversary { name: "leaks-in-a-row", one_connection: false, frame: leaks_in_a_row },
    Adversary { name: "deaths-everywhere", one_connection: false, frame: deaths_everywhere },
    Adversary { name: "clock-jumps", one_connection: true, frame: clock_jumps },
];

fn put(segment: &Tcp, out: &mut Vec<u8>) {
    out.extend(segment.ethernet());
}

/// Spreads a number over 64 bits (splitmix64).
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 5,000 connections at once, opened, used and closed in 16 frames each, in an order without a pattern.
fn ordinary(n: u64, out: &mut Vec<u8>) -> i64 {
    const AT_ONCE: u64 = 5_000;
    const FRAMES: u64 = 16;
    let (round, place) = (n / (AT_ONCE * FRAMES), n % (AT_ONCE * FRAMES));
    // All of them in turn, by steps that look like chance.
    let (step, who) = ((place / AT_ONCE) as u32, (place % AT_ONCE * 2_741 % AT_ONCE) as u32);
    let id = round as u32 * AT_ONCE as u32 + who;
    let client = End(0x01_0000 + id / 20_000 % 0xffff, 20_000 + (id % 20_000) as u16);
    let server = End(0x0f_0000 + who % 16, 443);
    let (there, back) = (
        |flags, seq, ack, len| Tcp::new(client, server, flags, seq, ack, len),
        |flags, seq, ack, len| Tcp::new(server, client, flags, seq, ack, len),
    );
    let segment = match step {
        0 => there(SYN, 0, 0, 0),
        1 => back(SYN | ACK, 0, 1, 0),
        2 => there(ACK, 1, 1, 0),
        13 => there(FIN | ACK, 601, 501, 0),
        14 => back(FIN | ACK, 501, 602, 0),
        15 => there(ACK, 602, 502, 0),
        step if step % 2 == 1 => there(ACK, 1 + (step - 3) / 2 * 120, 1 + (step - 3) / 2 * 100, 120),
        step => back(ACK, 1 + (step - 4) / 2 * 100, 1 + (step - 2) / 2 * 120, 100),
    };
    put(&segment, out);
    n as i64 * 2_000
}

/// New flows whose addresses and ports differ in few bits only.
fn flows_that_collide(n: u64, out: &mut Vec<u8>) -> i64 {
    let client = End(((n >> 16) as u32) << 12, (n as u16).rotate_left(8));
    put(&Tcp::new(client, SERVER, ACK, 1, 1, 10), out);
    n as i64 * 1_000
}

fn syn_flood(n: u64, out: &mut Vec<u8>) -> i64 {
    let from = mixed(n);
    put(&Tcp::new(End(from as u32, (from >> 32) as u16), SERVER, SYN, from as u32, 0, 0), out);
    n as i64 * 1_000
}

const CLIENT: End = End(7, 50_000);

/// One side speaks, the other acknowledges; two seconds, and again: every time a silence that was survived.
fn silences(n: u64, out: &mut Vec<u8>) -> i64 {
    let turn = (n / 2) as u32;
    if n.is_multiple_of(2) {
        put(&Tcp::new(CLIENT, SERVER, ACK, 1 + turn, 1, 1), out);
    } else {
        put(&Tcp::new(SERVER, CLIENT, ACK, 1, 2 + turn, 0), out);
    }
    n as i64 / 2 * 2 * SECOND + (n % 2) as i64 * MILLI
}

/// After every silence the numbers jump, so that nothing can be said of it.
fn silences_broken(n: u64, out: &mut Vec<u8>) -> i64 {
    let jump = mixed(n) as u32;
    put(&Tcp::new(CLIENT, SERVER, ACK, jump, jump.rotate_left(9), 1), out);
    n as i64 * 3 * SECOND
}

fn ports_reused(n: u64, out: &mut Vec<u8>) -> i64 {
    put(&Tcp::new(CLIENT, SERVER, SYN, mixed(n) as u32, 0, 0), out);
    n as i64 * 100 * MILLI
}

/// Opened and closed in six frames, over and over on the same ports.
fn ports_reused_after_close(n: u64, out: &mut Vec<u8>) -> i64 {
    let first = mixed(n / 6) as u32;
    let (there, back) = (
        |flags, seq: u32, ack| Tcp::new(CLIENT, SERVER, flags, first.wrapping_add(seq), ack, 0),
        |flags, seq, ack: u32| Tcp::new(SERVER, CLIENT, flags, seq, first.wrapping_add(ack), 0),
    );
    let segment = match n % 6 {
        0 => Tcp { ack: 0, ..there(SYN, 0, 0) },
        1 => back(SYN | ACK, 0, 1),
        2 => there(ACK, 1, 1),
        3 => there(FIN | ACK, 1, 1),
        4 => back(FIN | ACK, 1, 2),
        _ => there(ACK, 2, 2),
    };
    put(&segment, out);
    n as i64 * MILLI
}

/// An IPv4 header around a payload, inside an Ethernet frame that begins at the end of `out` if there is none yet.
fn ipv4(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend((20 + payload.len() as u16).to_be_bytes());
    ip.extend(id.to_be_bytes());
    ip.extend(fragment.to_be_bytes());
    ip.extend([64, protocol, 0, 0, 10, 0, 0, 7, 10, 15, 0, 1]);
    ip.extend(payload);
    ip
}

const ETHERNET: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];

/// First fragments of datagrams whose rest never comes.
fn fragments_unfinished(n: u64, out: &mut Vec<u8>) -> i64 {
    let mut ip = ipv4(6, n as u16, 0x2000, &[0; 64]);
    ip[12..16].copy_from_slice(&(0x0a00_0000 | (n >> 16) as u32).to_be_bytes());
    out.extend(ETHERNET);
    out.extend(ip);
    n as i64 * MILLI
}

/// Eight octets each, in no order, of one datagram after another.
fn fragments_tiny(n: u64, out: &mut Vec<u8>) -> i64 {
    let offset = (mixed(n) % 8_000) as u16;
    out.extend(ETHERNET);
    out.extend(ipv4(6, (n / 8_000) as u16, 0x2000 | offset, &[0; 8]));
    n as i64 * MILLI / 100
}

fn inner(n: u64) -> Vec<u8> {
    Tcp::new(CLIENT, SERVER, ACK, n as u32, 1, 1).ip()
}

fn ip_in_ip(n: u64, out: &mut Vec<u8>) -> i64 {
    out.extend(ETHERNET);
    out.extend((0..60).fold(inner(n), |packet, _| ipv4(4, n as u16, 0, &packet)));
    n as i64 * MILLI
}

fn vlan_stack(n: u64, out: &mut Vec<u8>) -> i64 {
    out.extend(&ETHERNET[..12]);
    (0..300).for_each(|tag: u16| out.extend([0x81, 0, (tag >> 8) as u8 & 0x0f, tag as u8]));
    out.extend([8, 0]);
    out.extend(inner(n));
    n as i64 * MILLI
}

/// GRE in GRE, each carrying Ethernet.
fn gre_loop(n: u64, out: &mut Vec<u8>) -> i64 {
    out.extend(ETHERNET);
    let wrap =
        |packet: Vec<u8>| ipv4(47, n as u16, 0, &[&[0, 0, 0x65, 0x58][..], &ETHERNET, &packet].concat());
    out.extend((0..30).fold(inner(n), |packet, _| wrap(packet)));
    n as i64 * MILLI
}

fn icmp(quoted: &Tcp, n: u64, out: &mut Vec<u8>) {
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&quoted.ip()[..28]);
    out.extend(ETHERNET);
    out.extend(ipv4(1, n as u16, 0, &message));
}

fn icmp_quotes(n: u64, out: &mut Vec<u8>) -> i64 {
    if n.is_multiple_of(1_000) {
        put(&Tcp::new(CLIENT, SERVER, ACK, n as u32, 1, 1), out);
    } else {
        icmp(&Tcp::new(CLIENT, SERVER, ACK, n as u32, 1, 1), n, out);
    }
    n as i64 * MILLI
}

fn icmp_quotes_of_nobody(n: u64, out: &mut Vec<u8>) -> i64 {
    let from = mixed(n);
    icmp(&Tcp::new(End(from as u32, (from >> 40) as u16), SERVER, ACK, n as u32, 1, 1), n, out);
    n as i64 * MILLI
}

/// Shut and opened again with every second segment.
fn zero_windows(n: u64, out: &mut Vec<u8>) -> i64 {
    let window = if n.is_multiple_of(2) { 0 } else { 64_000 };
    put(&Tcp { window, ..Tcp::new(SERVER, CLIENT, ACK, 1, 1 + n as u32, 0) }, out);
    n as i64 * 50 * MILLI
}

/// The same octets again and again.
fn repetitions(n: u64, out: &mut Vec<u8>) -> i64 {
    let mut segment = Tcp::new(CLIENT, SERVER, ACK, 1, 1, 1_400);
    segment.window = n as u16;
    put(&segment, out);
    n as i64 * 200 * MILLI
}

/// Each segment before the last.
fn out_of_order(n: u64, out: &mut Vec<u8>) -> i64 {
    put(&Tcp::new(CLIENT, SERVER, ACK, 0x4000_0000_u32.wrapping_sub(n as u32 * 10), 1, 10), out);
    n as i64 * MILLI
}

fn resets(n: u64, out: &mut Vec<u8>) -> i64 {
    let (from, to) = if n.is_multiple_of(2) { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    put(&Tcp::new(from, to, RST, n as u32, 0, 0), out);
    n as i64 * MILLI
}

fn fins_repeated(n: u64, out: &mut Vec<u8>) -> i64 {
    let (from, to) = if n.is_multiple_of(2) { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    put(&Tcp::new(from, to, FIN | ACK, 1 + n as u32 / 7, 1, 0), out);
    n as i64 * MILLI
}

/// Every host and port of a network from one host.
fn scan(n: u64, out: &mut Vec<u8>) -> i64 {
    put(&Tcp::new(CLIENT, End(0x20_0000 + (n >> 10) as u32, n as u16 & 1_023), SYN, n as u32, 0, 0), out);
    n as i64 * MILLI
}

/// Five frames of a connection whose server never closes.
fn leak(client: End, server: End, n: u64, out: &mut Vec<u8>) -> i64 {
    let segment = match n % 5 {
        0 => Tcp::new(client, server, SYN, 100, 0, 0),
        1 => Tcp::new(server, client, SYN | ACK, 500, 101, 0),
        2 => Tcp::new(client, server, ACK, 101, 501, 50),
        3 => Tcp::new(client, server, FIN | ACK, 151, 501, 0),
        _ => Tcp::new(server, client, ACK, 501, 152, 0),
    };
    put(&segment, out);
    n as i64 * 100 * MILLI
}

/// Two hosts of its own each.
fn leaks_everywhere(n: u64, out: &mut Vec<u8>) -> i64 {
    let id = (n / 5) as u32;
    leak(End(0x20_0000 + id, 40_000), End(0x80_0000 + id, 443), n, out)
}

/// Each server is the next one's client.
fn leaks_in_a_row(n: u64, out: &mut Vec<u8>) -> i64 {
    let id = (n / 5) as u32;
    leak(End(0x20_0000 + id, 40_000), End(0x20_0001 + id, 443), n, out)
}

/// Connections that die after a silence, each between two hosts of its own; 500 are silent at a time.
fn deaths_everywhere(n: u64, out: &mut Vec<u8>) -> i64 {
    const AT_ONCE: u64 = 500;
    const FRAMES: u64 = 8;
    let (round, place) = (n / (AT_ONCE * FRAMES), n % (AT_ONCE * FRAMES));
    let (step, id) = (place / AT_ONCE, (round * AT_ONCE + place % AT_ONCE) as u32);
    let (client, server) = (End(0x20_0000 + id, 40_000), End(0x80_0000 + id, 443));
    let (segment, at) = match step {
        0 => (Tcp::new(client, server, SYN, 100, 0, 0), 0),
        1 => (Tcp::new(server, client, SYN | ACK, 500, 101, 0), 1),
        2 => (Tcp::new(client, server, ACK, 101, 501, 50), 2),
        3 => (Tcp::new(server, client, ACK, 501, 151, 50), 3),
        // In vain, at intervals that double.
        step => (Tcp::new(client, server, ACK, 151, 551, 50), 400 + (1 << (step - 4))),
    };
    put(&segment, out);
    (round as i64 * 500 + at) * SECOND + (place % AT_ONCE) as i64 * MILLI
}

/// An hour forth, an hour back.
fn clock_jumps(n: u64, out: &mut Vec<u8>) -> i64 {
    let turn = n as u32 / 2;
    put(&Tcp::new(CLIENT, SERVER, ACK, 1 + turn, 1, 1), out);
    (n % 2) as i64 * 3_600 * SECOND
}
