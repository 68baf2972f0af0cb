//! [`Controls`]: what a bucket has lists and policies under, read beside its policy, and what they leave of both.

use crate::acl::{Acl, Grant, Grantee};
use crate::error::{Code, Result};
use crate::meta::{self, Bucket, Tx};
use crate::name::AccountId;
use crate::sharing::{Ownership, PublicAccessBlock};

/// Whose the objects in a bucket are, and which public access is blocked. A bucket without settings has the default:
/// objects are their writer's, and nothing is blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// `?ownershipControls`.
    pub ownership: Option<Ownership>,
    /// `?publicAccessBlock`.
    pub block: PublicAccessBlock,
}

impl Controls {
    /// Those of a bucket. Nothing is read where there are none.
    pub fn read(tx: &mut Tx<'_>, bucket: &Bucket) -> meta::Result<Self> {
        let block = tx.public_access_block(bucket)?.unwrap_or_default();
        Ok(Self { ownership: tx.ownership(bucket)?, block })
    }

    /// Whether lists count for nothing, and all objects are the bucket owner's.
    #[must_use]
    pub fn disable_acls(self) -> bool {
        self.ownership == Some(Ownership::BucketOwnerEnforced)
    }

    /// Whose something of `owner`'s in the bucket is, and its list, as far as they count.
    #[must_use]
    pub fn effective(self, bucket_owner: AccountId, owner: AccountId, acl: Option<&Acl>) -> (AccountId, Option<&Acl>) {
        if self.disable_acls() { (bucket_owner, None) } else { (owner, acl) }
    }

    /// Refuses a list that grants public access, where that is blocked: 403 `AccessDenied`.
    pub fn check_acl(self, acl: Option<&Acl>) -> Result<()> {
        if self.block.block_public_acls && is_public(acl) {
            return Err(Code::AccessDenied.because("Public access control lists are blocked by the bucket."));
        }
        Ok(())
    }

    /// Whether the bucket's own list gives public access that counts.
    #[must_use]
    pub fn opens_by_acl(self, bucket: &Bucket) -> bool {
        !self.disable_acls() && !self.block.ignore_public_acls && is_public(bucket.acl.as_deref())
    }
}

/// Whether a grant is to more than the accounts it could name.
#[must_use]
pub(super) fn is_public_grant(grant: &Grant) -> bool {
    matches!(grant.grantee, Grantee::Everyone | Grantee::AuthenticatedUsers)
}

fn is_public(acl: Option<&Acl>) -> bool {
    acl.is_some_and(|acl| acl.grants.iter().any(is_public_grant))
}

/// Refuses a bucket's list that has to go before lists are disabled, for it gives others than the owner something: 400
/// `InvalidBucketAclWithObjectOwnership`.
pub fn check_disabling(owner: AccountId, acl: Option<&Acl>) -> Result<()> {
    let grants = acl.map_or(&[][..], |acl| &acl.grants);
    if grants.iter().all(|grant| grant.grantee == Grantee::Account(owner)) {
        return Ok(());
    }
    Err(Code::InvalidBucketAclWithObjectOwnership.into())
}
