//! Steps that are requests for objects: what the model says of each, and the request itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use obs_gateway::clock::iso_date;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::check;
use crate::model::{Bucket, Conditions, Flaw, Listed, Model, Named, Object, Sent, Upload, body};
use crate::step::{At, Condition, Framing, Size, Source, Step, Which};
use crate::support::{Answer, Ask};
use crate::world::World;

/// Well formed, and never given to a version or an upload.
const UNHEARD: &str = "00000000000000010000000000000001";

type Status = Result<Option<u16>, TestCaseError>;

impl World {
    pub(crate) async fn request(&mut self, step: &Step) -> Status {
        match *step {
            Step::Put { who, bucket, key, size, condition, framing } => {
                let who = self.who(who, bucket);
                let sent = self.sent(size, framing, bucket, |bucket| bucket.place(key));
                let conditions = self.conditions(condition, bucket, key);
                let ask = under(&conditions, self.sending(Ask::object("PUT", bucket, key), &sent));
                let expected = self.model.put(who, bucket, key, &sent, &conditions);
                let answer = self.answer(who, ask, &expected).await?;
                self.check_version(bucket, key, &answer)
            }
            Step::Delete { who, bucket, key, version } => {
                let who = self.who(who, bucket);
                let version = self.model.version(bucket, key, version);
                let conditions = self.conditions(self.condition, bucket, key);
                let expected = self.model.delete(who, bucket, (key, version.as_deref()), &conditions);
                let ask = under(&conditions, with_version(Ask::object("DELETE", bucket, key), version.as_deref()));
                let answer = self.answer(who, ask, &expected).await?;
                if version.is_none() { self.check_version(bucket, key, &answer) } else { Ok(Some(status(&answer))) }
            }
            Step::DeleteMany { who, bucket, ref items } => self.delete_many(self.who(who, bucket), bucket, items).await,
            Step::Get { who, bucket, key, version } => {
                let who = self.who(who, bucket);
                let version = self.model.version(bucket, key, version);
                let answer = self.send(who, with_version(Ask::object("GET", bucket, key), version.as_deref())).await;
                match self.model.get(who, Named { bucket, key, version: version.as_deref() }) {
                    Ok(object) => check::body(&answer, &object.bytes)?,
                    Err(outcome) => prop_assert_eq!(answer.outcome(), outcome),
                }
                Ok(None)
            }
            Step::Copy { who, bucket, key, source, is_replacing } => {
                let (who, version) = (self.who(who, bucket), self.model.version_of(source));
                let named = Named { bucket: source.bucket, key: source.key, version: version.as_deref() };
                let ask = Ask::object("PUT", bucket, key).copy_source(named.bucket, named.key, named.version);
                let ask = if is_replacing { ask.header("x-obs-metadata-directive", "REPLACE") } else { ask };
                let conditions = self.conditions(self.condition, bucket, key);
                let ask = under(&conditions, ask);
                let expected = self.model.copy(who, (bucket, key), named, is_replacing, &conditions);
                let answer = self.answer(who, ask, &expected).await?;
                self.check_version(bucket, key, &answer)
            }
            Step::Retain { .. } | Step::Hold { .. } | Step::SetDefault { .. } => self.lock(step).await,
            Step::Append { .. } | Step::Modify { .. } | Step::Truncate { .. } | Step::Rename { .. } => {
                self.edit(step).await
            }
            _ => self.upload(step).await,
        }
    }

    async fn lock(&mut self, step: &Step) -> Status {
        match *step {
            Step::Retain { who, bucket, key, version, millis } => {
                let (who, version) = (self.who(who, bucket), self.model.version(bucket, key, version));
                let until = self.model.now + millis;
                let expected = self.model.retain(who, Named { bucket, key, version: version.as_deref() }, until);
                let document = "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>";
                let until = if self.model.is_s3 { iso_date(until) } else { until.to_string() };
                let document = format!("{document}{until}</RetainUntilDate></Retention>");
                let ask = Ask::object("PUT", bucket, key).query("retention", "").body(document);
                self.compare(who, with_version(ask, version.as_deref()), expected).await
            }
            Step::Hold { who, bucket, key, version, is_on } => {
                let (who, version) = (self.who(who, bucket), self.model.version(bucket, key, version));
                let expected = self.model.hold(who, Named { bucket, key, version: version.as_deref() }, is_on);
                let status = if is_on { "ON" } else { "OFF" };
                let document = format!("<LegalHold><Status>{status}</Status></LegalHold>");
                let ask = Ask::object("PUT", bucket, key).query("legal-hold", "").body(document);
                self.compare(who, with_version(ask, version.as_deref()), expected).await
            }
            Step::SetDefault { who, bucket, days } => {
                let who = self.who(who, bucket);
                let expected = self.model.set_default(who, bucket, days);
                let retention = format!("<Mode>COMPLIANCE</Mode><Days>{days}</Days>");
                let rule = format!("<Rule><DefaultRetention>{retention}</DefaultRetention></Rule>");
                let rule = if days > 0 { rule } else { String::new() };
                let enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";
                let document = format!("<ObjectLockConfiguration>{enabled}{rule}</ObjectLockConfiguration>");
                self.compare(who, Ask::new("PUT", format!("/{bucket}?object-lock")).body(document), expected).await
            }
            _ => Ok(None),
        }
    }

