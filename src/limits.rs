//! Every bound on what comes from a socket or grows in memory, with its unit in its name.
//!
//! What does not live here: limits an administrator sets (quotas, capacities), which are records in `meta`.

use std::time::Duration;

/// Kibibyte, mebibyte and gibibyte, in bytes.
pub const KIB: u64 = 1024;
/// See [`KIB`].
pub const MIB: u64 = 1024 * KIB;
/// See [`KIB`].
pub const GIB: u64 = 1024 * MIB;

// --- connections -----------------------------------------------------------------------------------------------

/// Connections one listener serves at a time; the next one waits in the kernel's accept queue.
pub const CONNECTION_COUNT_MAX: usize = 4096;
/// Time a client has for a request's head, from the first byte (or from accept for the first request).
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two pieces of a request body, and the longest one write to a client may make no progress.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// A kept-alive connection without a request is closed after this long.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// Requests in flight when SIGTERM arrives may take this long to finish.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head (request line and headers) before the connection is refused with 431.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of one request.
pub const HEADER_COUNT_MAX: usize = 128;
/// Concurrent streams of one HTTP/2 connection.
pub const H2_STREAM_COUNT_MAX: u32 = 128;
/// Bytes a refused request may still send before its connection is closed instead of being drained and kept.
pub const REFUSED_BODY_DRAIN_BYTES_MAX: u64 = 256 * MIB;
/// Time a refused request may still send for.
pub const REFUSED_BODY_DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

// --- request line ----------------------------------------------------------------------------------------------

/// Bytes of path and query together; above: 414 `Request-URI Too Large`.
pub const URI_BYTES_MAX: usize = 16 * 1024;
/// Parameters in one query string.
pub const QUERY_PARAMETER_COUNT_MAX: usize = 64;
/// UTF-8 bytes of an object key (OBS reference: 1024).
pub const KEY_BYTES_MAX: usize = 1024;
/// Bytes of a bucket name, lower and upper bound.
pub const BUCKET_NAME_BYTES_MIN: usize = 3;
/// See [`BUCKET_NAME_BYTES_MIN`].
pub const BUCKET_NAME_BYTES_MAX: usize = 63;
/// Seconds a request's date may differ from the server's clock, both ways (OBS reference: 15 minutes).
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 15 * 60;
/// Seconds an URL signed with Signature V4 may hold: seven days (S3 reference).
pub const URL_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// Parts of one object that one `Range` header may ask for; more make the header ignored.
pub const RANGE_COUNT_MAX: usize = 32;

// --- documents -------------------------------------------------------------------------------------------------

/// Bytes of an XML or JSON configuration document; above: 400 `EntityTooLarge`.
pub const DOCUMENT_BYTES_MAX: usize = 20 * 1024;
/// Bytes of the document of a bucket's tags: 50 of them (S3 reference) in any characters, escaped.
pub const BUCKET_TAGS_BYTES_MAX: usize = 128 * 1024;
/// Bytes of a CORS document (OBS reference: 64 KB).
pub const CORS_DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of any XML document, whatever its operation allows: the parser's own bound.
pub const XML_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Nesting of XML elements.
pub const XML_DEPTH_MAX: usize = 16;
/// Elements in one XML document.
pub const XML_ELEMENT_COUNT_MAX: usize = 60_000;
/// Bytes of a document that names objects to delete: a thousand keys of 1 KiB, percent-encoded.
pub const DELETE_DOCUMENT_BYTES_MAX: usize = XML_BYTES_MAX;
/// Objects that one such document may name (OBS reference).
pub const DELETE_COUNT_MAX: usize = 1000;
/// Of those, how many are deleted in one transaction.
pub const DELETE_BATCH_COUNT_MAX: usize = 64;
/// Bytes of a JSON document sent to the admin API.
pub const ADMIN_DOCUMENT_BYTES_MAX: usize = 64 * 1024;

// --- objects ---------------------------------------------------------------------------------------------------

