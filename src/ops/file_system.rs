//! What sets parallel file systems apart from other buckets, in one place: which operations only they have, which they
//! lack, and what their files may be called (OBS documentation, "Parallel File System", "Constraints").

use hyper::Method;

use super::op::{BodyRule, Op, Pick, Scope};
use crate::access::Action;
use crate::error::{Code, Result};
use crate::meta::{Bucket, Tx};
use crate::name::ObjectKey;
use crate::wire::Head;

/// Sub-resources of objects that only file systems have.
const THEIRS: [&str; 3] = ["modify", "rename", "truncate"];

/// Sub-resources that file systems lack. Buckets have tags there, objects have none.
const LACKING: [(Scope, &str); 15] = [
    (Scope::Bucket, "cors"),
    (Scope::Bucket, "encryption"),
    (Scope::Bucket, "inventory"),
    (Scope::Bucket, "object-lock"),
    (Scope::Bucket, "replication"),
    (Scope::Bucket, "storageClass"),
    (Scope::Bucket, "storagePolicy"),
    (Scope::Bucket, "versioning"),
    (Scope::Bucket, "versions"),
    (Scope::Bucket, "website"),
    (Scope::Object, "append"),
    (Scope::Object, "legal-hold"),
    (Scope::Object, "restore"),
    (Scope::Object, "retention"),
    (Scope::Object, "tagging"),
];

/// Whether the bucket is of a kind that has the operation, and the request names what its kind can have.
///
/// 405 `MethodNotAllowed` for what only file systems have, 405 `FsNotSupport` for what they lack; 400 `InvalidArgument`
/// for a name or a delimiter that they cannot have.
pub fn check_bucket_kind(op: &Op, head: &Head, bucket: &Bucket) -> Result<()> {
    let is_picked = |name: &str| op.picks.iter().any(|pick| matches!(pick, Pick::Query(pick) if *pick == name));
    if !bucket.is_file_system {
        let is_theirs = op.scope == Scope::Object && THEIRS.into_iter().any(is_picked);
        return if is_theirs { Err(Code::MethodNotAllowed.into()) } else { Ok(()) };
    }
    if op.verb == Method::OPTIONS || LACKING.iter().any(|(scope, name)| *scope == op.scope && is_picked(name)) {
        return Err(Code::FsNotSupport.into());
    }
    if op.action == Action::ListBucket && !matches!(head.query.get("delimiter"), None | Some("" | "/")) {
        return Err(Code::InvalidArgument.because("The delimiter of a parallel file system is /."));
    }
    match &head.target.key {
        Some(key) if op.body == BodyRule::Form && is_directory(key) => {
            Err(Code::FsNotSupport.because("A form makes files, not directories."))
        }
        Some(key) if op.action == Action::PutObject => check_name(key),
        _ => Ok(()),
    }
}

/// Refuses what no file or directory can be called: 400 `InvalidArgument`. For keys that are not part of the address.
pub(super) fn check_name(key: &ObjectKey) -> Result<()> {
    let path = key.as_str();
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err(Code::InvalidArgument.because("In a parallel file system no part of a name is empty, . or .. ."));
    }
    Ok(())
}

/// Refuses to delete a directory under which something lies: 409 `DirectoryNotEmpty`.
pub(super) fn check_deletable(tx: &mut Tx<'_>, bucket: &Bucket, key: &ObjectKey) -> Result<()> {
    let is_directory = bucket.is_file_system && is_directory(key);
    if is_directory && tx.has_children(bucket.id, key.as_str())? {
        return Err(Code::DirectoryNotEmpty.into());
    }
    Ok(())
}

/// Whether a key of a file system is a directory's.
pub(super) fn is_directory(key: &ObjectKey) -> bool {
    key.as_str().ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, is_name: bool) {
        assert_eq!(check_name(&ObjectKey::parse(name).unwrap()).is_ok(), is_name, "{name}");
    }

    #[test]
    fn names_of_files_and_directories() {
        for name in ["a", "a/", "a/b", "a/b/", "...", ".a", "a..", "a/.b/c.", " ", "é/ü"] {
            check(name, true);
        }
        for name in ["/", "//", "/a", "a//", "a//b", ".", "..", "./", "a/.", "a/../b", "../a", "a/./b", "a/b/.."] {
            check(name, false);
        }
    }
}
