//! A capture that is still being written: read as it grows, looked at now and then.
//!
//! [`Follower`] reads and keeps facts, like any analysis; [`Follower::look`] judges what was seen so far and changes
//! nothing. [`Alerts`] says what is new since the look before, [`write_metrics`] tells a monitoring system. There is no
//! clock here: whoever calls decides when to look, and how long to wait for more octets.

mod alerts;
mod follower;
mod metrics;
mod ring;
mod tail;

pub use alerts::{ALERT_SCHEMA, Alert, Alerts, Change};
pub use follower::Follower;
pub use metrics::write_metrics;
pub use ring::Ring;
pub use tail::{Tail, Wait};
