//! The reference: buckets and objects in plain maps, usage by summation. It shares no code with the gateway, and says
//! what each request must be answered with.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use md5::{Digest as _, Md5};

/// Status and error code.
pub(crate) type Outcome = (u16, String);

/// Everything stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) buckets: BTreeMap<String, Bucket>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) owner: usize,
    pub(crate) quota: u64,
    pub(crate) objects: BTreeMap<String, Object>,
}

/// An object's bytes follow from its size and its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) size: u64,
    pub(crate) tag: u8,
    pub(crate) etag: String,
}

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

/// What a listing asks for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) prefix: String,
    pub(crate) marker: String,
    pub(crate) delimiter: String,
    pub(crate) max_keys: usize,
}

/// What a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) keys: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) truncated: bool,
}

impl Object {
    pub(crate) fn new(size: u64, tag: u8) -> Self {
        Self { size, tag, etag: etag(&body(size, tag)) }
    }

    pub(crate) fn body(&self) -> Bytes {
        body(self.size, self.tag)
    }
}

/// Bytes in which neither a shift nor another object's passes unnoticed.
pub(crate) fn body(size: u64, tag: u8) -> Bytes {
    (0..size).map(|at| (at.wrapping_mul(31) ^ (at >> 8)).to_le_bytes()[0] ^ tag).collect()
}

/// The tag of an object with these bytes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(bytes).into()))
}

pub(crate) fn ok(status: u16) -> Outcome {
    (status, String::new())
}

pub(crate) fn refused(status: u16, code: &str) -> Outcome {
    (status, code.to_owned())
}

impl Bucket {
    pub(crate) fn used(&self) -> u64 {
        self.objects.values().map(|object| object.size).sum()
    }

    /// Bytes an object under `key` may have, where there is a limit.
    pub(crate) fn room_for(&self, key: &str) -> Option<u64> {
        let replaced = self.objects.get(key).map_or(0, |object| object.size);
        let free = (self.quota + replaced).saturating_sub(self.used());
        // What does not grow the bucket always passes.
        (self.quota > 0).then(|| free.max(replaced))
    }
}

impl Model {
    /// Bytes of an account's buckets together.
    pub(crate) fn used_by(&self, owner: usize) -> u64 {
        self.buckets.values().filter(|bucket| bucket.owner == owner).map(Bucket::used).sum()
    }

    pub(crate) fn buckets_of(&self, owner: usize) -> Vec<String> {
        let owned = self.buckets.iter().filter(|(_, bucket)| bucket.owner == owner);
        owned.map(|(name, _)| name.clone()).collect()
    }

    fn admit(&mut self, who: usize, name: &str) -> Result<&mut Bucket, Outcome> {
        match self.buckets.get_mut(name) {
            None => Err(refused(404, "NoSuchBucket")),
            Some(bucket) if bucket.owner != who => Err(refused(403, "AccessDenied")),
            Some(bucket) => Ok(bucket),
        }
    }

    pub(crate) fn create_bucket(&mut self, who: usize, name: &str) -> Outcome {
        match self.buckets.get(name) {
            Some(bucket) if bucket.owner != who => return refused(409, "BucketAlreadyExists"),
            Some(_) => {}
            None => {
                self.buckets.insert(name.to_owned(), Bucket { owner: who, ..Bucket::default() });
            }
        }
        ok(200)
    }

    pub(crate) fn delete_bucket(&mut self, who: usize, name: &str) -> Outcome {
        match self.admit(who, name) {
            Err(outcome) => outcome,
            Ok(bucket) if !bucket.objects.is_empty() => refused(409, "BucketNotEmpty"),
            Ok(_) => {
                self.buckets.remove(name);
                ok(204)
            }
        }
    }

    pub(crate) fn set_quota(&mut self, who: usize, name: &str, quota: u64) -> Outcome {
        match self.admit(who, name) {
            Err(outcome) => outcome,
            Ok(_) if quota > i64::MAX as u64 => refused(400, "MalformedQuotaError"),
            Ok(bucket) => {
                bucket.quota = quota;
                ok(200)
            }
        }
    }

    pub(crate) fn put(
        &mut self,
        who: usize,
        name: &str,
        key: &str,
        object: Object,
        conditions: &Conditions,
        is_digest_right: bool,
    ) -> Outcome {
        let bucket = match self.admit(who, name) {
            Ok(bucket) => bucket,
            Err(outcome) => return outcome,
        };
        if !conditions.hold(bucket.objects.get(key)) {
            return refused(412, "PreconditionFailed");
        }
        if bucket.room_for(key).is_some_and(|room| object.size > room) {
            return refused(403, "InsufficientStorageSpace");
        }
        if !is_digest_right {
            return refused(400, "BadDigest");
        }
        bucket.objects.insert(key.to_owned(), object);
        ok(200)
    }

    pub(crate) fn delete(&mut self, who: usize, name: &str, key: &str) -> Outcome {
        match self.admit(who, name) {
            Err(outcome) => outcome,
            Ok(bucket) => {
                bucket.objects.remove(key);
                ok(204)
            }
        }
    }

    pub(crate) fn get(&mut self, who: usize, name: &str, key: &str) -> Result<Object, Outcome> {
        let object = self.admit(who, name)?.objects.get(key).cloned();
        object.ok_or_else(|| refused(404, "NoSuchKey"))
    }

    pub(crate) fn list(&mut self, who: usize, name: &str, page: &Page) -> Result<Listing, Outcome> {
        Ok(page.of(self.admit(who, name)?.objects.keys()))
    }
}

impl Conditions {
    fn hold(&self, current: Option<&Object>) -> bool {
        let is_listed =
            |tag: &String| current.is_some_and(|object| tag == "*" || *tag == format!("\"{}\"", object.etag));
        self.if_match.as_ref().is_none_or(is_listed) && !self.if_none_match.as_ref().is_some_and(is_listed)
    }
}

impl Page {
    fn of<'k>(&self, keys: impl Iterator<Item = &'k String>) -> Listing {
        let mut rows = BTreeSet::new();
        for key in keys.filter(|key| key.starts_with(&self.prefix) && **key > self.marker) {
            match self.group(key) {
                // A marker that is itself a common prefix stands for everything under it.
                Some(group) if group == self.marker => {}
                Some(group) => {
                    rows.insert((group.to_owned(), true));
                }
                None => {
                    rows.insert((key.clone(), false));
                }
            }
        }
        let truncated = rows.len() > self.max_keys;
        let shown: Vec<_> = rows.into_iter().take(self.max_keys).collect();
        let of_kind = |is_prefix| {
            let kind = shown.iter().filter(move |(_, kind)| *kind == is_prefix);
            kind.map(|(name, _)| name.clone()).collect()
        };
        Listing { keys: of_kind(false), prefixes: of_kind(true), truncated }
    }

    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = &key[self.prefix.len()..];
        let at = rest.find(&self.delimiter).filter(|_| !self.delimiter.is_empty())?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }
}