/// Bytes of one object sent in one request: 5 GiB, as OBS and S3 document it.
pub const OBJECT_PUT_BYTES_MAX: u64 = 5 * GIB;
/// Bytes of one file of a parallel file system: the 50 TB that OBS documents for files changed in place.
pub const FILE_BYTES_MAX: u64 = 54_975_581_388_800;
/// Appends to one object (OBS reference: 10 000).
pub const APPEND_COUNT_MAX: u32 = 10_000;
/// Objects that the renaming of a directory moves in its one commit; a larger directory is refused.
pub const DIRECTORY_RENAME_COUNT_MAX: usize = 1000;
/// Names and values of `x-obs-meta-*` headers together, in bytes.
pub const METADATA_BYTES_MAX: usize = 8 * 1024;
/// Headers that one `x-obs-persistent-headers` may name.
pub const PERSISTENT_HEADER_COUNT_MAX: usize = 64;
/// Bytes of an `x-obs-website-redirect-location` (OBS reference: 2 KB).
pub const REDIRECT_BYTES_MAX: usize = 2 * 1024;
/// Days of an `x-obs-expires`: a hundred years, which every form of date can show.
pub const EXPIRES_DAYS_MAX: u32 = 36_500;
/// Days of a default retention (OBS reference: 1 to 36500).
pub const LOCK_DAYS_MAX: u32 = 36_500;
/// Years of one (OBS reference: 1 to 100).
pub const LOCK_YEARS_MAX: u32 = 100;
/// Days of one restore (OBS reference: 1 to 30).
pub const RESTORE_DAYS_MAX: u32 = 30;
/// Bodies up to this size are stored in the metadata commit itself; larger ones go to segment files.
pub const INLINE_BODY_BYTES_MAX: u64 = 64 * KIB;
/// Pieces of one composed body: the parts of the largest upload, and room for copies of parts of such objects.
pub const PIECE_COUNT_MAX: usize = 20_000;
/// Largest number of a part, and so the number of parts of one upload; the smallest is 1.
pub const PART_NUMBER_MAX: u16 = 10_000;
/// Unfinished uploads of a bucket and their parts, together, that end with it in one commit (S3's words). A bucket with
/// more is kept until some are aborted.
pub const BUCKET_UPLOAD_COUNT_MAX: i64 = 20_000;
/// Bytes of one part of an upload: 5 GiB.
pub const PART_BYTES_MAX: u64 = 5 * GIB;
/// Bytes of every part but the last, at least: 100 KiB (OBS reference).
pub const PART_BYTES_MIN: u64 = 100 * KIB;
/// See [`PART_BYTES_MIN`]; of uploads begun in S3 words: 5 MiB.
pub const S3_PART_BYTES_MIN: u64 = 5 * MIB;
/// Bytes of one object, however it came: 48.8 TiB.
pub const OBJECT_BYTES_MAX: u64 = 488 * 1024 * GIB / 10;
/// Bytes of the document that lists the parts of an upload to complete: 10,000 of them, each with room for an ETag, a
/// checksum, and a generous layout.
pub const PART_LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Older versions of a key that are searched for the object of an upload that was completed already.
pub const COMPLETED_SEARCH_COUNT_MAX: usize = 1000;
/// Keys and common prefixes in one page of a listing.
pub const LIST_PAGE_COUNT_MAX: usize = 1000;
/// Buckets one account may own where the settings name no other number (OBS reference: 100).
pub const BUCKETS_PER_ACCOUNT_MAX: usize = 100;
/// The highest such number: an account's buckets are listed in one answer.
pub const BUCKETS_PER_ACCOUNT_SETTING_MAX: usize = 10_000;
/// Buckets in one page of a list of buckets, where the client says how many (S3 reference).
pub const BUCKET_PAGE_COUNT_MAX: usize = 10_000;
/// Largest quota, capacity or object limit, as `?quota` documents it: 2^63 − 1.
pub const QUOTA_BYTES_MAX: u64 = i64::MAX as u64;
/// Storage packs of one account, those that have run out included.
pub const PACKS_PER_ACCOUNT_MAX: usize = 256;
/// Percents of a limit whose crossing is an event, per bucket or account.
pub const SOFT_PERCENT_COUNT_MAX: usize = 8;
/// Large uploads at work at a time; one more waits.
pub const UPLOAD_COUNT_MAX: usize = 256;
/// Bytes of one buffer of a streamed body. An upload holds at most three, a download at most two.
pub const BODY_BUFFER_BYTES: usize = 1024 * 1024;
/// Bytes covered by one stored checksum.
pub const BLOCK_BYTES: u64 = 256 * KIB;

