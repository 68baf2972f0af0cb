//! The reference: buckets with all they hold in plain maps, usage by summation, contents as bytes. It shares no code
//! with the gateway, and says what each request must be answered with.

mod edit;
mod listing;
mod lock;
mod upload;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

pub(crate) use listing::{Listing, Page};
pub(crate) use lock::Lock;
pub(crate) use upload::{Flaw, Listed, Upload};

/// Status and error code.
pub(crate) type Outcome = (u16, String);

/// Bodies up to this size are stored with their record; above, in segments, and then room is held for them.
pub(crate) const INLINE_BYTES_MAX: u64 = 64 * 1024;

/// Everything stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) buckets: BTreeMap<String, Bucket>,
    /// Limits of the accounts; those that have none are not there.
    pub(crate) accounts: BTreeMap<usize, Limits>,
    /// Milliseconds of Unix time.
    pub(crate) now: u64,
    /// What is asked is asked in S3's words.
    pub(crate) is_s3: bool,
}

/// 0 is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) owner: usize,
    pub(crate) limits: Limits,
    pub(crate) is_file_system: bool,
    pub(crate) versioning: Versioning,
    pub(crate) has_lock: bool,
    /// Days for which new versions are protected.
    pub(crate) default_days: Option<u64>,
    /// The model's.
    pub(crate) now: u64,
    /// The versions of each key, newest first; no key without one.
    pub(crate) keys: BTreeMap<String, Vec<Kept>>,
    /// In the order in which they were begun, those that have ended too.
    pub(crate) uploads: Vec<Upload>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Versioning {
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// One version of a key.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// `null`, or an id that the gateway chose; empty until it is known.
    pub(crate) id: String,
    /// `None` is a delete marker.
    pub(crate) object: Option<Object>,
    /// Of an object.
    pub(crate) lock: Lock,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) etag: String,
    /// It was made by an append, and nothing has changed it but appends.
    pub(crate) is_appendable: bool,
    /// The upload it was completed from, and nothing has changed it since.
    pub(crate) upload: Option<String>,
}

/// What counters must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) current_bytes: u64,
    pub(crate) current_objects: u64,
    pub(crate) noncurrent_bytes: u64,
    pub(crate) noncurrent_objects: u64,
    pub(crate) part_bytes: u64,
    pub(crate) parts: u64,
    pub(crate) delete_markers: u64,
    pub(crate) uploads: u64,
}

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

/// A body as a request brings it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) bytes: Bytes,
    /// Its length is told before it comes.
    pub(crate) is_announced: bool,
    /// It is what its `Content-MD5` says.
    pub(crate) is_digest_right: bool,
}

/// An object, or one of its versions, as a request names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) version: Option<&'a str>,
}

/// What bodies are cut from: made once, because most of a run would be spent on it otherwise.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut bytes = vec![0; 5 << 20];
    StdRng::seed_from_u64(1).fill_bytes(&mut bytes);
    bytes.into()
});

/// Bytes in which neither a shift nor another object's passes unnoticed.
pub(crate) fn body(size: u64, tag: u8) -> Bytes {
    // A prime, so that no sum of usual sizes leads from one tag's to another's.
    let start = usize::from(tag) * 1021;
    NOISE.slice(start..start + usize::try_from(size).expect("a size in memory"))
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

impl Kept {
    /// Whether a deletion that depends on this tag takes it; a delete marker has none.
    fn is_tagged(&self, tag: &str) -> bool {
        tag == "*" || self.object.as_ref().is_some_and(|object| tag == format!("\"{}\"", object.etag))
    }
}

impl Object {
    /// Put as a whole.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { etag: etag(&bytes), bytes, is_appendable: false, upload: None }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Sums {
    pub(crate) fn used(&self) -> u64 {
        self.current_bytes + self.noncurrent_bytes + self.part_bytes
    }

    pub(crate) fn objects(&self) -> u64 {
        self.current_objects + self.noncurrent_objects
    }

    /// Uploads end with their bucket in S3's words, and keep it in OBS's.
    fn lets_bucket_go(&self, is_s3: bool) -> bool {
        let unfinished =
            Self { part_bytes: self.part_bytes, parts: self.parts, uploads: self.uploads, ..Self::default() };
        *self == if is_s3 { unfinished } else { Self::default() }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            current_bytes: self.current_bytes + other.current_bytes,
            current_objects: self.current_objects + other.current_objects,
            noncurrent_bytes: self.noncurrent_bytes + other.noncurrent_bytes,
            noncurrent_objects: self.noncurrent_objects + other.noncurrent_objects,
            part_bytes: self.part_bytes + other.part_bytes,
            parts: self.parts + other.parts,
            delete_markers: self.delete_markers + other.delete_markers,
            uploads: self.uploads + other.uploads,
        }
    }
}

