//! Access control lists, as plain values: who may do what with one bucket or one object (OBS reference, "ACLs"). `meta`
//! stores them, `access` decides by them, `ops` reads and writes their documents and headers.

use serde::{Deserialize, Serialize};

use crate::name::AccountId;

/// The grants of a bucket or an object. A record without a list is private: its owner has full control, nobody else
/// has anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// In the order they were given; at most `limits::GRANT_COUNT_MAX`.
    pub grants: Vec<Grant>,
    /// Of an object's list: whether grants of the bucket that are delivered hold for this object too.
    pub takes_delivered: bool,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
    /// Of a bucket's list: holds for the objects in the bucket as well.
    pub delivered: bool,
}

impl Grant {
    /// A grant that holds for what it is written on and nothing else.
    #[must_use]
    pub fn plain(grantee: Grantee, permission: Permission) -> Self {
        Self { grantee, permission, delivered: false }
    }
}

/// To whom something is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// One account.
    Account(AccountId),
    /// Anyone, signed or not.
    Everyone,
    /// Anyone with a valid signature.
    AuthenticatedUsers,
    /// The service that delivers logs; nobody's requests are its own.
    LogDelivery,
}

/// What is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// `READ`.
    Read,
    /// `WRITE`.
    Write,
    /// `READ_ACP`.
    ReadAcp,
    /// `WRITE_ACP`.
    WriteAcp,
    /// `FULL_CONTROL`.
    FullControl,
}

impl Permission {
    /// Every permission, in the order of the reference.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::ReadAcp, Self::WriteAcp, Self::FullControl];

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::ReadAcp => "READ_ACP",
            Self::WriteAcp => "WRITE_ACP",
            Self::FullControl => "FULL_CONTROL",
        }
    }

    /// The permission of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    /// Whether who has `self` may do what asks for `wanted`.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted || self == Self::FullControl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_have_their_names_and_full_control_covers_all() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.name()), Some(permission));
            assert!(Permission::FullControl.covers(permission) && permission.covers(permission));
        }
        assert_eq!(Permission::parse("read"), None);
        assert!(!Permission::Read.covers(Permission::ReadAcp));
    }
}
