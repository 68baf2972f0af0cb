//! Multipart uploads: begin, parts, copies of parts, complete, abort.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::{Bucket, Conditions, Model, Named, Object, Outcome, Sent, etag, ok, refused};

/// Every part but the last has at least so many bytes.
const PART_BYTES_MIN: usize = 100 * 1024;
/// The same for uploads begun in S3's words.
const S3_PART_BYTES_MIN: usize = 5 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// As the gateway calls it.
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) parts: BTreeMap<u16, Bytes>,
    /// Neither completed nor aborted.
    pub(crate) is_open: bool,
    /// Begun in S3's words.
    pub(crate) is_s3: bool,
}

/// What is wrong with a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// A part has another tag than is said.
    Tag,
    /// A part is not there.
    Number,
}

/// Parts as a completion lists them: numbers and tags.
pub(crate) type Listed = Vec<(u16, String)>;

impl Upload {
    /// The parts whose bits are set, as a completion with this flaw would list them.
    pub(crate) fn listed(&self, chosen: u8, flaw: Flaw) -> Listed {
        let mut listed: Listed = Vec::new();
        for (number, part) in self.parts.iter().filter(|(number, _)| chosen >> (*number % 8) & 1 == 1) {
            listed.push((*number, etag(part)));
        }
        match (flaw, listed.last_mut()) {
            (Flaw::Tag, Some(last)) => last.1 = etag(b"something else"),
            (Flaw::Number, Some(last)) => last.0 += 1000,
            _ => {}
        }
        listed
    }

    /// What the parts listed make together.
    fn composed(&self, listed: &Listed) -> Result<Object, Outcome> {
        let mut parts = Vec::new();
        for (number, tag) in listed {
            let part = self.parts.get(number).filter(|part| etag(part) == *tag);
            parts.push(part.ok_or_else(|| refused(400, "InvalidPart"))?);
        }
        let bytes_min = if self.is_s3 { S3_PART_BYTES_MIN } else { PART_BYTES_MIN };
        if parts.iter().rev().skip(1).any(|part| part.len() < bytes_min) {
            return Err(refused(400, "EntityTooSmall"));
        }
        let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
        Ok(Object { bytes: bytes.into(), etag: etag_of(listed), is_appendable: false, upload: Some(self.id.clone()) })
    }
}

fn etag_of(listed: &Listed) -> String {
    let digest = |tag: &String| u128::from_str_radix(tag, 16).expect("a digest").to_be_bytes();
    let digests: Vec<u8> = listed.iter().flat_map(|(_, tag)| digest(tag)).collect();
    format!("{:032x}-{}", u128::from_be_bytes(Md5::digest(&digests).into()), listed.len())
}

impl Bucket {
    /// An upload that is not over; 404 for any other.
    fn open_upload(&self, id: &str) -> Result<&Upload, Outcome> {
        let open = self.uploads.iter().find(|upload| upload.id == id && upload.is_open);
        open.ok_or_else(|| refused(404, "NoSuchUpload"))
    }

    /// What a part takes away before it comes.
    pub(crate) fn drop_part(&mut self, id: &str, number: u16) {
        for upload in self.uploads.iter_mut().filter(|upload| upload.id == id && upload.is_open) {
            upload.parts.remove(&number);
        }
    }

    fn upload_mut(&mut self, id: &str) -> &mut Upload {
        self.uploads.iter_mut().find(|upload| upload.id == id).expect("an upload that was found")
    }
}

impl Model {
    /// An upload may begin; the gateway says how it is called.
    pub(crate) fn begin(&mut self, who: usize, name: &str) -> Outcome {
        self.admit(who, name).err().unwrap_or_else(|| ok(200))
    }

    pub(crate) fn begun(&mut self, name: &str, key: &str, id: String) {
        let upload = Upload { id, key: key.to_owned(), parts: BTreeMap::new(), is_open: true, is_s3: self.is_s3 };
        self.buckets.get_mut(name).expect("it was begun").uploads.push(upload);
    }

    pub(crate) fn put_part(&mut self, who: usize, name: &str, id: &str, number: u16, sent: &Sent) -> Outcome {
        let put = |bucket: &mut Bucket| drop(bucket.upload_mut(id).parts.insert(number, sent.bytes.clone()));
        let mut put_part = || {
            self.admit(who, name)?.open_upload(id)?;
            self.receive(name, sent, put)?;
            self.changed(name, put)
        };
        match put_part() {
            Ok(after) => {
                self.buckets.insert(name.to_owned(), after);
                ok(200)
            }
            Err(outcome) => outcome,
        }
    }

    pub(crate) fn copy_part(
        &mut self,
        who: usize,
        (name, id, number): (&str, &str, u16),
        source: Named<'_>,
        range: Option<Range<u64>>,
    ) -> Outcome {
        let copy_part = || {
            self.admit(who, name)?.open_upload(id)?;
            let source = self.source(who, source)?;
            let range = range.unwrap_or(0..source.size());
            if range.end > source.size() {
                return Err(refused(416, "InvalidRange"));
            }
            let at = |position| usize::try_from(position).expect("a position in memory");
            let bytes = source.bytes.slice(at(range.start)..at(range.end));
            self.changed(name, |bucket| drop(bucket.upload_mut(id).parts.insert(number, bytes)))
        };
        match copy_part() {
            Ok(after) => {
                self.buckets.insert(name.to_owned(), after);
                ok(200)
            }
            Err(outcome) => outcome,
        }
    }

    pub(crate) fn complete(
        &mut self,
        who: usize,
        name: &str,
        (key, id): (&str, &str),
        listed: &Listed,
        conditions: &Conditions,
    ) -> Outcome {
        self.try_complete(who, name, (key, id), listed, conditions).err().unwrap_or_else(|| ok(200))
    }

    fn try_complete(
        &mut self,
        who: usize,
        name: &str,
        (key, id): (&str, &str),
        listed: &Listed,
        conditions: &Conditions,
    ) -> Result<(), Outcome> {
        let bucket = self.admit(who, name)?.clone();
        let is_it = |object: &Object| object.upload.as_deref() == Some(id);
        let mut versions = bucket.keys.get(key).into_iter().flatten();
        let done = versions.find_map(|kept| kept.object.as_ref().filter(|object| is_it(object)));
        let open = bucket.open_upload(id);
        if let (Err(outcome), None) = (&open, done) {
            return Err(outcome.clone());
        }
        if listed.is_empty() {
            return Err(refused(400, "MalformedXML"));
        }
        let open = match (open, done) {
            (Ok(open), _) => open,
            // Asked again, it says the same again.
            (Err(_), Some(done)) if done.etag == etag_of(listed) => return Ok(()),
            (Err(outcome), _) => return Err(outcome),
        };
        let object = open.composed(listed)?;
        conditions.check(bucket.current(key), self.is_s3)?;
        bucket.check_kind(key)?;
        let after = self.changed(name, |bucket| {
            bucket.upload_mut(id).is_open = false;
            bucket.push(key, Some(object));
        })?;
        self.buckets.insert(name.to_owned(), after);
        Ok(())
    }

    pub(crate) fn abort(&mut self, who: usize, name: &str, id: &str) -> Outcome {
        let bucket = match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(bucket) => bucket,
        };
        if let Err(outcome) = bucket.open_upload(id) {
            return outcome;
        }
        bucket.upload_mut(id).is_open = false;
        ok(204)
    }
}