impl Limits {
    /// Whether `after` is allowed where `before` is; what does not grow always is.
    fn allow(self, before: &Sums, after: &Sums) -> bool {
        let fits = |limit: u64, before: u64, after: u64| limit == 0 || after <= before || after <= limit;
        fits(self.bytes, before.used(), after.used()) && fits(self.objects, before.objects(), after.objects())
    }
}

impl Bucket {
    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for versions in self.keys.values() {
            for (nth, kept) in versions.iter().enumerate() {
                match &kept.object {
                    None => sums.delete_markers += 1,
                    Some(object) if nth == 0 => {
                        sums.current_objects += 1;
                        sums.current_bytes += object.size();
                    }
                    Some(object) => {
                        sums.noncurrent_objects += 1;
                        sums.noncurrent_bytes += object.size();
                    }
                }
            }
        }
        for upload in self.uploads.iter().filter(|upload| upload.is_open) {
            sums.uploads += 1;
            sums.parts += upload.parts.len() as u64;
            sums.part_bytes += upload.parts.values().map(|part| part.len() as u64).sum::<u64>();
        }
        sums
    }

    pub(crate) fn current(&self, key: &str) -> Option<&Object> {
        self.keys.get(key)?.first()?.object.as_ref()
    }

    /// Keys and current objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&String, &Object)> {
        self.keys.iter().filter_map(|(key, versions)| Some((key, versions.first()?.object.as_ref()?)))
    }

    /// A new version comes, an object or a delete marker.
    fn push(&mut self, key: &str, object: Option<Object>) {
        let lock = if object.is_some() { self.default_lock() } else { Lock::default() };
        let versions = self.keys.entry(key.to_owned()).or_default();
        let id = match self.versioning {
            Versioning::Off => {
                versions.clear();
                "null"
            }
            Versioning::Enabled => "",
            Versioning::Suspended => {
                versions.retain(|kept| kept.id != "null");
                "null"
            }
        };
        versions.insert(0, Kept { id: id.to_owned(), object, lock });
    }

    /// What a put takes away before anything comes.
    pub(crate) fn place(&mut self, key: &str) {
        self.push(key, Some(Object::new(Bytes::new())));
    }

    fn remove(&mut self, key: &str, version: Option<&str>) {
        match (version, self.versioning) {
            (None, Versioning::Off) => drop(self.keys.remove(key)),
            (None, Versioning::Enabled | Versioning::Suspended) => self.push(key, None),
            (Some(id), _) => {
                if let Some(versions) = self.keys.get_mut(key) {
                    versions.retain(|kept| kept.id != id);
                    if versions.is_empty() {
                        self.keys.remove(key);
                    }
                }
            }
        }
    }

    /// Refuses a key of a file system that would be a file and a directory at once.
    fn check_kind(&self, key: &str) -> Result<(), Outcome> {
        let is_free = |name: &str| !self.keys.contains_key(name);
        let lies_free = key.match_indices('/').all(|(at, _)| is_free(&key[..at]));
        let directory = format!("{key}/");
        let is_new = is_free(key);
        let is_no_directory = key.ends_with('/') || !self.keys.keys().any(|name| name.starts_with(&directory));
        if !self.is_file_system || !is_new || (lies_free && is_no_directory) {
            return Ok(());
        }
        Err(refused(409, "FsObjectConflict"))
    }

    fn check_deletable(&self, key: &str) -> Result<(), Outcome> {
        let lies_under = |name: &String| name.starts_with(key) && name != key;
        if self.is_file_system && key.ends_with('/') && self.keys.keys().any(lies_under) {
            return Err(refused(409, "DirectoryNotEmpty"));
        }
        Ok(())
    }
}