    async fn edit(&mut self, step: &Step) -> Status {
        let (who, ask, expected) = match *step {
            Step::Append { who, bucket, key, at, size, framing } => {
                let (who, position) = (self.who(who, bucket), self.model.position(bucket, key, at));
                let sent = self.sent(size, framing, bucket, |_| {});
                let expected = self.model.append(who, bucket, key, position, &sent);
                let ask = Ask::object("POST", bucket, key).query("append", "").query("position", &position.to_string());
                (who, self.sending(ask, &sent), expected)
            }
            Step::Modify { who, bucket, key, at, size, framing } => {
                let (who, position) = (self.who(who, bucket), self.model.position(bucket, key, at));
                let sent = self.sent(size, framing, bucket, |_| {});
                let expected = self.model.modify(who, bucket, key, position, &sent);
                let ask = Ask::object("PUT", bucket, key).query("modify", "").query("position", &position.to_string());
                (who, self.sending(ask, &sent), expected)
            }
            Step::Truncate { who, bucket, key, at } => {
                let (who, length) = (self.who(who, bucket), self.model.position(bucket, key, at));
                let expected = self.model.truncate(who, bucket, key, length);
                let ask = Ask::object("PUT", bucket, key).query("truncate", "").query("length", &length.to_string());
                (who, ask, expected)
            }
            Step::Rename { who, bucket, key, name } => {
                let who = self.who(who, bucket);
                let expected = self.model.rename(who, bucket, key, name);
                (who, Ask::object("POST", bucket, key).query("rename", "").query("name", name), expected)
            }
            _ => return Ok(None),
        };
        let answer = self.answer(who, ask, &expected).await?;
        if let (200, &Step::Append { bucket, key, .. }) = (expected.0, step) {
            let next = self.model.buckets[bucket].current(key).map_or(0, Object::size);
            prop_assert_eq!(answer.header("x-obs-next-append-position"), next.to_string());
        }
        Ok(Some(status(&answer)))
    }

    async fn upload(&mut self, step: &Step) -> Status {
        match *step {
            Step::Begin { who, bucket, key } => {
                let who = self.who(who, bucket);
                let expected = self.model.begin(who, bucket);
                let ask = Ask::object("POST", bucket, key).query("uploads", "");
                let answer = self.answer(who, ask, &expected).await?;
                if expected.0 == 200 {
                    self.model.begun(bucket, key, answer.element("UploadId").unwrap_or_default());
                }
                Ok(Some(status(&answer)))
            }
            Step::PutPart { who, bucket, upload, number, size, framing } => {
                let (who, (key, id)) = (self.who(who, bucket), self.model.upload(bucket, upload));
                let sent = self.sent(size, framing, bucket, |bucket| bucket.drop_part(&id, number));
                let ask = self.sending(part_ask(bucket, &key, &id, number), &sent);
                let expected = self.model.put_part(who, bucket, &id, number, &sent);
                self.compare(who, ask, expected).await
            }
            Step::CopyPart { who, bucket, upload, number, source, range } => {
                let (who, (key, id)) = (self.who(who, bucket), self.model.upload(bucket, upload));
                let version = self.model.version_of(source);
                let named = Named { bucket: source.bucket, key: source.key, version: version.as_deref() };
                let size = self.model.size_of(named);
                // At least a byte: there is no empty range.
                let range =
                    range.map(|(a, b)| (size * a.min(b) / 100)..(size * a.max(b) / 100).max(size * a / 100 + 1));
                let ask = part_ask(bucket, &key, &id, number).copy_source(named.bucket, named.key, named.version);
                let ask = match &range {
                    Some(range) => {
                        ask.header("x-obs-copy-source-range", format!("bytes={}-{}", range.start, range.end - 1))
                    }
                    None => ask,
                };
                let expected = self.model.copy_part(who, (bucket, &id, number), named, range);
                self.compare(who, ask, expected).await
            }
            Step::Complete { who, bucket, upload, chosen, flaw } => {
                let (who, (key, id)) = (self.who(who, bucket), self.model.upload(bucket, upload));
                let listed = self.model.listed(bucket, &id, chosen, flaw);
                let conditions = self.conditions(self.condition, bucket, &key);
                let expected = self.model.complete(who, bucket, (&key, &id), &listed, &conditions);
                let ask = under(&conditions, complete_ask(bucket, &key, &id, &listed));
                let answer = self.answer(who, ask, &expected).await?;
                if expected.0 == 200 {
                    let done = self.model.completed(bucket, &key, &id).expect("the model has it");
                    prop_assert_eq!(answer.tags(), [done]);
                }
                Ok(Some(status(&answer)))
            }
            Step::Abort { who, bucket, upload } => {
                let (who, (key, id)) = (self.who(who, bucket), self.model.upload(bucket, upload));
                let expected = self.model.abort(who, bucket, &id);
                self.compare(who, Ask::object("DELETE", bucket, &key).query("uploadId", &id), expected).await
            }
            _ => Ok(None),
        }
    }

