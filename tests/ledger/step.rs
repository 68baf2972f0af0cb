//! What a random history is made of. Steps name small things relatively (the owner, the room that is left, the n-th
//! version), so that a shorter history still means the same.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::{Flaw, INLINE_BYTES_MAX, Versioning};

pub(crate) const ACCOUNTS: [&str; 3] = ["anna", "berta", "carla"];
/// The first and the fourth are one account's, and so copied between, and so are the second and the last.
pub(crate) const BUCKETS: [&str; 5] = ["red", "red-1", "blue.sky", FILES, LOCKED];
/// The one that is a parallel file system.
pub(crate) const FILES: &str = "green";
/// The one that has object lock.
pub(crate) const LOCKED: &str = "grey";
pub(crate) const KEYS: [&str; 7] = ["a", "a/", "a/b", "a/b/c", "a0", "z é/ü", "zz"];
/// Where renaming leads, and what else there is to rename then.
const NAMES: [&str; 9] = ["a", "a/", "a/b", "a/b/", "a0", "d/", "d/b", "e/f/", "zz"];

/// One request, or something that happens beside requests.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    CreateBucket {
        who: Who,
        bucket: &'static str,
    },
    DeleteBucket {
        who: Who,
        bucket: &'static str,
    },
    SetQuota {
        who: Who,
        bucket: &'static str,
        quota: Quota,
    },
    SetVersioning {
        who: Who,
        bucket: &'static str,
        versioning: Versioning,
    },
    /// By whoever runs the gateway; what may be had beside what there is, `None` for all.
    LimitObjects {
        bucket: &'static str,
        more: Option<u64>,
    },
    /// The capacity of an account, in the same way.
    LimitAccount {
        account: usize,
        bytes: Option<u64>,
        objects: Option<u64>,
    },
    Put {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        size: Size,
        condition: Condition,
        framing: Framing,
    },
    Delete {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        version: Which,
    },
    DeleteMany {
        who: Who,
        bucket: &'static str,
        items: Vec<(&'static str, Which)>,
    },
    Get {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        version: Which,
    },
    Copy {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        source: Source,
        is_replacing: bool,
    },
    Begin {
        who: Who,
        bucket: &'static str,
        key: &'static str,
    },
    PutPart {
        who: Who,
        bucket: &'static str,
        upload: usize,
        number: u16,
        size: Size,
        framing: Framing,
    },
    /// Without a range, or from so many percent of the source to so many; bytes above that are past its end.
    CopyPart {
        who: Who,
        bucket: &'static str,
        upload: usize,
        number: u16,
        source: Source,
        range: Option<(u64, u64)>,
    },
    /// Of the parts whose bits are set.
    Complete {
        who: Who,
        bucket: &'static str,
        upload: usize,
        chosen: u8,
        flaw: Flaw,
    },
    Abort {
        who: Who,
        bucket: &'static str,
        upload: usize,
    },
    Append {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        at: At,
        size: Size,
        framing: Framing,
    },
    Modify {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        at: At,
        size: Size,
        framing: Framing,
    },
    Truncate {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        at: At,
    },
    Rename {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        name: &'static str,
    },
    /// The version is to stay for so many milliseconds from now.
    Retain {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        version: Which,
        millis: u64,
    },
    Hold {
        who: Who,
        bucket: &'static str,
        key: &'static str,
        version: Which,
        is_on: bool,
    },
    /// The default retention of new versions; 0 days are none.
    SetDefault {
        who: Who,
        bucket: &'static str,
        days: u64,
    },
    List {
        who: Who,
        bucket: &'static str,
        prefix: &'static str,
        marker: &'static str,
        delimited: bool,
        max_keys: usize,
    },
    /// A request in S3's words, under a condition where it has none of its own.
    InS3 {
        step: Box<Step>,
        condition: Condition,
    },
    /// Time passes.
    Wait(u64),
    /// The gateway stops and starts again.
    Reopen,
}

/// An object somewhere, in one of its versions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) bucket: &'static str,
    pub(crate) key: &'static str,
    pub(crate) version: Which,
}

/// Of a key's versions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// None is named.
    Newest,
    /// The n-th newest; one that never was where there are fewer.
    Nth(usize),
    Null,
}

