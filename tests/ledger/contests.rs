//! 64 clients at one thing, at its limit: appends to one object, parts of one upload that is completed and aborted
//! meanwhile, versions of one key, a number that is counted up. What was acknowledged is there, to the byte, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::check;
use crate::model::{body, etag};
use crate::races::{ACCOUNT, SHIFTING, open};
use crate::requests::{complete_ask, part_ask};
use crate::support::{Answer, Ask, Gateway};
use crate::world::{Backing, set_quota, set_versioning};

/// Sends `ask` and says what came of it, as `200` or `403 Code`.
async fn outcome(gateway: &Gateway, ask: Ask) -> String {
    let (status, code) = gateway.send(ACCOUNT, ask).await.outcome();
    format!("{status} {code}").trim_end().to_owned()
}

/// Sends what must pass.
async fn done(gateway: &Gateway, ask: Ask) -> Answer {
    let answer = gateway.send(ACCOUNT, ask).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    answer
}

/// Counters, references and bytes after the last answer.
async fn check_at_rest(gateway: &Gateway, backing: &Backing) {
    check::settle(&gateway.app, &backing.blobs).await;
    assert_eq!(check::differences(&*backing.engine, &*backing.blobs, true), Vec::<String>::new());
    assert_eq!(gateway.app.metrics.panics.get(), 0);
    // On a disk others take room as well.
    if backing.blobs.capacity().is_some_and(|(total, _)| total == 1 << 40) {
        assert_eq!(check::leftover_bytes(&gateway.app, &*backing.blobs, true).await, 0, "bytes of nobody");
    }
}

async fn size_of(gateway: &Gateway, bucket: &str) -> u64 {
    let info = gateway.send(ACCOUNT, Ask::new("GET", format!("/{bucket}?storageinfo"))).await;
    info.element("Size").and_then(|size| size.parse().ok()).expect("a size")
}

fn append(position: u64, bytes: Bytes) -> Ask {
    Ask::object("POST", SHIFTING, "log").query("append", "").query("position", &position.to_string()).body(bytes)
}