impl Model {
    /// What an account's buckets hold together.
    pub(crate) fn sums_of(&self, owner: usize) -> Sums {
        let owned = self.buckets.values().filter(|bucket| bucket.owner == owner);
        owned.fold(Sums::default(), |sums, bucket| sums.plus(&bucket.sums()))
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

    /// The bucket as `change` makes it, unless a limit is in the way.
    fn changed(&self, name: &str, change: impl FnOnce(&mut Bucket)) -> Result<Bucket, Outcome> {
        let before = &self.buckets[name];
        let mut after = before.clone();
        change(&mut after);
        let (gone, come) = (before.sums(), after.sums());
        let owned = self.sums_of(before.owner);
        let others = self.buckets.iter().filter(|(other, bucket)| *other != name && bucket.owner == before.owner);
        let whole = others.fold(come, |sums, (_, bucket)| sums.plus(&bucket.sums()));
        let of_account = self.accounts.get(&before.owner).copied().unwrap_or_default();
        if before.limits.allow(&gone, &come) && of_account.allow(&owned, &whole) {
            return Ok(after);
        }
        Err(refused(403, if self.is_s3 { "QuotaExceeded" } else { "InsufficientStorageSpace" }))
    }

    /// What a body is measured against before it is there: announced or too large to be held in memory, it needs its
    /// room at once.
    fn receive(&self, name: &str, sent: &Sent, change: impl FnOnce(&mut Bucket)) -> Result<(), Outcome> {
        if sent.is_announced || sent.bytes.len() as u64 > INLINE_BYTES_MAX {
            self.changed(name, change)?;
        }
        if sent.is_digest_right { Ok(()) } else { Err(refused(400, "BadDigest")) }
    }

    /// Bytes that still fit under all limits in place of what `change` takes away; `None` without any limit.
    pub(crate) fn room(&self, name: &str, change: impl FnOnce(&mut Bucket)) -> Option<u64> {
        let bucket = self.buckets.get(name)?;
        let mut emptied = bucket.clone();
        change(&mut emptied);
        let freed = bucket.sums().used() - emptied.sums().used();
        let account = self.accounts.get(&bucket.owner).copied().unwrap_or_default();
        let rooms = [(bucket.limits.bytes, bucket.sums().used()), (account.bytes, self.sums_of(bucket.owner).used())];
        let limited = rooms.into_iter().filter(|(limit, _)| *limit > 0);
        // What does not grow the bucket always passes.
        limited.map(|(limit, used)| (limit + freed).saturating_sub(used).max(freed)).min()
    }

    pub(crate) fn create_bucket(&mut self, who: usize, name: &str, is_file_system: bool, has_lock: bool) -> Outcome {
        match self.buckets.get(name) {
            Some(bucket) if bucket.owner != who => return refused(409, "BucketAlreadyExists"),
            Some(_) => {}
            None => {
                let versioning = if has_lock { Versioning::Enabled } else { Versioning::Off };
                let bucket = Bucket { owner: who, is_file_system, has_lock, versioning, ..Bucket::default() };
                self.buckets.insert(name.to_owned(), Bucket { now: self.now, ..bucket });
            }
        }
        ok(200)
    }

    pub(crate) fn delete_bucket(&mut self, who: usize, name: &str) -> Outcome {
        let is_s3 = self.is_s3;
        match self.admit(who, name) {
            Err(outcome) => outcome,
            Ok(bucket) if !bucket.sums().lets_bucket_go(is_s3) => refused(409, "BucketNotEmpty"),
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
                bucket.limits.bytes = quota;
                ok(200)
            }
        }
    }

    pub(crate) fn set_versioning(&mut self, who: usize, name: &str, versioning: Versioning) -> Outcome {
        match self.admit(who, name) {
            Err(outcome) => outcome,
            Ok(bucket) if bucket.is_file_system => refused(405, "FsNotSupport"),
            Ok(bucket) if bucket.has_lock && versioning == Versioning::Suspended => refused(409, "InvalidBucketState"),
            Ok(bucket) => {
                bucket.versioning = versioning;
                ok(200)
            }
        }
    }

    pub(crate) fn put(&mut self, who: usize, name: &str, key: &str, sent: &Sent, conditions: &Conditions) -> Outcome {
        self.try_put(who, name, key, sent, conditions).err().unwrap_or_else(|| ok(200))
    }

    fn try_put(
        &mut self,
        who: usize,
        name: &str,
        key: &str,
        sent: &Sent,
        conditions: &Conditions,
    ) -> Result<(), Outcome> {
        let bucket = self.admit(who, name)?.clone();
        conditions.check(bucket.current(key), self.is_s3)?;
        // Of an object whose size is not known yet the number is.
        self.changed(name, |bucket| bucket.place(key))?;
        let put = |bucket: &mut Bucket| bucket.push(key, Some(Object::new(sent.bytes.clone())));
        self.receive(name, sent, put)?;
        bucket.check_kind(key)?;
        let after = self.changed(name, put)?;
        self.buckets.insert(name.to_owned(), after);
        Ok(())
    }

