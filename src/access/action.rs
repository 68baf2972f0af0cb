//! What operations do, by the documented names of their permissions (OBS reference, "Permissions"; S3 has the same names
//! with `s3:` before them, but for a few): what a policy calls them, and which grants of access control lists give them.

use crate::acl::Permission;

/// Which grants of access control lists give a permission, beside ownership and policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lists {
    /// None.
    Nothing,
    /// This one of the bucket's list.
    Bucket(Permission),
    /// This one of the object's own list, or of the bucket's where it is delivered to objects. Such an operation
    /// asks [`Permit::check_object`](super::Permit::check_object) about each object it found.
    Object(Permission),
}

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An account's buckets together.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

macro_rules! actions {
    ($($action:ident $name:literal $level:ident $lists:expr $(, s3 $other:literal)*;)*) => {
        /// What an operation does, by the documented name of its permission.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            /// Anyone may, and no policy names it: the SDKs' protocol probe.
            Probe,
            /// Likewise, and no signature is looked at: a browser's question before a request of another origin.
            Preflight,
            /// Any account may, with any key, and no policy names it: a call of the token service. What its keys may ask of
            /// it, the service says itself.
            TokenService,
            /// Each key of the request is asked about by itself, by `DeleteObject`. Where neither a policy nor a
            /// narrowed key tells keys apart, it is refused as that is.
            DeleteObjects,
            $(#[doc = concat!("`", $name, "`.")] $action,)*
        }

        impl Action {
            /// Every action that a policy can name.
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// The documented name; policies compare it without letter case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    Self::Probe => "Probe",
                    Self::Preflight => "Preflight",
                    Self::TokenService => "TokenService",
                    Self::DeleteObjects => "DeleteObject",
                    $(Self::$action => $name,)*
                }
            }

            /// Further names that S3 has for it, after `s3:`.
            #[must_use]
            pub fn s3_names(self) -> &'static [&'static str] {
                match self {
                    Self::Probe | Self::Preflight | Self::TokenService | Self::DeleteObjects => &[],
                    $(Self::$action => &[$($other,)*],)*
                }
            }

            /// What it is about.
            #[must_use]
            pub fn level(self) -> Level {
                match self {
                    Self::Probe | Self::Preflight | Self::TokenService => Level::Service,
                    Self::DeleteObjects => Level::Bucket,
                    $(Self::$action => Level::$level,)*
                }
            }

            /// Which grants give it.
            #[must_use]
            pub fn lists(self) -> Lists {
                use Lists::{Bucket, Nothing, Object};
                use Permission::{Read, ReadAcp, Write, WriteAcp};
                match self {
                    Self::Probe | Self::Preflight | Self::TokenService | Self::DeleteObjects => Nothing,
                    $(Self::$action => $lists,)*
                }
            }
        }
    };
}

