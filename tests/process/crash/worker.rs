//! One client: puts, overwrites, copies, appends, uploads in parts, deletes, reads back and sets a quota, as fast as
//! answers come, until the gateway is killed under it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::firsts::Firsts;
use super::model::{BUCKETS, Body, LOG_COUNT, Settled, Slots, Whole, bytes, length};
use super::uploads::Upload;
use super::versions::Attempt;
use crate::support::{Answer, Connection, Request};

/// Bodies up to here are stored with their record; above, in segments.
const INLINE_BYTES: usize = 64 * 1024;
const LARGE_BYTES_MAX: usize = 300 * 1024;
/// Every part but the last has at least so many bytes.
const PART_BYTES_MIN: usize = 100 * 1024;
/// An object longer than this is not appended to any more.
const LOG_BYTES_MAX: usize = 500 * 1024;
/// A key with more versions than this loses some.
const VERSION_COUNT_MAX: usize = 8;

pub(super) struct Worker<'world> {
    pub(super) seed: u64,
    pub(super) slots: &'world mut Slots,
    pub(super) firsts: &'world Firsts,
    /// Told of every operation that was answered.
    pub(super) acknowledge: Sender<()>,
    /// From then on the gateway may break off.
    pub(super) killed: &'world AtomicBool,
}