// --- framing ---------------------------------------------------------------------------------------------------

/// Bytes of the line that begins a chunk of an `aws-chunked` body: its size, its signature, its line end.
pub const AWS_CHUNK_HEAD_BYTES_MAX: usize = 1024;
/// Bytes of the trailer of such a body, blanks after it included.
pub const AWS_TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Trailers of such a body, without their signature.
pub const AWS_TRAILER_COUNT_MAX: usize = 8;

// --- forms -----------------------------------------------------------------------------------------------------

/// Bytes of a form before its file, boundaries and headers of parts included, and as many after it; above: 400
/// `MaxPostPreDataLengthExceededError`.
pub const FORM_FIELDS_BYTES_MAX: usize = 20 * 1024;
/// Bytes of a whole form.
pub const FORM_BYTES_MAX: u64 = OBJECT_PUT_BYTES_MAX + 2 * FORM_FIELDS_BYTES_MAX as u64;
/// Fields of a form.
pub const FORM_FIELD_COUNT_MAX: usize = 128;
/// Bytes of the boundary between the parts of a form (RFC 2046, 5.1.1).
pub const FORM_BOUNDARY_BYTES_MAX: usize = 70;

// --- access ----------------------------------------------------------------------------------------------------

/// Rules of one CORS configuration (OBS reference: 100).
pub const CORS_RULE_COUNT_MAX: usize = 100;
/// Characters of a CORS rule's name.
pub const CORS_ID_CHARACTERS_MAX: usize = 255;
/// Characters of one allowed origin.
pub const CORS_ORIGIN_CHARACTERS_MAX: usize = 20_480;
/// Methods or headers that one preflight may ask for.
pub const CORS_ASKED_COUNT_MAX: usize = 100;
/// Grants of one access control list.
pub const GRANT_COUNT_MAX: usize = 100;
/// Bytes of an e-mail address (RFC 5321, 4.5.3.1.3: a path of 256 with its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes of an access control list as XML.
pub const ACL_DOCUMENT_BYTES_MAX: usize = 50 * 1024;
/// Bytes of a bucket's policy.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;
/// Characters compared with wildcards in deciding by one policy; one that takes more denies.
pub const POLICY_STEP_COUNT_MAX: u32 = 2 * 1024 * 1024;
/// Comparisons that all decisions of one transaction may take together; what comes after them is denied. A request may
/// name a thousand keys, and policies are asked about each.
pub const POLICY_BATCH_STEP_COUNT_MAX: u32 = 64 * 1024 * 1024;
/// Policies kept in memory as they were read, of buckets and as many of access keys.
pub const POLICY_CACHE_COUNT_MAX: usize = 512;