actions! {
    // --- the service ---
    ListAllMyBuckets "ListAllMyBuckets" Service Nothing;

    // --- buckets ---
    CreateBucket "CreateBucket" Bucket Nothing;
    HeadBucket "HeadBucket" Bucket Bucket(Read), s3 "ListBucket";
    DeleteBucket "DeleteBucket" Bucket Nothing;
    ListBucket "ListBucket" Bucket Bucket(Read);
    ListBucketVersions "ListBucketVersions" Bucket Bucket(Read);
    ListBucketMultipartUploads "ListBucketMultipartUploads" Bucket Bucket(Read);
    GetBucketLocation "GetBucketLocation" Bucket Nothing;
    GetBucketQuota "GetBucketQuota" Bucket Nothing;
    PutBucketQuota "PutBucketQuota" Bucket Nothing;
    GetBucketStorage "GetBucketStorage" Bucket Nothing;
    GetBucketAcl "GetBucketAcl" Bucket Bucket(ReadAcp);
    PutBucketAcl "PutBucketAcl" Bucket Bucket(WriteAcp);
    GetBucketPolicy "GetBucketPolicy" Bucket Nothing;
    PutBucketPolicy "PutBucketPolicy" Bucket Nothing;
    DeleteBucketPolicy "DeleteBucketPolicy" Bucket Nothing;
    GetBucketPolicyPublicStatus "GetBucketPolicyPublicStatus" Bucket Nothing, s3 "GetBucketPolicyStatus";
    GetBucketPublicStatus "GetBucketPublicStatus" Bucket Nothing, s3 "GetBucketPolicyStatus";
    GetLifecycleConfiguration "GetLifecycleConfiguration" Bucket Nothing;
    PutLifecycleConfiguration "PutLifecycleConfiguration" Bucket Nothing;
    GetBucketVersioning "GetBucketVersioning" Bucket Nothing;
    PutBucketVersioning "PutBucketVersioning" Bucket Nothing;
    GetBucketStoragePolicy "GetBucketStoragePolicy" Bucket Nothing;
    PutBucketStoragePolicy "PutBucketStoragePolicy" Bucket Nothing;
    GetBucketTagging "GetBucketTagging" Bucket Nothing;
    PutBucketTagging "PutBucketTagging" Bucket Nothing;
    DeleteBucketTagging "DeleteBucketTagging" Bucket Nothing, s3 "PutBucketTagging";
    GetBucketCors "GetBucketCORS" Bucket Nothing;
    PutBucketCors "PutBucketCORS" Bucket Nothing;
    GetBucketWebsite "GetBucketWebsite" Bucket Nothing;
    PutBucketWebsite "PutBucketWebsite" Bucket Nothing;
    DeleteBucketWebsite "DeleteBucketWebsite" Bucket Nothing;
    GetBucketLogging "GetBucketLogging" Bucket Nothing;
    PutBucketLogging "PutBucketLogging" Bucket Nothing;
    GetBucketNotification "GetBucketNotification" Bucket Nothing;
    PutBucketNotification "PutBucketNotification" Bucket Nothing;
    GetEncryptionConfiguration "GetEncryptionConfiguration" Bucket Nothing;
    PutEncryptionConfiguration "PutEncryptionConfiguration" Bucket Nothing;
    GetBucketInventoryConfiguration "GetBucketInventoryConfiguration" Bucket Nothing, s3 "GetInventoryConfiguration";
    PutBucketInventoryConfiguration "PutBucketInventoryConfiguration" Bucket Nothing, s3 "PutInventoryConfiguration";
    DeleteBucketInventoryConfiguration "DeleteBucketInventoryConfiguration" Bucket Nothing, s3 "PutInventoryConfiguration";
    GetReplicationConfiguration "GetReplicationConfiguration" Bucket Nothing;
    PutReplicationConfiguration "PutReplicationConfiguration" Bucket Nothing;
    DeleteReplicationConfiguration "DeleteReplicationConfiguration" Bucket Nothing, s3 "PutReplicationConfiguration";
    GetBucketCustomDomainConfiguration "GetBucketCustomDomainConfiguration" Bucket Nothing;
    PutBucketCustomDomainConfiguration "PutBucketCustomDomainConfiguration" Bucket Nothing;
    DeleteBucketCustomDomainConfiguration "DeleteBucketCustomDomainConfiguration" Bucket Nothing;
    GetBucketRequestPayment "GetBucketRequestPayment" Bucket Nothing;
    PutBucketRequestPayment "PutBucketRequestPayment" Bucket Nothing;
    GetBucketObjectLockConfiguration "GetBucketObjectLockConfiguration" Bucket Nothing;
    PutBucketObjectLockConfiguration "PutBucketObjectLockConfiguration" Bucket Nothing;
    GetBucketOwnershipControls "GetBucketOwnershipControls" Bucket Nothing;
    PutBucketOwnershipControls "PutBucketOwnershipControls" Bucket Nothing;
    DeleteBucketOwnershipControls "DeleteBucketOwnershipControls" Bucket Nothing, s3 "PutBucketOwnershipControls";
    GetBucketPublicAccessBlock "GetBucketPublicAccessBlock" Bucket Nothing;
    PutBucketPublicAccessBlock "PutBucketPublicAccessBlock" Bucket Nothing;
    DeleteBucketPublicAccessBlock "DeleteBucketPublicAccessBlock" Bucket Nothing, s3 "PutBucketPublicAccessBlock";

    // --- objects ---
    GetObject "GetObject" Object Object(Read);
    GetObjectVersion "GetObjectVersion" Object Object(Read);
    GetObjectAttributes "GetObjectAttributes" Object Object(Read);
    GetObjectVersionAttributes "GetObjectVersionAttributes" Object Object(Read);
    PutObject "PutObject" Object Bucket(Write);
    DeleteObject "DeleteObject" Object Bucket(Write);
    DeleteObjectVersion "DeleteObjectVersion" Object Bucket(Write);
    GetObjectAcl "GetObjectAcl" Object Object(ReadAcp);
    GetObjectVersionAcl "GetObjectVersionAcl" Object Object(ReadAcp);
    PutObjectAcl "PutObjectAcl" Object Object(WriteAcp);
    PutObjectVersionAcl "PutObjectVersionAcl" Object Object(WriteAcp);
    ModifyObjectMetaData "ModifyObjectMetaData" Object Nothing;
    RestoreObject "RestoreObject" Object Nothing;
    ListMultipartUploadParts "ListMultipartUploadParts" Object Bucket(Write);
    AbortMultipartUpload "AbortMultipartUpload" Object Bucket(Write);
    GetObjectRetention "GetObjectRetention" Object Nothing;
    PutObjectRetention "PutObjectRetention" Object Nothing;
    BypassGovernanceRetention "BypassGovernanceRetention" Object Nothing;
    GetObjectLegalHold "GetObjectLegalHold" Object Nothing;
    PutObjectLegalHold "PutObjectLegalHold" Object Nothing;
    GetObjectTagging "GetObjectTagging" Object Nothing;
    PutObjectTagging "PutObjectTagging" Object Nothing;
    DeleteObjectTagging "DeleteObjectTagging" Object Nothing;
    GetObjectVersionTagging "GetObjectVersionTagging" Object Nothing;
    PutObjectVersionTagging "PutObjectVersionTagging" Object Nothing;
    DeleteObjectVersionTagging "DeleteObjectVersionTagging" Object Nothing;
}

