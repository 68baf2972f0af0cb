//! What an answer says of an object, by its record (OBS reference, "Downloading Objects", "Querying Object Metadata"): all
//! of it for who reads, a part of it for who has just stored one.

use hyper::header::{ACCEPT_RANGES, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};
use hyper::{Method, StatusCode};

use super::Call;
use super::bucket_storage_class::class_name;
use super::checksum;
use super::object_put::{etag_value, version_id_name};
use crate::access::{self, Action};
use crate::app::App;
use crate::clock::{UnixMillis, http_date, iso_second};
use crate::error::{Code, Result};
use crate::meta::{Bucket, Object, Restore, Tx, UploadId, Versioning};
use crate::storage_class::StorageClass;
use crate::wire::Reply;
use crate::wire::attributes::write_persistent_headers;
use crate::wire::dialect::Dialect;

/// A header's name in OBS and in S3. Some have no name of S3's.
type Names = [&'static str; 2];

const STORAGE_CLASS: Names = ["x-obs-storage-class", "x-amz-storage-class"];
const EXPIRATION: Names = ["x-obs-expiration", "x-amz-expiration"];
const CRC64: Names = ["x-obs-checksum-crc64ecma", "x-amz-checksum-crc64ecma"];
const LOCK_MODE: Names = ["x-obs-object-lock-mode", "x-amz-object-lock-mode"];
const RETAIN_UNTIL: Names = ["x-obs-object-lock-retain-until-date", "x-amz-object-lock-retain-until-date"];
const LEGAL_HOLD: Names = ["x-obs-object-lock-legal-hold", "x-amz-object-lock-legal-hold"];
const REDIRECT: Names = ["x-obs-website-redirect-location", "x-amz-website-redirect-location"];
const RESTORE: Names = ["x-obs-restore", "x-amz-restore"];
const TAGGING_COUNT: Names = ["x-obs-tagging-count", "x-amz-tagging-count"];
const OBJECT_TYPE: Names = ["x-obs-object-type"; 2];
const NEXT_APPEND_POSITION: Names = ["x-obs-next-append-position"; 2];
const UPLOAD_ID: Names = ["x-obs-uploadid"; 2];

/// Headers of one answer, in the words of one dialect.
struct Words<'a> {
    dialect: Dialect,
    headers: &'a mut HeaderMap,
}

impl Words<'_> {
    fn say(&mut self, [obs, s3]: Names, value: &str) -> Result<()> {
        let name = HeaderName::from_static(if self.dialect.is_obs() { obs } else { s3 });
        self.headers.insert(name, header_value(value)?);
        Ok(())
    }
}

/// A header's value; what is none is 400 `InvalidArgument`.
pub(super) fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|_| Code::InvalidArgument.because("The value is not a legal header value."))
}

