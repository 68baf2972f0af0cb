//! What a bucket has its access control lists and policies under, as plain values: whose the objects in it are
//! (`?ownershipControls`, S3 reference), and which public access is blocked (`?publicAccessBlock`, OBS and S3 references).

use serde::{Deserialize, Serialize};

/// Whose an object becomes that is written into a bucket, and whether lists count there. A bucket without it is as one
/// with [`Ownership::ObjectWriter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The account's that writes it.
    ObjectWriter,
    /// The bucket owner's, where the request gives it to them by `bucket-owner-full-control`; else the writer's.
    BucketOwnerPreferred,
    /// The bucket owner's, and so is everything that was there before. Access control lists do not count.
    BucketOwnerEnforced,
}

impl Ownership {
    /// Every ownership.
    pub const ALL: [Self; 3] = [Self::ObjectWriter, Self::BucketOwnerPreferred, Self::BucketOwnerEnforced];

    /// Its name in documents and headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ObjectWriter => "ObjectWriter",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
        }
    }

    /// The ownership of that name, in this letter case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ownership| ownership.name() == name)
    }
}

/// Which public access to a bucket is blocked. Public is what `Everyone` or `AuthenticatedUsers` are granted by a list, or
/// everyone is allowed by a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the four switches of the document, each for itself")]
pub struct PublicAccessBlock {
    /// No list is set that grants public access.
    pub block_public_acls: bool,
    /// Public grants of lists that are there do not count.
    pub ignore_public_acls: bool,
    /// No policy is set that is public.
    pub block_public_policy: bool,
    /// While the policy is public, only the bucket owner's account gets in.
    pub restrict_public_buckets: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ownerships_have_their_names() {
        for ownership in Ownership::ALL {
            assert_eq!(Ownership::parse(ownership.name()), Some(ownership));
        }
        for bad in ["", "objectwriter", "BucketOwner", " ObjectWriter"] {
            assert_eq!(Ownership::parse(bad), None, "{bad}");
        }
    }
}