    pub(crate) fn delete(
        &mut self,
        who: usize,
        name: &str,
        (key, version): (&str, Option<&str>),
        conditions: &Conditions,
    ) -> Outcome {
        let bucket = match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(_) if conditions.if_none_match.is_some() => return refused(501, "NotImplemented"),
            Ok(bucket) => bucket,
        };
        if let Err(outcome) = bucket.check_deletable(key) {
            return outcome;
        }
        if let Some(tag) = &conditions.if_match {
            let mut versions = bucket.keys.get(key).into_iter().flatten();
            match versions.find(|kept| version.is_none_or(|id| kept.id == id)) {
                // There is nothing to hold it against.
                None => return ok(204),
                Some(kept) if !kept.is_tagged(tag) => return refused(412, "PreconditionFailed"),
                Some(_) => {}
            }
        }
        if let Some(Err(outcome)) = version.map(|version| bucket.check_unlocked(key, version)) {
            return outcome;
        }
        bucket.remove(key, version);
        ok(204)
    }

    /// Keys or versions, each by itself; what becomes of each.
    pub(crate) fn delete_many(
        &mut self,
        who: usize,
        name: &str,
        items: &[(&str, Option<String>, Conditions)],
    ) -> Result<Vec<Outcome>, Outcome> {
        self.admit(who, name)?;
        let delete = |(key, version, conditions): &(&str, Option<String>, Conditions)| {
            self.delete(who, name, (*key, version.as_deref()), conditions)
        };
        Ok(items.iter().map(delete).collect())
    }

    pub(crate) fn get(&mut self, who: usize, named: Named<'_>) -> Result<Object, Outcome> {
        let versions = self.admit(who, named.bucket)?.keys.get(named.key);
        let Some(id) = named.version else {
            let newest = versions.and_then(|versions| versions.first()?.object.clone());
            return newest.ok_or_else(|| refused(404, "NoSuchKey"));
        };
        match versions.and_then(|versions| versions.iter().find(|kept| kept.id == id)) {
            Some(Kept { object: Some(object), .. }) => Ok(object.clone()),
            Some(Kept { object: None, .. }) => Err(refused(405, "MethodNotAllowed")),
            None => Err(refused(404, "NoSuchVersion")),
        }
    }

    /// What a copy copies.
    fn source(&mut self, who: usize, named: Named<'_>) -> Result<Object, Outcome> {
        match self.get(who, named) {
            Err((405, _)) => Err(refused(400, "InvalidRequest")),
            other => other,
        }
    }

    pub(crate) fn copy(
        &mut self,
        who: usize,
        (name, key): (&str, &str),
        source: Named<'_>,
        is_replacing: bool,
        conditions: &Conditions,
    ) -> Outcome {
        self.try_copy(who, (name, key), source, is_replacing, conditions).err().unwrap_or_else(|| ok(200))
    }

    fn try_copy(
        &mut self,
        who: usize,
        (name, key): (&str, &str),
        source: Named<'_>,
        is_replacing: bool,
        conditions: &Conditions,
    ) -> Result<(), Outcome> {
        let bucket = self.admit(who, name)?.clone();
        let found = self.source(who, source)?;
        conditions.check(bucket.current(key), self.is_s3)?;
        let newest = bucket.keys.get(key).map(|versions| versions[0].clone());
        let is_newest = newest.is_some_and(|newest| source.version.is_none_or(|id| id == newest.id));
        if (source.bucket, source.key) == (name, key) && is_newest && !is_replacing {
            return Err(refused(400, "InvalidRequest"));
        }
        bucket.check_kind(key)?;
        let copy = Object { is_appendable: false, upload: None, ..found };
        let after = self.changed(name, |bucket| bucket.push(key, Some(copy)))?;
        self.buckets.insert(name.to_owned(), after);
        Ok(())
    }

    pub(crate) fn list(&mut self, who: usize, name: &str, page: &Page) -> Result<Listing, Outcome> {
        Ok(page.of(self.admit(who, name)?.objects().map(|(key, _)| key)))
    }
}

impl Conditions {
    /// In S3's words what has to be there and is not is not found.
    fn check(&self, current: Option<&Object>, is_s3: bool) -> Result<(), Outcome> {
        if is_s3 && self.if_match.is_some() && current.is_none() {
            return Err(refused(404, "NoSuchKey"));
        }
        let is_listed =
            |tag: &String| current.is_some_and(|object| tag == "*" || *tag == format!("\"{}\"", object.etag));
        if self.if_match.as_ref().is_none_or(is_listed) && !self.if_none_match.as_ref().is_some_and(is_listed) {
            return Ok(());
        }
        Err(refused(412, "PreconditionFailed"))
    }
}
