//! What a gateway must hold after any kill: per key what was acknowledged last, and at most one operation that was
//! cut off. Not here: who does the operations, and the keys that have versions.

use std::collections::BTreeMap;

use super::firsts::Firsts;
use super::uploads::{self, Upload};
use super::versions::{self, Key, VERSIONED};
use crate::support::{Answer, Gateway, Keys, Request, content};

/// Sends a request and returns its answer; there is one, because nobody kills the gateway meanwhile.
pub(super) type Send<'a> = dyn FnMut(&Request) -> Answer + 'a;

/// The first has a quota that is never changed, the second one that workers change, the third none.
pub(super) const BUCKETS: [&str; 3] = ["tight", "swinging", "free"];
/// Quota of the first bucket.
pub(super) const TIGHT_BYTES: u64 = 900 * 1024;
/// Keys of one worker.
const KEY_COUNT: usize = 15;
/// Keys of one worker that are appended to, after the others.
pub(super) const LOG_COUNT: usize = 3;

/// Content told by a seed, of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) seed: u64,
    pub(super) length: usize,
}

impl Body {
    pub(super) fn bytes(self) -> Vec<u8> {
        content(self.seed, self.length)
    }
}

/// What lies under a key: what was sent for it, end to end.
pub(super) type Whole = Vec<Body>;

pub(super) fn length(whole: &Whole) -> usize {
    whole.iter().map(|body| body.length).sum()
}

pub(super) fn bytes(whole: &Whole) -> Vec<u8> {
    whole.iter().flat_map(|body| body.bytes()).collect()
}

/// A value that operations replace: what the last acknowledged one left, and what one without an answer wants.
#[derive(Clone, Debug)]
pub(super) struct Settled<T> {
    pub(super) value: T,
    pub(super) attempted: Option<T>,
}

impl<T: PartialEq + std::fmt::Debug + Clone> Settled<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, attempted: None }
    }

    /// The attempt was acknowledged.
    pub(super) fn succeed(&mut self) {
        self.value = self.attempted.take().unwrap();
    }

    /// The attempt was refused.
    pub(super) fn fail(&mut self) {
        self.attempted = None;
    }

    /// After a kill `found` must be the one or the other; from then on it is what was acknowledged. Says whether
    /// an attempt was cut off, and whether it had happened.
    pub(super) fn resolve(&mut self, what: &str, is_found: impl Fn(&T) -> bool) -> (bool, bool) {
        let is_old = is_found(&self.value);
        let attempted = self.attempted.take();
        let was_cut_off = attempted.is_some();
        match attempted {
            _ if is_old => (was_cut_off, false),
            Some(attempted) if is_found(&attempted) => {
                self.value = attempted;
                (true, true)
            }
            attempted => panic!("{what} is neither {:?} nor {attempted:?}", self.value),
        }
    }
}

/// A worker's part of the world: nobody else touches it.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) keys: Keys,
    /// Path and content of each of its objects; the last [`LOG_COUNT`] are those it appends to.
    pub(super) objects: Vec<(String, Settled<Option<Whole>>)>,
    /// Its key with versions.
    pub(super) key: Key,
    /// The upload it was about to make.
    pub(super) upload: Option<Upload>,
    /// The changing quota; one worker has it.
    pub(super) quota: Option<Settled<u64>>,
}

/// Everything the gateway holds.
#[derive(Debug)]
pub(super) struct World {
    slots: Vec<Slots>,
    /// What all of them try for.
    firsts: Firsts,
    /// Operations that were cut off so far.
    pub(super) cut_off: usize,
    /// Those of them that had happened.
    pub(super) happened: usize,
}