impl Action {
    /// Whether policies may ask which tags the object has that it is about: the operations that find it first ask
    /// about each object found (S3 reference, `s3:ExistingObjectTag`).
    #[must_use]
    pub fn knows_tags(self) -> bool {
        matches!(
            self,
            Self::GetObject
                | Self::GetObjectVersion
                | Self::GetObjectAttributes
                | Self::GetObjectVersionAttributes
                | Self::GetObjectAcl
                | Self::GetObjectVersionAcl
                | Self::PutObjectAcl
                | Self::PutObjectVersionAcl
                | Self::GetObjectTagging
                | Self::GetObjectVersionTagging
                | Self::DeleteObjectTagging
                | Self::DeleteObjectVersionTagging
        ) || self.sets_tags()
    }

    /// Whether it sets the tags of an object by a document, which is read after it is known who asks.
    #[must_use]
    pub fn sets_tags(self) -> bool {
        matches!(self, Self::PutObjectTagging | Self::PutObjectVersionTagging)
    }

    /// What it becomes when the request names a version.
    #[must_use]
    pub fn of_version(self) -> Self {
        match self {
            Self::GetObject => Self::GetObjectVersion,
            Self::GetObjectAttributes => Self::GetObjectVersionAttributes,
            Self::DeleteObject => Self::DeleteObjectVersion,
            Self::GetObjectAcl => Self::GetObjectVersionAcl,
            Self::PutObjectAcl => Self::PutObjectVersionAcl,
            Self::GetObjectTagging => Self::GetObjectVersionTagging,
            Self::PutObjectTagging => Self::PutObjectVersionTagging,
            Self::DeleteObjectTagging => Self::DeleteObjectVersionTagging,
            other => other,
        }
    }

    /// Whether it is about one version.
    #[must_use]
    pub fn is_of_version(self) -> bool {
        matches!(
            self,
            Self::GetObjectVersion
                | Self::GetObjectVersionAttributes
                | Self::DeleteObjectVersion
                | Self::GetObjectVersionAcl
                | Self::PutObjectVersionAcl
                | Self::GetObjectVersionTagging
                | Self::PutObjectVersionTagging
                | Self::DeleteObjectVersionTagging
        )
    }

    /// Whether anyone may, whatever policies and lists say.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Probe | Self::Preflight)
    }

    /// Whether a signature is not even looked at: browsers send preflights for signed URLs before the URL itself.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        self == Self::Preflight
    }

    /// Whether it is the owner account's alone: no policy can hand it out.
    #[must_use]
    pub fn is_owners_alone(self) -> bool {
        matches!(self, Self::GetBucketQuota | Self::PutBucketQuota)
    }

    /// Whether the owner keeps it whatever the bucket's policy says: else a bucket could be locked for good.
    #[must_use]
    pub fn is_never_denied_to_owner(self) -> bool {
        matches!(self, Self::GetBucketPolicy | Self::PutBucketPolicy | Self::DeleteBucketPolicy)
    }
}

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionSet(u128);

const _: () = assert!(Action::ALL.len() + 4 <= 128);

impl ActionSet {
    /// The actions that `is_in` says.
    #[must_use]
    pub fn of(is_in: impl Fn(Action) -> bool) -> Self {
        let actions = Action::ALL.iter().filter(|action| is_in(**action));
        Self(actions.fold(0, |set, action| set | 1 << (*action as u32)))
    }

    /// Those of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has `action`.
    #[must_use]
    pub fn has(self, action: Action) -> bool {
        self.0 & 1 << (action as u32) != 0
    }

    /// Whether it has nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_differ_and_match_their_variants() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            assert!(action.name().eq_ignore_ascii_case(&format!("{action:?}")), "{action:?}");
        }
    }

    #[test]
    fn a_version_changes_the_action_and_not_what_it_needs() {
        let mut count = 0;
        for action in Action::ALL.iter().copied().filter(|action| action.of_version() != *action) {
            count += 1;
            assert!(!action.is_of_version() && action.of_version().is_of_version(), "{action:?}");
            assert_eq!(action.lists(), action.of_version().lists(), "{action:?}");
            assert_eq!(action.level(), Level::Object);
        }
        assert_eq!(count, Action::ALL.iter().filter(|action| action.is_of_version()).count());
    }

    #[test]
    fn a_set_has_what_it_was_made_of() {
        let set = ActionSet::of(|action| action.level() == Level::Object);
        for action in Action::ALL {
            assert_eq!(set.has(*action), action.level() == Level::Object);
        }
        assert!(!set.has(Action::Probe) && ActionSet::default().is_empty() && !set.is_empty());
        assert!(ActionSet::default().union(set) == set);
    }
}