    async fn delete_many(&mut self, who: usize, bucket: &str, items: &[(&'static str, Which)]) -> Status {
        let item = |(key, version): &(&'static str, Which)| {
            // Members of the document are tags only.
            let conditions = Conditions { if_none_match: None, ..self.conditions(self.condition, bucket, key) };
            (*key, self.model.version(bucket, key, *version), conditions)
        };
        let items: Vec<(&str, Option<String>, Conditions)> = items.iter().map(item).collect();
        let mut document = "<Delete>".to_owned();
        for (key, version, conditions) in &items {
            let version = version.as_ref().map_or(String::new(), |id| format!("<VersionId>{id}</VersionId>"));
            let tag = conditions.if_match.as_ref().map_or(String::new(), |tag| format!("<ETag>{tag}</ETag>"));
            document.extend(["<Object><Key>", key, "</Key>", &version, &tag, "</Object>"]);
        }
        document += "</Delete>";
        let digest = STANDARD.encode(Md5::digest(document.as_bytes()));
        let ask = Ask::new("POST", format!("/{bucket}?delete")).header("Content-MD5", digest).body(document);
        let outcomes = match self.model.delete_many(who, bucket, &items) {
            Err(outcome) => return self.compare(who, ask, outcome).await,
            Ok(outcomes) => outcomes,
        };
        let answer = self.answer(who, ask, &(200, String::new())).await?;
        let refused: Vec<String> = outcomes.into_iter().map(|(_, code)| code).filter(|code| !code.is_empty()).collect();
        prop_assert_eq!(answer.elements("Code"), refused, "{}", answer.text());
        Ok(Some(status(&answer)))
    }

    /// A version that was made is the one that the answer names.
    fn check_version(&mut self, bucket: &str, key: &str, answer: &Answer) -> Status {
        let named = answer.header("x-obs-version-id");
        let made = self.model.buckets.get_mut(bucket).and_then(|bucket| bucket.keys.get_mut(key)?.first_mut());
        if let Some(made) = made.filter(|made| answer.status.is_success() && made.id.is_empty()) {
            prop_assert_eq!(named.len(), 32, "the id of a version");
            named.clone_into(&mut made.id);
        }
        Ok(Some(status(answer)))
    }

    fn sent(&self, size: Size, framing: Framing, bucket: &str, change: impl FnOnce(&mut Bucket)) -> Sent {
        let size = match size {
            Size::Bytes(size) => size,
            // Without a limit, or with one nobody reaches, any size will do.
            Size::Room(more) => {
                let room = self.model.room(bucket, change).filter(|room| *room < 1 << 22);
                room.map_or(77, |room| room.saturating_add_signed(more))
            }
        };
        Sent {
            bytes: body(size, self.step_count),
            is_announced: framing != Framing::Unannounced,
            is_digest_right: framing != Framing::WrongDigest,
        }
    }

    /// In S3's words every other body that is as announced comes in S3's own chunks.
    fn sending(&self, ask: Ask, sent: &Sent) -> Ask {
        let is_framed =
            self.model.is_s3 && sent.is_announced && sent.is_digest_right && self.step_count.is_multiple_of(2);
        let ask = match sent.bytes.clone() {
            bytes if is_framed => ask.framed(bytes),
            bytes if sent.is_announced => ask.body(bytes),
            bytes => ask.unannounced(bytes),
        };
        if sent.is_digest_right { ask } else { ask.header("Content-MD5", STANDARD.encode([1; 16])) }
    }

    fn conditions(&self, condition: Condition, bucket: &str, key: &str) -> Conditions {
        let object = self.model.buckets.get(bucket).and_then(|bucket| bucket.current(key));
        let tag = format!("\"{}\"", object.map_or("none", |object| &object.etag));
        let (if_match, if_none_match) = match condition {
            Condition::None => (None, None),
            Condition::Absent => (None, Some("*".to_owned())),
            Condition::Present => (Some("*".to_owned()), None),
            Condition::Same => (Some(tag), None),
            Condition::Stale => (Some("\"00000000000000000000000000000000\"".to_owned()), None),
            Condition::Other => (None, Some(tag)),
        };
        Conditions { if_match, if_none_match }
    }
}

/// What steps name relatively.
impl Model {
    fn version(&self, bucket: &str, key: &str, which: Which) -> Option<String> {
        let versions = || self.buckets.get(bucket).and_then(|bucket| bucket.keys.get(key));
        match which {
            Which::Newest => None,
            Which::Null => Some("null".to_owned()),
            Which::Nth(nth) => {
                let found = versions().and_then(|versions| versions.get(nth));
                Some(found.map_or(UNHEARD.to_owned(), |kept| kept.id.clone()))
            }
        }
    }

    fn version_of(&self, source: Source) -> Option<String> {
        self.version(source.bucket, source.key, source.version)
    }

    /// 0 where there is nothing.
    fn size_of(&self, named: Named<'_>) -> u64 {
        let versions = self.buckets.get(named.bucket).and_then(|bucket| bucket.keys.get(named.key));
        let mut versions = versions.into_iter().flatten();
        let found = versions.find(|kept| named.version.is_none_or(|id| kept.id == id));
        found.and_then(|kept| kept.object.as_ref()).map_or(0, Object::size)
    }

    fn position(&self, bucket: &str, key: &str, at: At) -> u64 {
        let size = self.size_of(Named { bucket, key, version: None });
        match at {
            At::Percent(percent) => size * percent / 100,
            At::Past(more) => size + more,
        }
    }

    /// Key and id of an upload, the n-th newest; of none where there is none.
    fn upload(&self, bucket: &str, nth: usize) -> (String, String) {
        let uploads = self.buckets.get(bucket).map_or(&[][..], |bucket| &bucket.uploads);
        let found = uploads.iter().rev().nth(nth % uploads.len().max(1));
        found.map_or(("a".to_owned(), UNHEARD.to_owned()), |upload| (upload.key.clone(), upload.id.clone()))
    }

    fn listed(&self, bucket: &str, id: &str, chosen: u8, flaw: Flaw) -> Listed {
        let mut uploads = self.buckets.get(bucket).into_iter().flat_map(|bucket| &bucket.uploads);
        let upload: Option<&Upload> = uploads.find(|upload| upload.id == id);
        upload.map_or(Listed::new(), |upload| upload.listed(chosen, flaw))
    }

    fn completed(&self, bucket: &str, key: &str, id: &str) -> Option<String> {
        let mut objects = self.buckets[bucket].keys[key].iter().filter_map(|kept| kept.object.as_ref());
        objects.find(|object| object.upload.as_deref() == Some(id)).map(|object| object.etag.clone())
    }
}

fn status(answer: &Answer) -> u16 {
    answer.status.as_u16()
}

fn with_version(ask: Ask, version: Option<&str>) -> Ask {
    version.map_or(ask.clone(), |id| ask.query("versionId", id))
}

fn under(conditions: &Conditions, ask: Ask) -> Ask {
    let named = [("If-Match", &conditions.if_match), ("If-None-Match", &conditions.if_none_match)];
    named.into_iter().fold(ask, |ask, (name, value)| match value {
        Some(value) => ask.header(name, value.clone()),
        None => ask,
    })
}

pub(crate) fn part_ask(bucket: &str, key: &str, id: &str, number: u16) -> Ask {
    Ask::object("PUT", bucket, key).query("partNumber", &number.to_string()).query("uploadId", id)
}

pub(crate) fn complete_ask(bucket: &str, key: &str, id: &str, listed: &Listed) -> Ask {
    let part =
        |(number, tag): &(u16, String)| format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{tag}\"</ETag></Part>");
    let parts: String = listed.iter().map(part).collect();
    let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    Ask::object("POST", bucket, key).query("uploadId", id).body(document)
}
