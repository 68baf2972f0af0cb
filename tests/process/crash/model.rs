//! What a gateway must hold after any kill: per key what was acknowledged last, and at most one operation that was
//! cut off. Not here: who does the operations.

use std::collections::BTreeMap;

use crate::support::{Answer, Gateway, Keys, Request, content};

/// The first has a quota that is never changed, the second one that workers change, the third none.
pub(super) const BUCKETS: [&str; 3] = ["tight", "swinging", "free"];
/// Quota of the first bucket.
pub(super) const TIGHT_BYTES: u64 = 900 * 1024;
/// Keys of one worker.
const KEY_COUNT: usize = 15;

/// What lies under a key: content told by a seed, of a length.
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

/// A value that operations replace: what the last acknowledged one left, and what one without an answer wants.
#[derive(Clone, Debug)]
pub(super) struct Settled<T> {
    pub(super) value: T,
    pub(super) attempted: Option<T>,
}

impl<T: PartialEq + std::fmt::Debug + Clone> Settled<T> {
    fn new(value: T) -> Self {
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
    fn resolve(&mut self, what: &str, is_found: impl Fn(&T) -> bool) -> (bool, bool) {
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
    /// Path and content of each of its objects.
    pub(super) objects: Vec<(String, Settled<Option<Body>>)>,
    /// The changing quota; one worker has it.
    pub(super) quota: Option<Settled<u64>>,
}

/// Everything the gateway holds.
#[derive(Debug)]
pub(super) struct World {
    slots: Vec<Slots>,
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
            objects: (0..KEY_COUNT).map(|key| (path(worker, key), Settled::new(None))).collect(),
            quota: (worker == 0).then(|| Settled::new(0)),
        };
        Self { slots: (0..worker_count).map(slots).collect(), cut_off: 0, happened: 0 }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.slots[0].keys
    }

    pub(super) fn slots_by_worker(&mut self) -> impl Iterator<Item = &mut Slots> {
        self.slots.iter_mut()
    }

    /// Holds a gateway that has just started against what it must hold.
    pub(super) fn check(&mut self, gateway: &Gateway) {
        let keys = self.keys().clone();
        let mut connection = gateway.connect();
        let mut ask = |target: &str| connection.ask(&Request::get(target).signed(&keys)).unwrap();
        let mut listed: BTreeMap<String, usize> = BTreeMap::new();
        for bucket in BUCKETS {
            let sizes = list(bucket, &ask(&format!("/{bucket}")));
            let info = ask(&format!("/{bucket}?storageinfo"));
            let sum: usize = sizes.values().sum();
            assert_eq!(info.element("Size"), sum.to_string(), "usage of {bucket}");
            assert_eq!(info.element("ObjectNumber"), sizes.len().to_string(), "objects of {bucket}");
            assert!(bucket != BUCKETS[0] || sum as u64 <= TIGHT_BYTES, "{bucket} holds {sum} bytes");
            listed.extend(sizes);
        }
        for slots in &mut self.slots {
            for (path, object) in &mut slots.objects {
                let answer = ask(path);
                let found = match answer.verdict() {
                    (200, _) => Some(&answer.body),
                    (404, "NoSuchKey") => None,
                    _ => panic!("{path}: {answer:?}"),
                };
                assert_eq!(listed.remove(path), found.map(Vec::len), "the listing of {path}");
                let is_found = |body: &Option<Body>| match (body, found) {
                    (Some(body), Some(bytes)) => body.length == bytes.len() && body.bytes() == *bytes,
                    (body, found) => body.is_none() && found.is_none(),
                };
                let (cut_off, happened) = object.resolve(path, is_found);
                self.cut_off += usize::from(cut_off);
                self.happened += usize::from(happened);
            }
            if let Some(quota) = &mut slots.quota {
                let found = ask(&format!("/{}?quota", BUCKETS[1]));
                let found: u64 = found.element("StorageQuota").parse().unwrap();
                quota.resolve("the quota", |quota| *quota == found);
            }
        }
        assert!(listed.is_empty(), "nobody put {listed:?}");
    }
}

/// Path and size of every object of a listing.
fn list(bucket: &str, page: &Answer) -> BTreeMap<String, usize> {
    assert_eq!(page.element("IsTruncated"), "false");
    let rows = page.text().split("<Contents>").skip(1);
    let element = |row: &str, name| crate::support::element(row, name).unwrap().to_owned();
    rows.map(|row| (format!("/{bucket}/{}", element(row, "Key")), element(row, "Size").parse().unwrap())).collect()
}
