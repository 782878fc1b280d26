//! What few connections have, of two parts: the first of each stays, and what was counted is added.

use super::silences::Unknown;
use crate::tcp::closing::{Fin, IcmpError, Rst, ZeroWindow};
use crate::tcp::connection::{Connection, Extra, Seldom};
use crate::tcp::half::Half;

impl Connection {
    pub(super) fn add_extra(
        &mut self,
        rest: &Extra,
        fins: &[Option<Fin>; 2],
        payload: [u64; 2],
        unknown: &Unknown,
    ) {
        let silences = rest.silences.as_ref().filter(|silences| ***silences != Default::default());
        let zero = rest.zero.as_ref().filter(|zero| ***zero != [ZeroWindow::default(); 2]);
        let extra = self.extra_mut();
        for x in 0..2 {
            // What was known when the head closed was sent before; whose it is was decided when the head was replayed.
            let again = fins[x].filter(|fin| fin.sent > 0 || extra.fin[x].is_some());
            extra.fin[x] = match (extra.fin[x].take(), again) {
                (Some(first), Some(again)) => Some(Box::new(first.then(&again, payload[1 - x]))),
                (None, Some(mut only)) => {
                    only.peer_payload_before += payload[1 - x];
                    Some(Box::new(only))
                }
                (first, None) => first,
            };
            extra.stuck[x] = match (extra.stuck[x].take(), rest.stuck[x].clone()) {
                (Some(earlier), Some(later)) => Some(Box::new(earlier.then(*later))),
                (earlier, later) => later.or(earlier),
            };
            extra.rst[x] = match (extra.rst[x].take(), rest.rst[x].clone().filter(|rst| rst.sent > 0)) {
                (Some(first), Some(again)) if first.sent > 0 => {
                    let sent = first.sent.saturating_add(again.sent);
                    Some(Box::new(Rst { sent, last_sent: again.last_sent, ..*first }))
                }
                (first, later) => later.or(first),
            };
        }
        let has_rst = extra.rst.iter().any(Option::is_some);
        if silences.is_some() || extra.silences.is_some() {
            let later = silences.map(|silences| (**silences).clone()).unwrap_or_default();
            let silences = extra.silences.get_or_insert_default();
            **silences = silences.then(&later, unknown);
        }
        if zero.is_some() || extra.zero.is_some() {
            let later = zero.map(|zero| **zero).unwrap_or_default();
            let zero = extra.zero.get_or_insert_default();
            **zero = [zero[0].then(&later[0]), zero[1].then(&later[1])];
        }
        if let Some(later) = rest.seldom.as_ref().and_then(|seldom| seldom.data_level.as_ref()) {
            let own = extra.seldom.get_or_insert_default().data_level.get_or_insert_default();
            **own = own.then(later);
        }
        if rest.recent.is_some() {
            extra.recent = rest.recent.clone();
        }
        if has_rst {
            self.bits |= Connection::HAS_RST;
        }
        self.drop_empty_box();
    }

    /// ICMP errors depend on nothing that came before them, so they are no part of any head.
    pub(super) fn add_icmp(&mut self, later: &Connection) {
        if self.first.frame == 0 {
            self.first = later.first;
        }
        let Some(seldom) = later.extra.as_ref().and_then(|extra| extra.seldom.as_ref()) else { return };
        let errors = seldom.icmp;
        if errors == [None, None] {
            return;
        }
        let own = &mut self.extra_mut().seldom.get_or_insert_default().icmp;
        for x in 0..2 {
            own[x] = match (own[x], errors[x]) {
                (Some(first), Some(again)) => {
                    Some(IcmpError { count: first.count.saturating_add(again.count), ..first })
                }
                (first, only) => first.or(only),
            };
        }
    }

    pub(super) fn drop_empty_box(&mut self) {
        self.extra.take_if(|extra| **extra == Extra::default());
    }
}

impl Extra {
    pub(super) fn count_anew(&mut self) {
        for fin in self.fin.iter_mut().flatten() {
            fin.sent = 0;
            fin.peer_payload_before = 0;
            (fin.close_wait, fin.perhaps_close_wait) = (None, None);
        }
        self.rst.iter_mut().flatten().for_each(|rst| rst.sent = 0);
        self.stuck = [None, None];
        self.empties = None;
        self.seldom.take_if(|seldom| {
            seldom.data_level = None;
            **seldom == Seldom::default()
        });
        if let Some(silences) = &mut self.silences {
            **silences = silences.running();
        }
        if let Some(zero) = &mut self.zero {
            **zero = zero.map(|zero| zero.running());
        }
    }
}

impl Fin {
    /// `peer` is what an earlier part knows of the one that acknowledged this FIN, and whether it had sent its own.
    pub(super) fn settle_close_wait(&mut self, peer: &Half, peer_closed: bool) {
        if peer_closed {
            (self.close_wait, self.perhaps_close_wait) = (None, None);
        }
        if let Some((stamp, number)) = self.perhaps_close_wait.filter(|_| peer.is_anchored()) {
            if peer.ends_in(number) {
                self.close_wait = Some(stamp);
            }
            self.perhaps_close_wait = None;
        }
    }

    /// `again` is the same FIN as known to a part that began later; `payload` is what the peer had sent until then.
    fn then(&self, again: &Fin, payload: u64) -> Fin {
        let before = payload + again.peer_payload_before;
        Fin {
            sent: self.sent.saturating_add(again.sent),
            last_sent: if again.sent > 0 { again.last_sent } else { self.last_sent },
            close_wait: self.close_wait.or(again.close_wait),
            perhaps_close_wait: self.perhaps_close_wait.or(again.perhaps_close_wait),
            acked: self.acked.or(again.acked),
            peer_payload_before: if self.acked.is_some() { self.peer_payload_before } else { before },
            ..*self
        }
    }
}
