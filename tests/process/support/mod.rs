//! What the tests share: a gateway process, a client that shows every byte, and waiting that ends.

mod client;
mod gateway;
mod request;

use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Connection};
pub(crate) use gateway::{Folder, Gateway, Output, run};
pub(crate) use request::{Keys, Request};

/// No test waits longer for one thing. Far above what anything takes: whoever gets here hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `holds`, looking again and again; `what` says in the failure what never came.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes that no other seed gives.
pub(crate) fn content(seed: u64, length: usize) -> Vec<u8> {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// The text between `<name>` and `</name>`, the first there is.
pub(crate) fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