/// Bytes of the policy that narrows an access key.
pub const NARROWING_BYTES_MAX: usize = 2048;
/// Life of a temporary access key, in seconds, lower and upper bound: 15 minutes to 24 hours.
pub const TEMPORARY_KEY_SECONDS_MIN: u64 = 15 * 60;
/// See [`TEMPORARY_KEY_SECONDS_MIN`].
pub const TEMPORARY_KEY_SECONDS_MAX: u64 = 24 * 60 * 60;
/// Longest life of a session from `GetSessionToken`, in seconds: 36 hours (AWS reference); the shortest is
/// [`TEMPORARY_KEY_SECONDS_MIN`].
pub const SESSION_SECONDS_MAX: u64 = 36 * 60 * 60;
/// Its life where the request names none: 12 hours (AWS reference).
pub const SESSION_SECONDS: u64 = 12 * 60 * 60;
/// The same for `AssumeRole`: 12 hours, and one.
pub const ROLE_SECONDS_MAX: u64 = 12 * 60 * 60;
/// See [`ROLE_SECONDS_MAX`].
pub const ROLE_SECONDS: u64 = 60 * 60;
/// Temporary access keys of one account, those included that have run out and are still kept; a session beyond is refused.
pub const SESSIONS_PER_ACCOUNT_MAX: u64 = 10_000;
/// Bytes of a call of the token service: a form body.
pub const CALL_BYTES_MAX: usize = URI_BYTES_MAX;
/// Time a temporary access key is kept after it has run out, so that its holder is told so.
pub const EXPIRED_KEY_MILLIS: u64 = 24 * 60 * 60 * 1000;

// --- signing in ------------------------------------------------------------------------------------------------

/// Bytes of a JSON document sent to sign in, refresh or sign out.
pub const SIGN_IN_DOCUMENT_BYTES_MAX: usize = 16 * 1024;
/// Failed sign-ins with one e-mail address in [`SIGN_IN_WINDOW_MILLIS`]; further ones are refused unseen.
pub const SIGN_IN_FAILURES_PER_EMAIL_MAX: u32 = 10;
/// Failed sign-ins from one IPv4 address or IPv6 network (/64) in the same time: many people may share one.
pub const SIGN_IN_FAILURES_PER_PEER_MAX: u32 = 100;
/// Time in which failed sign-ins are counted together.
pub const SIGN_IN_WINDOW_MILLIS: u64 = 10 * 60 * 1000;
/// E-mail addresses, and as many network addresses, whose failures are remembered.
pub const SIGN_IN_WINDOW_COUNT_MAX: usize = 1 << 16;
/// Passwords checked at a time; each takes a thread and 19 MiB, the next one waits.
pub const PASSWORD_CHECK_COUNT_MAX: usize = 4;
/// Characters of a password sent to sign in, at least.
pub const PASSWORD_CHARACTERS_MIN: usize = 4;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Life of an access token. The web client refreshes one that has less than ten minutes left.
pub const ACCESS_TOKEN_SECONDS: u64 = 60 * 60;
/// Life of a refresh token.
pub const REFRESH_TOKEN_SECONDS: u64 = 14 * 24 * 60 * 60;
/// Seconds by which a token may lie ahead of the clock.
pub const TOKEN_SKEW_SECONDS_MAX: u64 = 60;

// --- metadata --------------------------------------------------------------------------------------------------

/// Times a transaction's closure runs again after a conflict before the request is refused with 409.
pub const CONFLICT_RETRY_COUNT_MAX: usize = 64;
/// Commits waiting for the committer; one more waits for room.
pub const COMMIT_QUEUE_COUNT_MAX: usize = 4096;
/// Commits merged into one synced write.
pub const COMMIT_GROUP_COUNT_MAX: usize = 512;
/// Bytes merged into one synced write.
pub const COMMIT_GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows that a verification of the counters reads before it rests.
pub const VERIFY_SLICE_COUNT_MAX: usize = 1024;
/// Keys the committer remembers to see conflicts; a transaction older than the oldest runs again.
pub const CONFLICT_WINDOW_COUNT_MAX: usize = 1 << 18;
/// Counters that the committer keeps in memory, and that readers find there; above, each starts afresh and reads them
/// again as needed.
pub const COUNTER_CACHE_COUNT_MAX: usize = 1 << 16;

// --- soft limits -----------------------------------------------------------------------------------------------