impl World {
    /// Empty buckets, shared out among `worker_count` workers.
    pub(super) fn new(keys: &Keys, worker_count: usize) -> Self {
        let path = |worker: usize, key: usize| format!("/{}/w{worker}/k{key}", BUCKETS[key % BUCKETS.len()]);
        let slots = |worker: usize| Slots {
            keys: keys.clone(),
            objects: (0..KEY_COUNT + LOG_COUNT).map(|key| (path(worker, key), Settled::new(None))).collect(),
            key: Key::new(format!("/{VERSIONED}/w{worker}")),
            upload: None,
            quota: (worker == 0).then(|| Settled::new(0)),
        };
        let slots = (0..worker_count).map(slots).collect();
        Self { slots, firsts: Firsts::default(), cut_off: 0, happened: 0 }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.slots[0].keys
    }

    /// What each worker has for itself, and what all share.
    pub(super) fn shared_out(&mut self) -> (impl Iterator<Item = &mut Slots>, &Firsts) {
        (self.slots.iter_mut(), &self.firsts)
    }

    /// Holds a gateway that has just started against what it must hold. Uploads that were cut off end here.
    pub(super) fn check(&mut self, gateway: &Gateway) {
        let keys = self.keys().clone();
        let mut connection = gateway.connect();
        let mut send = |request: &Request| connection.ask(&request.clone().signed(&keys)).unwrap();
        let uploads: Vec<_> = self.slots.iter_mut().filter_map(|slots| slots.upload.take()).collect();
        let mut listed: BTreeMap<String, usize> = BTreeMap::new();
        for bucket in BUCKETS {
            let sizes = list(bucket, &send(&Request::get(&format!("/{bucket}"))));
            let part_bytes = uploads::check(&mut send, bucket, &uploads);
            let info = send(&Request::get(&format!("/{bucket}?storageinfo")));
            let sum: usize = sizes.values().sum();
            assert_eq!(info.element("Size"), (sum + part_bytes).to_string(), "usage of {bucket}");
            assert_eq!(info.element("ObjectNumber"), sizes.len().to_string(), "objects of {bucket}");
            let used = (sum + part_bytes) as u64;
            assert!(bucket != BUCKETS[0] || used <= TIGHT_BYTES, "{bucket} holds {used} bytes");
            uploads::end(&mut send, bucket);
            let info = send(&Request::get(&format!("/{bucket}?storageinfo")));
            assert_eq!(info.element("Size"), sum.to_string(), "usage of {bucket} without uploads");
            listed.extend(sizes);
        }
        for slots in &mut self.slots {
            for (path, object) in &mut slots.objects {
                let answer = send(&Request::get(path));
                let found = match answer.verdict() {
                    (200, _) => Some(&answer.body),
                    (404, "NoSuchKey") => None,
                    _ => panic!("{path}: {answer:?}"),
                };
                assert_eq!(listed.remove(path), found.map(Vec::len), "the listing of {path}");
                let is_found = |whole: &Option<Whole>| match (whole, found) {
                    (Some(whole), Some(found)) => length(whole) == found.len() && bytes(whole) == *found,
                    (whole, found) => whole.is_none() && found.is_none(),
                };
                let (cut_off, happened) = object.resolve(path, is_found);
                self.cut_off += usize::from(cut_off);
                self.happened += usize::from(happened);
            }
            let (cut_off, happened) = slots.key.check(&mut send);
            self.cut_off += usize::from(cut_off);
            self.happened += usize::from(happened);
            if let Some(quota) = &mut slots.quota {
                let found = send(&Request::get(&format!("/{}?quota", BUCKETS[1])));
                let found: u64 = found.element("StorageQuota").parse().unwrap();
                quota.resolve("the quota", |quota| *quota == found);
            }
        }
        assert!(listed.is_empty(), "nobody put {listed:?}");
        versions::check_sums(&mut send);
        self.firsts.check(&mut send);
    }
}

/// Path and size of every object of a listing.
fn list(bucket: &str, page: &Answer) -> BTreeMap<String, usize> {
    assert_eq!(page.element("IsTruncated"), "false");
    let rows = page.text().split("<Contents>").skip(1);
    let element = |row: &str, name| crate::support::element(row, name).unwrap().to_owned();
    rows.map(|row| (format!("/{bucket}/{}", element(row, "Key")), element(row, "Size").parse().unwrap())).collect()
}
