//! Accounts and requests for the tests of this part.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::Caller;
use crate::clock::UnixMillis;
use crate::level::Percents;
use crate::meta::{Account, AccountStatus, Bucket, MASTER_KEY_BYTES, MemoryEngine, NewBucket, Sealer, Store};
use crate::name::{AccountId, BucketName};
use crate::wire::address::Endpoints;
use crate::wire::{Head, Peer};

/// Wed, 01 Jul 2015 03:27:45.482 GMT.
pub(super) const NOW: UnixMillis = 1_435_721_265_482;

pub(super) fn account(id: u128, name: &str) -> Account {
    Account {
        id: AccountId(id),
        name: name.to_owned(),
        email: None,
        password_hash: None,
        status: AccountStatus::Active,
        root: false,
        created_millis: NOW,
        capacity_bytes: 0,
        object_limit: 0,
        packs: Vec::new(),
        next_pack: 1,
        soft_percents: Percents::default(),
    }
}

pub(super) fn caller(id: u128, name: &str) -> Caller {
    Caller::of(Arc::new(account(id, name)))
}

/// A request in path style, by its line and headers.
pub(super) fn head(text: &str) -> Head {
    let mut lines = text.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).expect("a method and a target");
    let mut request = hyper::Request::builder().method(method).uri(target).header("host", "127.0.0.1");
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    Head::parse(parts, &Endpoints::new(Vec::new())).expect("a head")
}

pub(super) fn peer(address: &str) -> Peer {
    Peer::plain(address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)))
}

/// The bucket `photos`, private and empty.
pub(super) async fn bucket(owner: u128) -> Bucket {
    let store = Store::new(Arc::new(MemoryEngine::new()), Sealer::new(&[7; MASTER_KEY_BYTES]));
    let name = BucketName::parse("photos").expect("a name");
    let new = NewBucket::new(name, AccountId(owner), "default".to_owned());
    let made = store.write(|tx| tx.create_bucket(&new, NOW));
    made.await.expect("memory does not fail")
}