/// How long events are kept, delivered or not: 30 days.
pub const EVENT_AGE_MILLIS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Events or samples in one page of the admin API.
pub const ADMIN_PAGE_COUNT_MAX: usize = 1000;
/// Time one delivery to the webhook may take, from connecting to the end of its answer.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a webhook's answer that are read, and thrown away; a longer answer ends the connection.
pub const WEBHOOK_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Pause after the first failed delivery, in milliseconds; each further one doubles it.
pub const WEBHOOK_PAUSE_MILLIS_MIN: u64 = 1000;
/// Longest pause between two deliveries of an event, in milliseconds.
pub const WEBHOOK_PAUSE_MILLIS_MAX: u64 = 5 * 60 * 1000;

const _: () = assert!(TEMPORARY_KEY_SECONDS_MIN < TEMPORARY_KEY_SECONDS_MAX);
const _: () = assert!(TEMPORARY_KEY_SECONDS_MIN < ROLE_SECONDS && ROLE_SECONDS < ROLE_SECONDS_MAX);
const _: () = assert!(TEMPORARY_KEY_SECONDS_MIN < SESSION_SECONDS && SESSION_SECONDS < SESSION_SECONDS_MAX);
const _: () = assert!(3 * NARROWING_BYTES_MAX < CALL_BYTES_MAX);
const _: () = assert!(NARROWING_BYTES_MAX < ADMIN_DOCUMENT_BYTES_MAX);
const _: () = assert!(WEBHOOK_PAUSE_MILLIS_MIN <= WEBHOOK_PAUSE_MILLIS_MAX);
const _: () = assert!(PART_LIST_BYTES_MAX <= XML_BYTES_MAX);
// A part has its number, its ETag, and at most one checksum.
const _: () = assert!(4 * PART_NUMBER_MAX as usize + 1 < XML_ELEMENT_COUNT_MAX);
const _: () = assert!(PART_NUMBER_MAX as usize <= PIECE_COUNT_MAX);
const _: () = assert!((PART_NUMBER_MAX as i64) < BUCKET_UPLOAD_COUNT_MAX);
const _: () = assert!(CORS_DOCUMENT_BYTES_MAX < XML_BYTES_MAX);
const _: () = assert!(BUCKETS_PER_ACCOUNT_MAX <= BUCKETS_PER_ACCOUNT_SETTING_MAX);
const _: () = assert!(DELETE_COUNT_MAX * 3 * KEY_BYTES_MAX < DELETE_DOCUMENT_BYTES_MAX);
const _: () = assert!(4 * DELETE_COUNT_MAX < XML_ELEMENT_COUNT_MAX);
const _: () = assert!(DOCUMENT_BYTES_MAX < HEAD_BYTES_MAX * 4);
const _: () = assert!(URI_BYTES_MAX < HEAD_BYTES_MAX);
const _: () = assert!(METADATA_BYTES_MAX < HEAD_BYTES_MAX);
const _: () = assert!(KEY_BYTES_MAX * 3 < URI_BYTES_MAX);
const _: () = assert!(INLINE_BODY_BYTES_MAX < COMMIT_GROUP_BYTES_MAX as u64);
const _: () = assert!(DIRECTORY_RENAME_COUNT_MAX <= LIST_PAGE_COUNT_MAX);
const _: () = assert!((APPEND_COUNT_MAX as usize) < PIECE_COUNT_MAX);
const _: () = assert!((BODY_BUFFER_BYTES as u64).is_multiple_of(BLOCK_BYTES));
const _: () = assert!(ACCESS_TOKEN_SECONDS > 600 && ACCESS_TOKEN_SECONDS < REFRESH_TOKEN_SECONDS);
const _: () = assert!(SIGN_IN_FAILURES_PER_EMAIL_MAX <= SIGN_IN_FAILURES_PER_PEER_MAX);
const _: () = assert!(COMMIT_GROUP_COUNT_MAX <= COMMIT_QUEUE_COUNT_MAX);
