//! Uploads under way when the gateway is killed: parts that were acknowledged are there, and counted until they end.

use std::collections::BTreeMap;

use super::model::Send;
use crate::support::{Answer, Request, element};

/// An upload that nobody has acknowledged the end of.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// Of the object it is to become.
    pub(super) path: String,
    pub(super) id: String,
    /// Lengths of the parts that were acknowledged, by number.
    pub(super) parts: BTreeMap<u16, usize>,
    /// It was asked to be completed: it may be over.
    pub(super) is_ending: bool,
}

/// Bytes of the parts of all uploads in a bucket. Those of `uploads` that are to it have what was acknowledged, and at
/// most one part more.
pub(super) fn check(send: &mut Send<'_>, bucket: &str, uploads: &[Upload]) -> usize {
    let mut bytes = 0;
    let mut found = BTreeMap::new();
    for (path, id) in open(send, bucket) {
        let parts = parts(&send(&Request::get(&format!("{path}?uploadId={id}"))));
        bytes += parts.values().sum::<usize>();
        found.insert(id, parts);
    }
    for upload in uploads.iter().filter(|upload| upload.path.starts_with(&format!("/{bucket}/"))) {
        let Some(parts) = found.get(&upload.id) else {
            assert!(upload.is_ending, "{upload:?} is lost");
            continue;
        };
        assert!(parts.len() <= upload.parts.len() + 1, "{upload:?} has {parts:?}");
        for (number, length) in &upload.parts {
            assert_eq!(parts.get(number), Some(length), "part {number} of {upload:?}");
        }
    }
    bytes
}

/// Ends all uploads in a bucket.
pub(super) fn end(send: &mut Send<'_>, bucket: &str) {
    for (path, id) in open(send, bucket) {
        let answer = send(&Request::delete(&format!("{path}?uploadId={id}")));
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    assert_eq!(open(send, bucket), []);
}

/// Path and id of every unfinished upload.
fn open(send: &mut Send<'_>, bucket: &str) -> Vec<(String, String)> {
    let page = send(&Request::get(&format!("/{bucket}?uploads")));
    assert_eq!(page.element("IsTruncated"), "false");
    let text = |row: &str, name| element(row, name).unwrap().to_owned();
    let rows = page.text().split("<Upload>").skip(1);
    rows.map(|row| (format!("/{bucket}/{}", text(row, "Key")), text(row, "UploadId"))).collect()
}

fn parts(page: &Answer) -> BTreeMap<u16, usize> {
    let number = |row: &str, name| element(row, name).unwrap().to_owned();
    let rows = page.text().split("<Part>").skip(1);
    rows.map(|row| (number(row, "PartNumber").parse().unwrap(), number(row, "Size").parse().unwrap())).collect()
}
