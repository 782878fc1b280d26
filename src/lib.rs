#![doc = include_str!("architecture.md")]
#![forbid(unsafe_code)]

pub mod wire;

pub mod known;

pub mod knowledge;

pub mod advise;

pub mod capture;
pub mod decode;
pub mod place;

pub mod tcp;

pub mod trace;

pub mod sockets;

pub mod transcript;

pub mod findings;

pub mod analysis;

pub mod fragment;

pub mod detail;
pub mod patterns;

pub mod compare;

pub mod report;

pub mod anonymise;
pub mod extract;
pub mod follow;

pub mod batch;
