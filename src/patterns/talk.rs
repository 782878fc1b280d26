//! Conversations made up for tests: segment by segment, as two hosts would have sent them past the capture point.

use crate::tcp::{Connection, IcmpError};
use crate::wire::{
    Endpoint, FlowKey, Multipath, Segment, SeqNum, Side, Stamp, TcpFlags, TcpTimestamps, Timestamp,
};

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Client,
    Server,
}

pub(super) use Who::{Client, Server};

/// One conversation in the making. Times are seconds since the epoch; answers take 10 ms.
pub(super) struct Talk {
    connection: Connection,
    client: Side,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    at: Timestamp,
    /// What the next segments say of Multipath TCP.
    multipath: Multipath,
}

const RTT_NS: i64 = 10_000_000;

pub(super) fn time(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1e9) as i64)
}

impl Talk {
    /// A connection opened at that time, with a request and its answer.
    pub(super) fn open(client: &str, server: &str, at: f64) -> Talk {
        Talk::connect(client, server, at).say(Client, at + 0.02).say(Server, at + 0.04)
    }

    /// A connection opened at that time.
    pub(super) fn connect(client: &str, server: &str, at: f64) -> Talk {
        let mut talk = Talk::older(client, server, at);
        talk.send(Client, TcpFlags::SYN, 0);
        talk.pause();
        talk.send(Server, TcpFlags::SYN | TcpFlags::ACK, 0);
        talk.send(Client, TcpFlags::ACK, 0);
        talk
    }

    /// A connection that was made before the capture began; it is in use then.
    pub(super) fn older(client: &str, server: &str, at: f64) -> Talk {
        let [client, server] =
            [client, server].map(|text| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap()));
        let (key, side) = FlowKey::of(client, server, 0);
        Talk {
            connection: Connection::new(key),
            client: side,
            next: [1_000, 5_000],
            at: time(at),
            multipath: Multipath::Nothing,
        }
    }

    /// Says something, and is acknowledged.
    pub(super) fn say(self, who: Who, at: f64) -> Talk {
        self.calls(who, at, 1).acks(peer(who))
    }

    /// Says something that often, each time twice as long after the last, and gets no answer.
    pub(super) fn calls(mut self, who: Who, at: f64, times: u32) -> Talk {
        let start = self.next[who as usize];
        let mut at = at;
        for n in 0..times {
            self.at = time(at);
            self.next[who as usize] = start;
            self.send(who, TcpFlags::ACK, 100);
            at += 0.4 * f64::from(1 << n);
        }
        self
    }

    /// Says something without having heard what the other side said last.
    pub(super) fn says_deaf(mut self, who: Who) -> Talk {
        self.pause();
        let other = peer(who) as usize;
        self.next[other] -= 100;
        self.send(who, TcpFlags::ACK, 100);
        self.next[other] += 100;
        self
    }

    /// Acknowledges everything.
    pub(super) fn acks(mut self, who: Who) -> Talk {
        self.pause();
        self.send(who, TcpFlags::ACK, 0);
        self
    }

    /// A keep-alive probe, answered.
    pub(super) fn probe(mut self, who: Who, at: f64) -> Talk {
        self.at = time(at);
        self.next[who as usize] -= 1;
        self.send(who, TcpFlags::ACK, 0);
        self.next[who as usize] += 1;
        self.pause();
        self.send(peer(who), TcpFlags::ACK, 0);
        self
    }

    /// A FIN, acknowledged.
    pub(super) fn fin(mut self, who: Who, at: f64) -> Talk {
        self.at = time(at);
        self.send(who, TcpFlags::FIN | TcpFlags::ACK, 0);
        self.pause();
        self.send(peer(who), TcpFlags::ACK, 0);
        self
    }

    /// A DATA_FIN of Multipath TCP, acknowledged.
    pub(super) fn data_fin(mut self, who: Who, at: f64) -> Talk {
        self.at = time(at);
        self.multipath = Multipath::DataFin;
        self.send(who, TcpFlags::ACK, 0);
        self.multipath = Multipath::DataAck;
        self = self.acks(peer(who));
        self.multipath = Multipath::Nothing;
        self
    }

    /// A RST that answers what the other side said last, with that hop limit.
    pub(super) fn reset(mut self, who: Who, hop_limit: u8) -> Talk {
        self.pause();
        self.segment(who, TcpFlags::RST, 0, hop_limit);
        self
    }

    /// A router says of what the client sent last that its destination is out of reach.
    pub(super) fn unreachable(mut self) -> Talk {
        let seen = Stamp { at: self.at, frame: (self.at.0 / 1_000) as u64 + 1 };
        let error = IcmpError { seen, from: "203.0.113.1".parse().unwrap(), kind: 3, code: 1, count: 1 };
        self.connection.observe_icmp(self.client, error);
        self
    }

    pub(super) fn done(self) -> Connection {
        self.connection
    }

    fn pause(&mut self) {
        self.at = Timestamp(self.at.0 + RTT_NS);
    }

    fn send(&mut self, who: Who, flags: TcpFlags, len: u32) {
        self.segment(who, flags, len, if who == Client { 64 } else { 57 });
    }

    fn segment(&mut self, who: Who, flags: TcpFlags, len: u32, hop_limit: u8) {
        let (own, other) = (self.next[who as usize], self.next[peer(who) as usize]);
        let segment = Segment {
            // One frame every microsecond: numbers follow time, and no two segments of a connection share one.
            seen: Stamp { at: self.at, frame: (self.at.0 / 1_000) as u64 + 1 },
            seq: SeqNum(own),
            ack: SeqNum(if flags.any(TcpFlags::ACK) { other } else { 0 }),
            len,
            timestamps: TcpTimestamps::default(),
            window: 60_000,
            checksum: own as u16 ^ (self.at.0 / 1_000) as u16,
            ip_id: 0,
            interface: 0,
            flags,
            hop_limit,
            side: if who == Client { self.client } else { self.client.peer() },
            has_timestamps: false,
            has_options: false,
            multipath: self.multipath,
            ..Segment::BLANK
        };
        self.connection.observe(&segment);
        self.next[who as usize] = segment.end().0;
        self.at = Timestamp(self.at.0 + 1_000);
    }
}

fn peer(who: Who) -> Who {
    if who == Client { Server } else { Client }
}