/// A place in an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// So many percent of its length.
    Percent(u64),
    /// So many bytes past its end.
    Past(u64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// Whoever owns the bucket; somebody where there is none.
    Owner,
    Account(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Quota {
    /// No limit.
    Zero,
    /// What is used, and so many bytes: below zero, nothing more fits.
    Used(i64),
    /// 2^63 and so many: above the largest there is from zero on.
    Largest(i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    Bytes(u64),
    /// What still fits, and so many bytes.
    Room(i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match` with the object's tag.
    Same,
    /// `If-Match` with a tag nothing has.
    Stale,
    /// `If-None-Match` with the object's tag.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Announced,
    Unannounced,
    /// With a `Content-MD5` of other bytes.
    WrongDigest,
}

impl Step {
    /// Whether S3 has words for it.
    fn is_of_s3(&self) -> bool {
        matches!(
            self,
            Self::DeleteBucket { .. }
                | Self::SetQuota { .. }
                | Self::SetVersioning { .. }
                | Self::Put { .. }
                | Self::Delete { .. }
                | Self::DeleteMany { .. }
                | Self::Get { .. }
                | Self::Copy { .. }
                | Self::Begin { .. }
                | Self::PutPart { .. }
                | Self::CopyPart { .. }
                | Self::Complete { .. }
                | Self::Abort { .. }
                | Self::Retain { .. }
                | Self::Hold { .. }
                | Self::SetDefault { .. }
        )
    }
}

/// As often in OBS's words as in S3's, if these have it.
fn in_either_words(step: impl Strategy<Value = Step>) -> impl Strategy<Value = Step> {
    (step, option::of(condition())).prop_map(|(step, condition)| match condition {
        Some(condition) if step.is_of_s3() => Step::InS3 { step: Box::new(step), condition },
        _ => step,
    })
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![9 => Just(Who::Owner), 1 => (0..ACCOUNTS.len()).prop_map(Who::Account)]
}

/// Mostly the first, so that histories meet.
fn bucket() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(BUCKETS[0]), 1 => Just(BUCKETS[1]), 3 => Just(FILES), 1 => select(&BUCKETS[..])]
}

/// Mostly the same few, so that they have histories.
fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("a"), 3 => Just("zz"), 2 => Just("a/b"), 3 => select(&KEYS[..])]
}

fn quota(span: i64) -> impl Strategy<Value = Quota> {
    prop_oneof![
        2 => Just(Quota::Zero),
        6 => (0..=span).prop_map(Quota::Used),
        1 => Just(Quota::Used(0)),
        1 => (-9_i64..0).prop_map(Quota::Used),
        1 => (-2_i64..2).prop_map(Quota::Largest),
    ]
}

fn size(is_large: bool) -> impl Strategy<Value = Size> {
    let edge = prop_oneof![INLINE_BYTES_MAX - 1..=INLINE_BYTES_MAX + 2, Just(600_000)];
    let (small, large) = if is_large { (2, 3) } else { (6, 1) };
    prop_oneof![
        small => prop_oneof![Just(0), Just(1), 2_u64..300].prop_map(Size::Bytes),
        large => edge.prop_map(Size::Bytes),
        4 => (-1_i64..=1).prop_map(Size::Room),
        2 => Just(Size::Room(0)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    use Condition::{Absent, None, Other, Present, Same, Stale};
    prop_oneof![6 => Just(None), 4 => select(vec![Absent, Present, Same, Stale, Other])]
}

fn framing() -> impl Strategy<Value = Framing> {
    use Framing::{Announced, Unannounced, WrongDigest};
    prop_oneof![6 => Just(Announced), 2 => Just(Unannounced), 1 => Just(WrongDigest)]
}

fn put(is_large: bool) -> impl Strategy<Value = Step> {
    let what = (who(), bucket(), key(), size(is_large), condition(), framing());
    what.prop_map(|(who, bucket, key, size, condition, framing)| Step::Put {
        who,
        bucket,
        key,
        size,
        condition,
        framing,
    })
}

fn list() -> impl Strategy<Value = Step> {
    let what = (
        who(),
        bucket(),
        select(vec!["", "a", "a/", "z", "nothing"]),
        select(vec!["", "a", "a/", "a/b", "a/b/", "b", "zzz"]),
        any::<bool>(),
        1_usize..8,
    );
    what.prop_map(|(who, bucket, prefix, marker, delimited, max_keys)| Step::List {
        who,
        bucket,
        prefix,
        marker,
        delimited,
        max_keys,
    })
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![3 => Just(Which::Newest), 4 => (0_usize..4).prop_map(Which::Nth), 1 => Just(Which::Null)]
}

fn source() -> impl Strategy<Value = Source> {
    let what = (bucket(), key(), which());
    what.prop_map(|(bucket, key, version)| Source { bucket, key, version })
}

fn at(span: u64) -> impl Strategy<Value = At> {
    prop_oneof![
        3 => select(vec![0, 30, 99, 100]).prop_map(At::Percent),
        2 => Just(At::Percent(100)),
        1 => (0..span).prop_map(At::Past),
    ]
}

/// Often as many as a part has at least.
fn part_size(is_large: bool) -> impl Strategy<Value = Size> {
    prop_oneof![3 => size(is_large), 3 => (102_399_u64..102_402).prop_map(Size::Bytes)]
}

fn versioning() -> impl Strategy<Value = Versioning> {
    prop_oneof![2 => Just(Versioning::Enabled), 1 => Just(Versioning::Suspended)]
}

fn limits() -> impl Strategy<Value = Step> {
    let more = |span: u64| prop_oneof![1 => Just(None), 2 => (0..span).prop_map(Some)];
    prop_oneof![
        (bucket(), more(6)).prop_map(|(bucket, more)| Step::LimitObjects { bucket, more }),
        (0..ACCOUNTS.len(), more(500_000), more(8))
            .prop_map(|(account, bytes, objects)| { Step::LimitAccount { account, bytes, objects } }),
    ]
}

fn upload(is_large: bool) -> impl Strategy<Value = Step> {
    let whose = || (who(), bucket(), 0_usize..4);
    let numbers = || select(vec![1_u16, 2, 3, 10_000]);
    let flaw = || prop_oneof![6 => Just(Flaw::None), 1 => Just(Flaw::Tag), 1 => Just(Flaw::Number)];
    let chosen = prop_oneof![3 => Just(u8::MAX), 1 => any::<u8>()];
    let ends = || select(vec![0_u64, 1, 50, 99, 100, 101]);
    prop_oneof![
        4 => (who(), bucket(), key()).prop_map(|(who, bucket, key)| Step::Begin { who, bucket, key }),
        8 => (whose(), numbers(), part_size(is_large), framing()).prop_map(
            |((who, bucket, upload), number, size, framing)| Step::PutPart { who, bucket, upload, number, size, framing }
        ),
        4 => (whose(), numbers(), source(), option::of((ends(), ends()))).prop_map(
            |((who, bucket, upload), number, source, range)| Step::CopyPart { who, bucket, upload, number, source, range }
        ),
        5 => (whose(), chosen, flaw()).prop_map(|((who, bucket, upload), chosen, flaw)| {
            Step::Complete { who, bucket, upload, chosen, flaw }
        }),
        1 => whose().prop_map(|(who, bucket, upload)| Step::Abort { who, bucket, upload }),
    ]
}

fn edit(is_large: bool) -> impl Strategy<Value = Step> {
    let object = || (who(), bucket(), key());
    let file = || (who(), prop_oneof![9 => Just(FILES), 1 => bucket()], key());
    let span = if is_large { 300_000 } else { 400 };
    let what = move || (at(span), size(is_large), framing());
    prop_oneof![
        5 => (object(), what()).prop_map(|((who, bucket, key), (at, size, framing))| {
            Step::Append { who, bucket, key, at, size, framing }
        }),
        5 => (file(), what()).prop_map(|((who, bucket, key), (at, size, framing))| {
            Step::Modify { who, bucket, key, at, size, framing }
        }),
        3 => (file(), at(span)).prop_map(|((who, bucket, key), at)| Step::Truncate { who, bucket, key, at }),
        3 => (file(), select(&NAMES[..]), select(&NAMES[..])).prop_map(|((who, bucket, _), key, name)| {
            Step::Rename { who, bucket, key, name }
        }),
    ]
}

fn delete() -> impl Strategy<Value = Step> {
    let object = (who(), bucket(), key(), which());
    let many = (who(), bucket(), vec((key(), which()), 1..6));
    prop_oneof![
        3 => object.prop_map(|(who, bucket, key, version)| Step::Delete { who, bucket, key, version }),
        1 => many.prop_map(|(who, bucket, items)| Step::DeleteMany { who, bucket, items }),
    ]
}

fn copy() -> impl Strategy<Value = Step> {
    let what = (who(), bucket(), key(), source(), any::<bool>(), any::<bool>());
    what.prop_map(|(who, bucket, key, source, is_replacing, is_itself)| {
        let source = if is_itself { Source { bucket, key, ..source } } else { source };
        Step::Copy { who, bucket, key, source, is_replacing }
    })
}

/// A step of a history of mostly small bodies, or of large ones.
pub(crate) fn step(is_large: bool) -> impl Strategy<Value = Step> {
    in_either_words(plain_step(is_large))
}

fn plain_step(is_large: bool) -> impl Strategy<Value = Step> {
    let whose = || (who(), bucket());
    let span = if is_large { 500_000 } else { 400 };
    prop_oneof![
        3 => whose().prop_map(|(who, bucket)| Step::CreateBucket { who, bucket }),
        2 => whose().prop_map(|(who, bucket)| Step::DeleteBucket { who, bucket }),
        5 => (whose(), quota(span)).prop_map(|((who, bucket), quota)| Step::SetQuota { who, bucket, quota }),
        3 => (whose(), versioning()).prop_map(|((who, bucket), versioning)| {
            Step::SetVersioning { who, bucket, versioning }
        }),
        2 => limits(),
        12 => put(is_large),
        8 => delete(),
        7 => copy(),
        12 => upload(is_large),
        10 => edit(is_large),
        3 => lock(),
        2 => (whose(), key(), which()).prop_map(|((who, bucket), key, version)| {
            Step::Get { who, bucket, key, version }
        }),
        2 => list(),
        1 => (1_u64..5000).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}

fn lock() -> impl Strategy<Value = Step> {
    let object = || (who(), prop_oneof![9 => Just(LOCKED), 1 => bucket()], key(), which());
    prop_oneof![
        3 => (object(), 0_u64..5000).prop_map(|((who, bucket, key, version), millis)| {
            Step::Retain { who, bucket, key, version, millis }
        }),
        2 => (object(), any::<bool>()).prop_map(|((who, bucket, key, version), is_on)| {
            Step::Hold { who, bucket, key, version, is_on }
        }),
        1 => (object(), 0_u64..2).prop_map(|((who, bucket, ..), days)| Step::SetDefault { who, bucket, days }),
    ]
}

/// A step of a history of two keys in the bucket with object lock, while its retentions begin and end.
pub(crate) fn step_of_locks() -> impl Strategy<Value = Step> {
    in_either_words(plain_step_of_locks())
}

fn plain_step_of_locks() -> impl Strategy<Value = Step> {
    let (who, bucket) = (Who::Owner, LOCKED);
    let key = || select(vec!["a", "zz"]);
    let (size, condition, framing) = (Size::Bytes(3), Condition::None, Framing::Announced);
    let source = move || (key(), which()).prop_map(move |(key, version)| Source { bucket, key, version });
    prop_oneof![
        4 => key().prop_map(move |key| Step::Put { who, bucket, key, size, condition, framing }),
        6 => (key(), which()).prop_map(move |(key, version)| Step::Delete { who, bucket, key, version }),
        2 => vec((key(), which()), 1..6).prop_map(move |items| Step::DeleteMany { who, bucket, items }),
        1 => (key(), source()).prop_map(move |(key, source)| {
            Step::Copy { who, bucket, key, source, is_replacing: true }
        }),
        1 => key().prop_map(move |key| Step::Append { who, bucket, key, at: At::Percent(100), size, framing }),
        1 => versioning().prop_map(move |versioning| Step::SetVersioning { who, bucket, versioning }),
        6 => (key(), which(), 0_u64..5000).prop_map(move |(key, version, millis)| {
            Step::Retain { who, bucket, key, version, millis }
        }),
        3 => (key(), which(), any::<bool>()).prop_map(move |(key, version, is_on)| {
            Step::Hold { who, bucket, key, version, is_on }
        }),
        1 => (0_u64..2).prop_map(move |days| Step::SetDefault { who, bucket, days }),
        3 => prop_oneof![3 => 1_u64..3000, 1 => Just(24 * 60 * 60 * 1000)].prop_map(Step::Wait),
        1 => Just(Step::DeleteBucket { who, bucket }),
        1 => Just(Step::CreateBucket { who, bucket }),
        1 => Just(Step::Reopen),
    ]
}

/// A step of a history of few versions of two keys in one bucket, near its limit.
pub(crate) fn step_of_versions() -> impl Strategy<Value = Step> {
    in_either_words(plain_step_of_versions())
}

fn plain_step_of_versions() -> impl Strategy<Value = Step> {
    let (who, bucket) = (Who::Owner, BUCKETS[0]);
    let key = || select(vec!["a", "zz"]);
    let small = || prop_oneof![1 => (1_u64..9).prop_map(Size::Bytes), 1 => (-1_i64..=1).prop_map(Size::Room)];
    let (condition, framing) = (Condition::None, Framing::Announced);
    let source = move || (key(), which()).prop_map(move |(key, version)| Source { bucket, key, version });
    prop_oneof![
        4 => versioning().prop_map(move |versioning| Step::SetVersioning { who, bucket, versioning }),
        3 => (0..3_i64).prop_map(move |more| Step::SetQuota { who, bucket, quota: Quota::Used(more) }),
        1 => Just(Step::SetQuota { who, bucket, quota: Quota::Zero }),
        1 => option::of(0..2_u64).prop_map(move |more| Step::LimitObjects { bucket, more }),
        8 => (key(), small()).prop_map(move |(key, size)| Step::Put { who, bucket, key, size, condition, framing }),
        4 => (key(), which()).prop_map(move |(key, version)| Step::Delete { who, bucket, key, version }),
        3 => (key(), source()).prop_map(move |(key, source)| {
            Step::Copy { who, bucket, key, source, is_replacing: true }
        }),
        3 => (key(), small()).prop_map(move |(key, size)| {
            Step::Append { who, bucket, key, at: At::Percent(100), size, framing }
        }),
    ]
}
