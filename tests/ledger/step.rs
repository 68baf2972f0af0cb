//! What a random history is made of. Steps name small things relatively (the owner, the room that is left), so that
//! a shorter history still means the same.

use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const ACCOUNTS: [&str; 3] = ["anna", "berta", "carla"];
pub(crate) const BUCKETS: [&str; 4] = ["red", "red-1", "green", "blue.sky"];
pub(crate) const KEYS: [&str; 6] = ["a", "a/b", "a/b/c", "a0", "z é/ü", "zz"];

/// Bodies above this size lie in segments.
const INLINE_BYTES_MAX: u64 = 64 * 1024;

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
    },
    Get {
        who: Who,
        bucket: &'static str,
        key: &'static str,
    },
    List {
        who: Who,
        bucket: &'static str,
        prefix: &'static str,
        marker: &'static str,
        delimited: bool,
        max_keys: usize,
    },
    /// Time passes.
    Wait(u64),
    /// The gateway stops and starts again.
    Reopen,
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

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![9 => Just(Who::Owner), 1 => (0..ACCOUNTS.len()).prop_map(Who::Account)]
}

/// Mostly the first, so that histories meet.
fn bucket() -> impl Strategy<Value = &'static str> {
    prop_oneof![7 => Just(BUCKETS[0]), 2 => Just(BUCKETS[1]), 1 => select(&BUCKETS[..])]
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
    let what = (who(), bucket(), select(&KEYS[..]), size(is_large), condition(), framing());
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

/// A step of a history of mostly small bodies, or of large ones.
pub(crate) fn step(is_large: bool) -> impl Strategy<Value = Step> {
    let whose = || (who(), bucket());
    let object = || (who(), bucket(), select(&KEYS[..]));
    let span = if is_large { 500_000 } else { 400 };
    prop_oneof![
        5 => whose().prop_map(|(who, bucket)| Step::CreateBucket { who, bucket }),
        3 => whose().prop_map(|(who, bucket)| Step::DeleteBucket { who, bucket }),
        6 => (whose(), quota(span)).prop_map(|((who, bucket), quota)| Step::SetQuota { who, bucket, quota }),
        15 => put(is_large),
        6 => object().prop_map(|(who, bucket, key)| Step::Delete { who, bucket, key }),
        2 => object().prop_map(|(who, bucket, key)| Step::Get { who, bucket, key }),
        3 => list(),
        1 => (1_u64..5000).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
    ]
}