impl Worker<'_> {
    pub(super) fn run(mut self, address: SocketAddr) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let outcome = Connection::open(address).and_then(|mut connection| {
            loop {
                match random.random_range(0..36) {
                    0..9 => self.put(&mut connection, &mut random)?,
                    9..12 => self.delete(&mut connection, &mut random)?,
                    12..15 => self.copy(&mut connection, &mut random)?,
                    15..19 => self.append(&mut connection, &mut random)?,
                    19..22 => self.upload(&mut connection, &mut random)?,
                    22..27 => self.change_versions(&mut connection, &mut random)?,
                    27..29 => self.read(&mut connection, &mut random)?,
                    29..33 => self.put_first(&mut connection, &mut random)?,
                    33..35 => self.complete_first(&mut connection, &mut random)?,
                    _ => self.set_quota(&mut connection, &mut random)?,
                }
                if self.acknowledge.send(()).is_err() {
                    return Ok(());
                }
            }
        });
        if let Err(error) = outcome {
            assert!(self.killed.load(Ordering::SeqCst), "the gateway broke off before it was killed: {error}");
        }
    }

    fn put(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let body = random_body(random);
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        let bytes = body.bytes();
        let is_announced = random.random_ratio(3, 4);
        let request = if is_announced { Request::put(path, bytes) } else { Request::put_chunked(path, &bytes, 16_384) };
        object.attempted = Some(Some(vec![body]));
        settle(path, object, &connection.ask(&request.signed(&keys))?);
        Ok(())
    }

    /// One object becomes another, perhaps in another bucket.
    fn copy(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let source = random.random_range(0..self.slots.objects.len());
        let (from, Some(whole)) = (self.slots.objects[source].0.clone(), self.slots.objects[source].1.value.clone())
        else {
            return Ok(());
        };
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        let request = Request::put(path, "")
            .header("x-obs-copy-source", &from)
            .header("x-obs-metadata-directive", "REPLACE")
            .signed(&keys);
        object.attempted = Some(Some(whole));
        settle(path, object, &connection.ask(&request)?);
        Ok(())
    }

    /// Grows an object that nothing but appends makes.
    fn append(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let index = self.slots.objects.len() - 1 - random.random_range(0..LOG_COUNT);
        let (path, object) = &mut self.slots.objects[index];
        let mut whole = object.value.clone().unwrap_or_default();
        let position = length(&whole);
        if position > LOG_BYTES_MAX {
            object.attempted = Some(None);
            settle(path, object, &connection.ask(&Request::delete(path).signed(&keys))?);
            return Ok(());
        }
        let body = random_body(random);
        whole.push(body);
        object.attempted = Some(Some(whole));
        let request = Request::post(&format!("{path}?append&position={position}"), body.bytes());
        settle(path, object, &connection.ask(&request.signed(&keys))?);
        Ok(())
    }

    /// Begins an upload, stores two parts and an abandoned one, and completes it; where there is no room, aborts it.
    fn upload(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let path = pick(self.slots, random).0.to_owned();
        let parts = [PART_BYTES_MIN + random.random_range(0..9999), random.random_range(0..PART_BYTES_MIN), 77];
        let parts = parts.map(|length| Body { seed: random.random(), length });
        let begun = connection.ask(&Request::post(&format!("{path}?uploads"), "").signed(&keys))?;
        let id = begun.element("UploadId").to_owned();
        let whole: Whole = parts[..2].to_vec();
        let mut upload = Upload { path: path.clone(), id: id.clone(), parts: BTreeMap::new(), is_ending: false };
        let mut listed = String::new();
        self.slots.upload = Some(upload.clone());
        for (number, part) in (1..).zip(parts) {
            let target = format!("{path}?partNumber={number}&uploadId={id}");
            let answer = connection.ask(&Request::put(&target, part.bytes()).signed(&keys))?;
            match answer.verdict() {
                (200, _) => drop(upload.parts.insert(number, part.length)),
                (403, "InsufficientStorageSpace") => {
                    upload.is_ending = true;
                    self.slots.upload = Some(upload);
                    let aborted = connection.ask(&Request::delete(&format!("{path}?uploadId={id}")).signed(&keys))?;
                    assert_eq!(aborted.status, 204, "{aborted:?}");
                    self.slots.upload = None;
                    return Ok(());
                }
                _ => panic!("PUT {target}: {answer:?}"),
            }
            self.slots.upload = Some(upload.clone());
            if number < 3 {
                let tag = answer.header("ETag").unwrap_or_default();
                let number = number.to_string();
                listed.extend(["<Part><PartNumber>", &number, "</PartNumber><ETag>", tag, "</ETag></Part>"]);
            }
        }
        upload.is_ending = true;
        self.slots.upload = Some(upload);
        let (_, object) = self.slots.objects.iter_mut().find(|(found, _)| *found == path).unwrap();
        object.attempted = Some(Some(whole));
        let document = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
        let answer = connection.ask(&Request::post(&format!("{path}?uploadId={id}"), document).signed(&keys))?;
        assert_eq!(answer.status, 200, "{answer:?}");
        object.succeed();
        self.slots.upload = None;
        Ok(())
    }

    /// Makes an object, in S3's words, if nobody else has.
    fn put_first(&self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let body = random_body(random);
        let (number, path) = self.firsts.begin(body);
        let request = Request::put(&path, body.bytes()).header("If-None-Match", "*").signed_s3(&self.slots.keys);
        self.firsts.settle(number, body, connection.ask(&request)?.verdict());
        Ok(())
    }

    /// The same by an upload.
    fn complete_first(&self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let (body, keys) = (random_body(random), &self.slots.keys);
        let (number, path) = self.firsts.begin(body);
        let begun = connection.ask(&Request::post(&format!("{path}?uploads="), "").signed_s3(keys))?;
        let id = begun.element("UploadId").to_owned();
        let target = format!("{path}?partNumber=1&uploadId={id}");
        let part = connection.ask(&Request::put(&target, body.bytes()).signed_s3(keys))?;
        let tag = part.header("ETag").unwrap_or_default();
        let document = format!("<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>");
        let document = format!("<CompleteMultipartUpload>{document}</CompleteMultipartUpload>");
        let target = format!("{path}?uploadId={id}");
        let complete = Request::post(&target, document).header("If-None-Match", "*").signed_s3(keys);
        let completed = connection.ask(&complete)?;
        self.firsts.settle(number, body, completed.verdict());
        if completed.status != 200 {
            let aborted = connection.ask(&Request::delete(&target).signed_s3(keys))?;
            assert_eq!(aborted.status, 204, "{aborted:?}");
        }
        Ok(())
    }

    /// Puts a version or a delete marker, or removes one of either.
    fn change_versions(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let key = &mut self.slots.key;
        let removed = random.random_ratio(1, 4) || key.versions.len() > VERSION_COUNT_MAX;
        let at = random.random_range(0..=key.versions.len());
        let attempt = match key.versions.keys().nth(at) {
            Some(id) if removed => Attempt::Remove(id.clone()),
            _ if random.random_ratio(1, 4) => Attempt::Add(None),
            _ => Attempt::Add(Some(random_body(random))),
        };
        let request = match &attempt {
            Attempt::Remove(id) => Request::delete(&format!("{}?versionId={id}", key.path)),
            Attempt::Add(None) => Request::delete(&key.path),
            Attempt::Add(Some(body)) => Request::put(&key.path, body.bytes()),
        };
        key.attempted = Some(attempt);
        let answer = connection.ask(&request.signed(&self.slots.keys))?;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        match key.attempted.take() {
            Some(Attempt::Remove(id)) => drop(key.versions.remove(&id)),
            Some(Attempt::Add(body)) => {
                let id = answer.header("x-obs-version-id").unwrap_or_default().to_owned();
                key.versions.insert(id, body);
            }
            None => {}
        }
        Ok(())
    }

    fn delete(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        object.attempted = Some(None);
        let answer = connection.ask(&Request::delete(path).signed(&keys))?;
        assert_eq!(answer.status, 204, "DELETE {path}: {answer:?}");
        object.succeed();
        Ok(())
    }

    /// Nobody else writes this key: what was acknowledged last is what is read.
    fn read(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let keys = self.slots.keys.clone();
        let (path, object) = pick(self.slots, random);
        let answer = connection.ask(&Request::get(path).signed(&keys))?;
        match &object.value {
            Some(whole) => assert!(answer.status == 200 && answer.body == bytes(whole), "GET {path} is not {whole:?}"),
            None => assert_eq!(answer.status, 404, "GET {path}: {answer:?}"),
        }
        Ok(())
    }

    fn set_quota(&mut self, connection: &mut Connection, random: &mut StdRng) -> std::io::Result<()> {
        let Some(quota) = &mut self.slots.quota else { return Ok(()) };
        let bytes = random.random_range(100_000..2_000_000);
        quota.attempted = Some(bytes);
        let answer = connection.ask(&Request::put_quota(BUCKETS[1], bytes).signed(&self.slots.keys))?;
        assert_eq!(answer.status, 200, "{answer:?}");
        quota.succeed();
        Ok(())
    }
}

/// Mostly small; some in segments.
fn random_body(random: &mut StdRng) -> Body {
    let length = match random.random_range(0..10) {
        0..6 => random.random_range(0..4096),
        6 => random.random_range(4096..=INLINE_BYTES),
        _ => random.random_range(INLINE_BYTES + 1..LARGE_BYTES_MAX),
    };
    Body { seed: random.random(), length }
}

/// What was attempted has happened, or was refused because there is no room.
fn settle(path: &str, object: &mut Settled<Option<Whole>>, answer: &Answer) {
    match answer.verdict() {
        (200 | 204, _) => object.succeed(),
        (403, "InsufficientStorageSpace") if !path.starts_with("/free/") => object.fail(),
        _ => panic!("{path}: {answer:?}"),
    }
}

/// An object that is not appended to.
fn pick<'slots>(slots: &'slots mut Slots, random: &mut StdRng) -> (&'slots str, &'slots mut Settled<Option<Whole>>) {
    let index = random.random_range(0..slots.objects.len() - LOG_COUNT);
    let (path, object) = &mut slots.objects[index];
    (path, object)
}
