//! What the tests of multipart uploads share.

use bytes::Bytes;

use crate::answer::Answer;
use crate::support::{As, Gateway, pattern};

/// As many bytes as a part has at least that is not the last.
pub(crate) const SMALLEST: usize = 100 * 1024;

/// Bytes of a part, which no other part has.
pub(crate) fn part_bytes(number: usize, length: usize) -> Bytes {
    let start = number % 251;
    pattern(start + length).slice(start..)
}

impl Gateway {
    /// Begins an upload to `target`, `/bucket/key`; its id.
    pub(crate) async fn begin_upload(&self, who: As, target: &str) -> String {
        let answer = self.check(who, &format!("POST {target}?uploads"), "200").await;
        answer.element("UploadId").expect("an upload has an id").to_owned()
    }

    /// Sends a part.
    pub(crate) async fn send_part(&self, who: As, target: &str, id: &str, number: usize, body: Bytes) -> Answer {
        self.send_bytes(who, &format!("PUT {target}?partNumber={number}&uploadId={id}"), body).await
    }

    /// Stores a part; its ETag, quotes and all.
    pub(crate) async fn put_part(&self, who: As, target: &str, id: &str, number: usize, body: Bytes) -> String {
        let answer = self.send_part(who, target, id, number, body).await;
        assert_eq!(answer.verdict(), "200", "{}", answer.text());
        answer.header("etag").to_owned()
    }

    /// Stores parts 1, 2, … of these lengths; numbers and ETags.
    pub(crate) async fn put_parts(&self, who: As, target: &str, id: &str, lengths: &[usize]) -> Vec<(usize, String)> {
        let mut parts = Vec::new();
        for (number, length) in lengths.iter().enumerate().map(|(index, length)| (index + 1, *length)) {
            let etag = self.put_part(who, target, id, number, part_bytes(number, length)).await;
            parts.push((number, etag));
        }
        parts
    }

    /// Asks for the completion of an upload.
    pub(crate) async fn complete(&self, who: As, target: &str, id: &str, parts: &[(usize, String)]) -> Answer {
        self.send(who, &format!("POST {target}?uploadId={id}\n\n{}", part_list(parts))).await
    }
}

/// The document that names parts.
pub(crate) fn part_list(parts: &[(usize, String)]) -> String {
    let part =
        |(number, etag): &(usize, String)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}