/// 64 clients append to one object, each until it has appended once or there is no room: what was acknowledged is there,
/// in the order of its positions, and the object ends exactly where room for a record does.
async fn appends_take_turns(backing: Backing, size: u64) {
    const ROOM: u64 = 20;
    let (gateway, _) = open(&backing).await;
    done(&gateway, set_quota(SHIFTING, size * (ROOM + 1) - 1)).await;
    let mut clients = JoinSet::new();
    for index in 0..64_u8 {
        let gateway = gateway.clone();
        clients.spawn(async move {
            let mut position = 0;
            loop {
                let answer = gateway.send(ACCOUNT, append(position, body(size, index))).await;
                let (status, code) = answer.outcome();
                match (status, code.as_str()) {
                    (200, _) => return Some((position, index)),
                    (403, "InsufficientStorageSpace") => return None,
                    // Somebody was quicker; as often as not to the point of giving up.
                    (409, "PositionNotEqualToLength") => {
                        position = answer.header("x-obs-next-append-position").parse().expect("a position");
                    }
                    (409, "OperationAborted") => {}
                    other => panic!("client {index}: {other:?}"),
                }
            }
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    let mut acknowledged: Vec<(u64, u8)> = ended.into_iter().flatten().collect();
    acknowledged.sort_unstable();
    assert_eq!(acknowledged.len() as u64, ROOM);
    let whole: Vec<u8> = acknowledged.iter().flat_map(|(_, index)| body(size, *index)).collect();
    let found = done(&gateway, Ask::object("GET", SHIFTING, "log")).await.body.expect("a whole body");
    assert!(found == whole, "{} bytes of {}", found.len(), whole.len());
    assert_eq!(size_of(&gateway, SHIFTING).await, whole.len() as u64);
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_of_64_take_turns_in_memory() {
    appends_take_turns(Backing::in_memory(), 1000).await;
    appends_take_turns(Backing::in_memory(), 70_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_of_64_take_turns_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    appends_take_turns(Backing::on_disk(folder.path()), 70_000).await;
}

/// Parts from all sides while the upload is completed and aborted: one of the two happens, once; the object has exactly
/// the parts that were listed, and nothing of an upload that has ended counts or takes room.
async fn an_upload_ends_once(backing: Backing, seed: u64) {
    const PART: u64 = 102_400;
    let (gateway, _) = open(&backing).await;
    done(&gateway, set_quota(SHIFTING, PART * 8)).await;
    let begun = done(&gateway, Ask::object("POST", SHIFTING, "up").query("uploads", "")).await;
    let id = begun.element("UploadId").expect("an upload");
    done(&gateway, part_ask(SHIFTING, "up", &id, 1).body(body(PART, 1))).await;
    let mut clients = JoinSet::new();
    for index in 0..64_u8 {
        let (gateway, id) = (gateway.clone(), id.clone());
        clients.spawn(async move {
            let number = 2 + u16::from(index % 12);
            let ask = match (u64::from(index) + seed) % 64 {
                7 | 31 => complete_ask(SHIFTING, "up", &id, &vec![(1, etag(&body(PART, 1)))]),
                40 => Ask::object("DELETE", SHIFTING, "up").query("uploadId", &id),
                _ => part_ask(SHIFTING, "up", &id, number).body(body(PART, index)),
            };
            let title = ask.title();
            (title, outcome(&gateway, ask).await)
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    let is = |method: &'static str, expected: &'static str| {
        ended.iter().filter(|(title, outcome)| title.starts_with(method) && outcome == expected).count()
    };
    for (title, outcome) in &ended {
        let expected = ["200", "204", "404 NoSuchUpload", "403 InsufficientStorageSpace", "409 OperationAborted"];
        assert!(expected.contains(&outcome.as_str()), "{title}: {outcome}");
    }
    assert!(is("POST", "200") == 0 || is("DELETE", "204") == 0, "completed and aborted: {ended:?}");
    let left = done(&gateway, Ask::new("GET", format!("/{SHIFTING}?uploads"))).await.elements("UploadId");
    if is("POST", "200") > 0 {
        let found = done(&gateway, Ask::object("GET", SHIFTING, "up")).await.body.expect("a whole body");
        assert!(found == body(PART, 1));
        assert_eq!((size_of(&gateway, SHIFTING).await, left.len()), (PART, 0));
    } else if is("DELETE", "204") > 0 {
        assert_eq!((size_of(&gateway, SHIFTING).await, left.len()), (0, 0));
    } else {
        assert_eq!(left, [id]);
    }
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_ends_once_in_memory() {
    for seed in 0..12 {
        an_upload_ends_once(Backing::in_memory(), seed * 5).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_ends_once_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    an_upload_ends_once(Backing::on_disk(folder.path()), 20).await;
}

/// Versions of one key put, copied and deleted by 64 clients in a bucket for 20 of them: at the end there is what was
/// acknowledged, version by version, and it is never more than fits.
async fn versions_are_exact(backing: Backing, size: u64) {
    const ROOM: u64 = 20;
    let (gateway, _) = open(&backing).await;
    done(&gateway, set_versioning(SHIFTING, true)).await;
    done(&gateway, set_quota(SHIFTING, size * (ROOM + 1) - 1)).await;
    let first = done(&gateway, Ask::object("PUT", SHIFTING, "one").body(body(size, 0))).await;
    let first = first.header("x-obs-version-id").to_owned();
    let mut clients = JoinSet::new();
    for index in 0..64_u8 {
        let (gateway, first) = (gateway.clone(), first.clone());
        clients.spawn(async move {
            let ask = match index % 4 {
                0 | 1 => Ask::object("PUT", SHIFTING, "one").body(body(size, index)),
                2 => Ask::object("PUT", SHIFTING, "one")
                    .copy_source(SHIFTING, "one", Some(&first))
                    .header("x-obs-metadata-directive", "REPLACE"),
                _ => Ask::object("DELETE", SHIFTING, "one"),
            };
            let answer = gateway.send(ACCOUNT, ask).await;
            let bytes = (index % 4 < 3).then(|| body(size, if index % 4 == 2 { 0 } else { index }));
            let id = answer.header("x-obs-version-id").to_owned();
            match answer.outcome() {
                (200 | 204, _) => {
                    // Every fourth takes back what it did.
                    if index % 16 < 4 {
                        let back = Ask::object("DELETE", SHIFTING, "one").query("versionId", &id);
                        assert_eq!(outcome(&gateway, back).await, "204");
                        return None;
                    }
                    Some((id, bytes))
                }
                (403, code) if code == "InsufficientStorageSpace" && index % 4 < 3 => None,
                // Too many were quicker.
                (409, code) if code == "OperationAborted" => None,
                other => panic!("client {index}: {other:?}"),
            }
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    let mut kept: BTreeMap<String, Option<Bytes>> = ended.into_iter().flatten().collect();
    kept.insert(first, Some(body(size, 0)));
    let listing = done(&gateway, Ask::new("GET", format!("/{SHIFTING}?versions"))).await;
    let shown: BTreeSet<String> = listing.elements("VersionId").into_iter().collect();
    assert_eq!(shown, kept.keys().cloned().collect(), "versions");
    for (id, bytes) in &kept {
        let Some(bytes) = bytes else { continue };
        let found = done(&gateway, Ask::object("GET", SHIFTING, "one").query("versionId", id)).await;
        assert!(found.body.is_ok_and(|found| found == *bytes), "version {id}");
    }
    let object_count = kept.values().flatten().count() as u64;
    assert!(object_count <= ROOM, "{object_count} objects in a bucket for {ROOM}");
    assert_eq!(size_of(&gateway, SHIFTING).await, object_count * size);
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_of_one_key_are_exact_in_memory() {
    versions_are_exact(Backing::in_memory(), 100).await;
    versions_are_exact(Backing::in_memory(), 70_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_of_one_key_are_exact_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    versions_are_exact(Backing::on_disk(folder.path()), 70_000).await;
}

/// 64 clients count up one number, each by one, by putting the next under the condition that nobody else has: none is lost
/// and none is counted twice, and every version there ever was is another number.
async fn numbers_are_counted_once(backing: Backing, size: usize) {
    let (gateway, _) = open(&backing).await;
    done(&gateway, set_versioning(SHIFTING, true)).await;
    let written = move |number: u32| Bytes::from(format!("{number:010}{}", ".".repeat(size - 10)));
    done(&gateway, Ask::object("PUT", SHIFTING, "n").header("If-None-Match", "*").body(written(0))).await;
    let mut clients = JoinSet::new();
    for _ in 0..64_u8 {
        let gateway = gateway.clone();
        clients.spawn(async move {
            loop {
                let current = done(&gateway, Ask::object("GET", SHIFTING, "n")).await;
                let tag = current.header("etag").to_owned();
                let text = String::from_utf8(current.body.expect("a whole body").to_vec()).expect("a number");
                let next: u32 = text[..10].parse::<u32>().expect("a number") + 1;
                let ask = Ask::object("PUT", SHIFTING, "n").header("If-Match", tag).body(written(next));
                match outcome(&gateway, ask).await.as_str() {
                    "200" => return next,
                    "412 PreconditionFailed" | "409 OperationAborted" => {}
                    other => panic!("{other}"),
                }
            }
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    let counted: BTreeSet<u32> = ended.into_iter().collect();
    assert_eq!(counted, (1..=64).collect());
    let listing = done(&gateway, Ask::new("GET", format!("/{SHIFTING}?versions"))).await;
    let tags = listing.elements("ETag");
    assert_eq!((tags.len(), tags.iter().collect::<BTreeSet<_>>().len()), (65, 65));
    assert_eq!(size_of(&gateway, SHIFTING).await, 65 * size as u64);
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_of_64_are_counted_once_in_memory() {
    numbers_are_counted_once(Backing::in_memory(), 10).await;
    numbers_are_counted_once(Backing::in_memory(), 70_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_of_64_are_counted_once_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    numbers_are_counted_once(Backing::on_disk(folder.path()), 70_000).await;
}

/// 64 clients make one object in S3's words, each if nobody else has: by putting, copying and completing, while others
/// take it away if it is what they think. Every object that came was alone.
async fn one_is_first(backing: Backing, size: u64) {
    let (gateway, _) = open(&backing).await;
    done(&gateway, Ask::object("PUT", SHIFTING, "source").body(body(size, 64))).await;
    let mut clients = JoinSet::new();
    for index in 0..64_u8 {
        let gateway = gateway.clone();
        clients.spawn(async move {
            let put = Ask::object("PUT", SHIFTING, "one");
            let (tag, ask) = match index % 4 {
                0 => (etag(&body(size, index)), put.body(body(size, index))),
                1 => (etag(&body(size, index)), put.framed(body(size, index))),
                2 => (etag(&body(size, 64)), put.copy_source(SHIFTING, "source", None)),
                _ => {
                    let begin = Ask::object("POST", SHIFTING, "one").query("uploads", "").in_s3();
                    let id = done(&gateway, begin).await.element("UploadId").expect("an upload");
                    let part = body(size, index);
                    done(&gateway, part_ask(SHIFTING, "one", &id, 1).framed(part.clone()).in_s3()).await;
                    let digest = u128::from_str_radix(&etag(&part), 16).expect("a digest").to_be_bytes();
                    (format!("{}-1", etag(&digest)), complete_ask(SHIFTING, "one", &id, &vec![(1, etag(&part))]))
                }
            };
            let made = outcome(&gateway, ask.header("If-None-Match", "*").in_s3()).await;
            // Every other takes back what it made: it is still that, for nobody could make another.
            let taken = if made == "200" && index % 2 == 0 {
                let ask = Ask::object("DELETE", SHIFTING, "one").header("If-Match", format!("\"{tag}\"")).in_s3();
                outcome(&gateway, ask).await
            } else {
                String::new()
            };
            (tag, made, taken)
        });
    }
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    for (_, made, taken) in &ended {
        assert!(["200", "412 PreconditionFailed", "409 OperationAborted"].contains(&made.as_str()), "{made}");
        assert!(["", "204", "409 OperationAborted"].contains(&taken.as_str()), "{taken}");
    }
    let kept: Vec<&str> =
        ended.iter().filter(|(_, made, taken)| made == "200" && taken != "204").map(|(tag, ..)| tag.as_str()).collect();
    assert!(kept.len() <= 1, "{ended:?}");
    assert!(ended.iter().any(|(_, made, _)| made == "200"), "{ended:?}");
    let found = gateway.send(ACCOUNT, Ask::object("HEAD", SHIFTING, "one")).await;
    let tags: Vec<&str> = [found.header("etag").trim_matches('"')].into_iter().filter(|tag| !tag.is_empty()).collect();
    assert_eq!(tags, kept);
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_64_is_first_in_memory() {
    for size in [100, 70_000] {
        one_is_first(Backing::in_memory(), size).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_64_is_first_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    one_is_first(Backing::on_disk(folder.path()), 70_000).await;
}

/// A bucket is deleted in S3's words while uploads to it begin, go on and end, and an object comes: where it goes all of them
/// do, and where it stays each is as its client left it.
async fn a_bucket_goes_with_all_its_uploads(backing: Backing, has_object: bool) {
    let (gateway, _) = open(&backing).await;
    let mut clients = JoinSet::new();
    for index in 0..32_u8 {
        let gateway = gateway.clone();
        clients.spawn(async move {
            let key = format!("k{index}");
            let begun = gateway.send(ACCOUNT, Ask::object("POST", SHIFTING, &key).query("uploads", "").in_s3()).await;
            let Some(id) = begun.element("UploadId") else { return (None, begun.outcome().1) };
            let part = outcome(&gateway, part_ask(SHIFTING, &key, &id, 1).framed(body(1000, index)).in_s3()).await;
            (Some(id), part)
        });
    }
    let deleter = gateway.clone();
    let deleting = tokio::spawn(async move {
        let mut outcomes = Vec::new();
        for _ in 0..8 {
            outcomes.push(outcome(&deleter, Ask::new("DELETE", format!("/{SHIFTING}")).in_s3()).await);
        }
        outcomes
    });
    if has_object {
        let put = outcome(&gateway, Ask::object("PUT", SHIFTING, "o").body(body(9, 1))).await;
        assert!(["200", "404 NoSuchBucket"].contains(&put.as_str()), "{put}");
    }
    let deletions = deleting.await.expect("outcomes");
    let ended = tokio::time::timeout(Duration::from_secs(120), clients.join_all()).await.expect("an end");
    let listing = gateway.send(ACCOUNT, Ask::new("GET", format!("/{SHIFTING}?uploads")).in_s3()).await;
    if deletions.iter().any(|outcome| outcome == "204") {
        assert_eq!(listing.outcome(), (404, "NoSuchBucket".to_owned()), "{deletions:?}");
        assert!(
            deletions.iter().all(|outcome| ["204", "404 NoSuchBucket"].contains(&outcome.as_str())
                || has_object && outcome == "409 BucketNotEmpty"
                || outcome == "409 OperationAborted"),
            "{deletions:?}"
        );
    } else {
        let mut left: Vec<String> = ended.iter().filter_map(|(id, _)| id.clone()).collect();
        let mut shown = listing.elements("UploadId");
        left.sort();
        shown.sort();
        assert_eq!(shown, left, "{deletions:?}");
        assert!(ended.iter().all(|(_, part)| part == "200"), "{ended:?}");
    }
    check_at_rest(&gateway, &backing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bucket_goes_with_all_its_uploads_in_memory() {
    for round in 0..12 {
        a_bucket_goes_with_all_its_uploads(Backing::in_memory(), round % 2 == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bucket_goes_with_all_its_uploads_on_disk() {
    for has_object in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        a_bucket_goes_with_all_its_uploads(Backing::on_disk(folder.path()), has_object).await;
    }
}
