//! Changes of an object's bytes, and of names: append, modify, truncate, rename.

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};

use super::{Bucket, Model, Object, Outcome, Sent, etag, ok, refused};

impl Object {
    /// With other bytes: neither what an upload made nor what appends made.
    fn edited(bytes: Bytes, etag: String) -> Self {
        Self { bytes, etag, is_appendable: false, upload: None }
    }

    /// With `sent` at `position`; what lies between its end and that reads as zeros.
    fn patched(old: Option<&Self>, position: u64, sent: &[u8]) -> Self {
        let before = old.cloned().unwrap_or_else(|| Self::new(Bytes::new()));
        let (start, end) = (as_index(position), as_index(position) + sent.len());
        let mut bytes = BytesMut::from(&before.bytes[..]);
        bytes.resize(bytes.len().max(end), 0);
        bytes[start..end].copy_from_slice(sent);
        let is_whole = start == 0 && end >= before.bytes.len() && (!sent.is_empty() || old.is_none());
        let is_same = sent.is_empty() && end <= before.bytes.len();
        let tag = match (is_whole, is_same) {
            (true, _) => etag(sent),
            (false, true) => before.etag.clone(),
            (false, false) => changed_etag(&before.etag, &[&position.to_be_bytes(), &Md5::digest(sent)[..]]),
        };
        Self::edited(bytes.freeze(), tag)
    }

    fn truncated(&self, length: u64) -> Self {
        if length == self.size() {
            return self.clone();
        }
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes.resize(as_index(length), 0);
        let tag = if length == 0 { etag(b"") } else { changed_etag(&self.etag, &[b"truncate", &length.to_be_bytes()]) };
        Self::edited(bytes.freeze(), tag)
    }
}

/// The tag that `docs/decisions/0024` gives an object changed in place.
fn changed_etag(old: &str, done: &[&[u8]]) -> String {
    let count: u64 = old.split_once('-').map_or(1, |(_, count)| count.parse().expect("a count"));
    let whole = [&[old.as_bytes()], done].concat().concat();
    format!("{}-{}", etag(&whole), count + 1)
}

fn as_index(position: u64) -> usize {
    usize::try_from(position).expect("a position in memory")
}

impl Bucket {
    /// The current object becomes another, and stays the version it is; where there is none, one comes.
    fn edit(&mut self, key: &str, object: Object) {
        match self.keys.get_mut(key).and_then(|versions| versions.first_mut()?.object.as_mut()) {
            Some(current) => *current = object,
            None => self.push(key, Some(object)),
        }
    }
}

impl Model {
    /// The outcome, and where a further append has to begin, as far as that is told.
    pub(crate) fn append(&mut self, who: usize, name: &str, key: &str, position: u64, sent: &Sent) -> Outcome {
        let bucket = match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(bucket) if bucket.is_file_system => return refused(405, "FsNotSupport"),
            Ok(bucket) if bucket.has_lock => return refused(403, "AccessDenied"),
            Ok(bucket) => bucket,
        };
        match bucket.current(key) {
            Some(current) if !current.is_appendable => return refused(409, "ObjectNotAppendable"),
            current if position != current.map_or(0, Object::size) => return refused(409, "PositionNotEqualToLength"),
            _ => {}
        }
        self.patch(name, key, position, sent, true).err().unwrap_or_else(|| ok(200))
    }

    pub(crate) fn modify(&mut self, who: usize, name: &str, key: &str, position: u64, sent: &Sent) -> Outcome {
        match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(bucket) if !bucket.is_file_system => return refused(405, "MethodNotAllowed"),
            Ok(_) if key.ends_with('/') => return refused(409, "FsObjectConflict"),
            Ok(_) => {}
        }
        self.patch(name, key, position, sent, false).err().unwrap_or_else(|| ok(200))
    }

    fn patch(&mut self, name: &str, key: &str, position: u64, sent: &Sent, is_appendable: bool) -> Result<(), Outcome> {
        let bucket = self.buckets[name].clone();
        let patched = |bytes: &[u8]| {
            let object = Object { is_appendable, ..Object::patched(bucket.current(key), position, bytes) };
            move |bucket: &mut Bucket| bucket.edit(key, object)
        };
        // Before the body is there, the position is.
        self.changed(name, patched(b""))?;
        self.receive(name, sent, patched(&sent.bytes))?;
        bucket.check_kind(key)?;
        let after = self.changed(name, patched(&sent.bytes))?;
        self.buckets.insert(name.to_owned(), after);
        Ok(())
    }

    pub(crate) fn truncate(&mut self, who: usize, name: &str, key: &str, length: u64) -> Outcome {
        let bucket = match self.admit(who, name) {
            Err(outcome) => return outcome,
            Ok(bucket) if !bucket.is_file_system => return refused(405, "MethodNotAllowed"),
            Ok(_) if key.ends_with('/') => return refused(409, "FsObjectConflict"),
            Ok(bucket) => bucket,
        };
        let Some(current) = bucket.current(key) else { return refused(404, "NoSuchKey") };
        let object = current.truncated(length);
        match self.changed(name, |bucket| bucket.edit(key, object)) {
            Ok(after) => {
                self.buckets.insert(name.to_owned(), after);
                ok(204)
            }
            Err(outcome) => outcome,
        }
    }

    pub(crate) fn rename(&mut self, who: usize, name: &str, from: &str, to: &str) -> Outcome {
        self.try_rename(who, name, from, to).err().unwrap_or_else(|| ok(204))
    }

    fn try_rename(&mut self, who: usize, name: &str, from: &str, to: &str) -> Result<(), Outcome> {
        let bucket = self.admit(who, name)?;
        if !bucket.is_file_system {
            return Err(refused(405, "MethodNotAllowed"));
        }
        let conflict = || refused(409, "FsObjectConflict");
        let (is_directory, becomes_directory) = (from.ends_with('/'), to.ends_with('/'));
        if is_directory != becomes_directory || (is_directory && from != to && to.starts_with(from)) {
            return Err(conflict());
        }
        let moves = |key: &str| key == from || (is_directory && key.starts_with(from));
        let is_target = |key: &str| key == to || (becomes_directory && key.starts_with(to));
        if !bucket.keys.keys().any(|key| moves(key)) {
            return Err(refused(404, "NoSuchKey"));
        }
        if bucket.keys.keys().any(|key| is_target(key)) {
            return Err(conflict());
        }
        bucket.check_kind(to)?;
        let names: Vec<String> = bucket.keys.keys().filter(|key| moves(key)).cloned().collect();
        for old in names {
            let versions = bucket.keys.remove(&old).expect("a name just listed");
            bucket.keys.insert(format!("{to}{}", &old[from.len()..]), versions);
        }
        Ok(())
    }
}
