//! Decoding: one record becomes one segment, or a counted reason why not.