/// Everything the record says, but for what [`tell_readers`] adds.
pub(super) fn describe(
    object: &Object,
    bucket: &Bucket,
    (dialect, now): (Dialect, UnixMillis),
    headers: &mut HeaderMap,
) -> Result<()> {
    object.headers.write(dialect, headers);
    headers.insert(ETAG, etag_value(&object.etag)?);
    headers.insert(LAST_MODIFIED, header_value(&http_date(object.modified_millis))?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if bucket.versioning != Versioning::Off {
        headers.insert(version_id_name(dialect), header_value(&object.version.id().to_string())?);
    }
    describe_kept(object, dialect, headers)?;
    let mut words = Words { dialect, headers };
    if let Some(attributes) = &object.attributes {
        if let Some(redirect) = &attributes.redirect {
            words.say(REDIRECT, redirect)?;
        }
        write_persistent_headers(&attributes.persistent_headers, words.headers);
    }
    let Some(state) = &object.state else { return Ok(()) };
    if let Some(shown) = state.restore.and_then(|restore| show_restore(object, restore, now)) {
        words.say(RESTORE, &shown)?;
    }
    if state.append_count.is_some() {
        words.say(OBJECT_TYPE, "Appendable")?;
        words.say(NEXT_APPEND_POSITION, &object.size.to_string())?;
    }
    Ok(())
}

/// What who stores an object is told beside its entity tag and version: how it is kept and until when, its checksum.
pub(super) fn describe_stored(object: &Object, dialect: Dialect, headers: &mut HeaderMap) -> Result<()> {
    describe_kept(object, dialect, headers)?;
    describe_crc64(object.state.as_ref().and_then(|state| state.crc64), dialect, headers)
}

/// The CRC-64 of what was stored, where it is known.
pub(super) fn describe_crc64(crc64: Option<u64>, dialect: Dialect, headers: &mut HeaderMap) -> Result<()> {
    match crc64 {
        Some(crc64) => Words { dialect, headers }.say(CRC64, &crc64.to_string()),
        None => Ok(()),
    }
}

/// How the object is kept, and until when.
fn describe_kept(object: &Object, dialect: Dialect, headers: &mut HeaderMap) -> Result<()> {
    let mut words = Words { dialect, headers };
    if object.storage_class != StorageClass::Standard {
        words.say(STORAGE_CLASS, class_name(object.storage_class, dialect))?;
    }
    if let Some(millis) = object.expires_millis() {
        words.say(EXPIRATION, &format!("expiry-date=\"{}\"", http_date(millis)))?;
    }
    Ok(())
}

/// Where a restore is; nothing once it is over, or of an object that is no longer archived.
fn show_restore(object: &Object, restore: Restore, now: UnixMillis) -> Option<String> {
    if !object.storage_class.is_archive() || now >= restore.expires_millis {
        return None;
    }
    Some(if now < restore.ready_millis {
        "ongoing-request=\"true\"".to_owned()
    } else {
        format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(restore.expires_millis))
    })
}

/// What GET and HEAD say beside: how many tags there are and what protects the object, to who may read that; of a whole object its checksum; to HEAD the
/// upload it was completed from.
pub(super) async fn tell_readers(app: &App, call: &Call<'_>, object: &Object, reply: &mut Reply) -> Result<()> {
    let (is_whole, is_head) = (reply.status == StatusCode::OK, call.head.method == Method::HEAD);
    let mut words = Words { dialect: call.head.dialect, headers: &mut reply.headers };
    let tag_count = object.tags().len();
    if tag_count > 0 && may(app, call, object, Action::GetObjectTagging).await? {
        words.say(TAGGING_COUNT, &tag_count.to_string())?;
    }
    let lock = object.lock();
    if let Some(retention) = lock.retention
        && may(app, call, object, Action::GetObjectRetention).await?
    {
        words.say(LOCK_MODE, retention.mode.name())?;
        words.say(RETAIN_UNTIL, &iso_second(retention.until_millis))?;
    }
    if let Some(hold) = lock.legal_hold.name()
        && may(app, call, object, Action::GetObjectLegalHold).await?
    {
        words.say(LEGAL_HOLD, hold)?;
    }
    let Some(state) = &object.state else { return Ok(()) };
    if let (Some(crc64), true) = (state.crc64, is_whole) {
        words.say(CRC64, &crc64.to_string())?;
    }
    if let (Some(checksum), true, true) = (&state.checksum, is_whole, checksum::is_shown(call.head)) {
        checksum::tell(checksum, true, words.headers)?;
    }
    // By it a client that lost the answer to its completion sees that it came to pass.
    if let (Some(upload), true) = (state.upload, is_head) {
        words.say(UPLOAD_ID, &UploadId(upload.id).to_string())?;
    }
    Ok(())
}

/// Whether who reads may be told of what has a permission of its own.
async fn may(app: &App, call: &Call<'_>, object: &Object, action: Action) -> Result<bool> {
    let key = call.key()?;
    let may = |tx: &mut Tx<'_>| {
        let bucket = call.bucket_in(tx)?;
        access::may(tx, &app.policies, &call.caller, call.context, action, &bucket, key)
    };
    match app.store.read_frozen(may).await.and_then(|permit| permit.check_object(object)) {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Code::InternalError => Err(error),
        Err(_) => Ok(false),
    }
}
