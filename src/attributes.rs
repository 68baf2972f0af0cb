//! What a client may set on an object beside its headers: plain values. `ops` reads them from requests, `meta` stores
//! them. Most objects have none of it.

use serde::{Deserialize, Serialize};

use crate::acl::Acl;
use crate::object_lock::Lock;

/// The rarer properties of an object (OBS reference, "Uploading Objects - PUT").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Grants; `None` is private.
    pub acl: Option<Acl>,
    /// Tags, in the order they were given.
    pub tags: Vec<(String, String)>,
    /// `website-redirect-location`.
    pub redirect: Option<String>,
    /// `x-obs-expires`: days after its last change at which the object goes.
    pub expires_days: Option<u32>,
    /// `x-obs-persistent-headers`: lower-case names and values, returned as plain headers.
    pub persistent_headers: Vec<(String, String)>,
    /// Protection from deletion and change.
    pub lock: Option<Lock>,
}

impl Attributes {
    /// As it is stored: nothing where there is nothing.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_stored_as_nothing() {
        assert_eq!(Attributes::default().boxed(), None);
        let tagged = Attributes { tags: vec![("k".to_owned(), String::new())], ..Attributes::default() };
        assert_eq!(tagged.clone().boxed(), Some(Box::new(tagged)));
    }
}
