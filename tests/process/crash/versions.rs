//! Keys whose versions are put, marked deleted and removed while the gateway is killed: each version that was acknowledged
//! is there with its bytes, none that was removed is, and at most one operation is in doubt.

use std::collections::BTreeMap;

use super::model::{Body, Send};
use crate::support::{Request, element};

/// The bucket that has versions.
pub(super) const VERSIONED: &str = "versioned";

/// A key one worker has to itself.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) path: String,
    /// By id; `None` is a delete marker.
    pub(super) versions: BTreeMap<String, Option<Body>>,
    pub(super) attempted: Option<Attempt>,
}

/// What may have happened.
#[derive(Debug)]
pub(super) enum Attempt {
    /// A version came, of which nobody was told the id.
    Add(Option<Body>),
    Remove(String),
}

impl Key {
    pub(super) fn new(path: String) -> Self {
        Self { path, versions: BTreeMap::new(), attempted: None }
    }

    /// Holds what is listed and can be read against what was acknowledged; whether an operation was cut off, and whether
    /// it had happened.
    pub(super) fn check(&mut self, send: &mut Send<'_>) -> (bool, bool) {
        let mut found = list(send, &self.path);
        let attempted = self.attempted.take();
        let was_cut_off = attempted.is_some();
        let mut happened = false;
        match attempted {
            Some(Attempt::Remove(id)) if !found.contains_key(&id) => {
                happened = true;
                self.versions.remove(&id);
            }
            Some(Attempt::Add(body)) => {
                if let Some(id) = found.keys().find(|id| !self.versions.contains_key(*id)) {
                    happened = true;
                    self.versions.insert(id.clone(), body);
                }
            }
            _ => {}
        }
        for (id, body) in &self.versions {
            let size = found.remove(id).unwrap_or_else(|| panic!("version {id} of {} is lost", self.path));
            assert_eq!(size, body.map(|body| body.length), "version {id} of {}", self.path);
            if let Some(body) = body {
                let answer = send(&Request::get(&format!("{}?versionId={id}", self.path)));
                assert!(
                    answer.status == 200 && answer.body == body.bytes(),
                    "version {id} of {} is not {body:?}",
                    self.path
                );
            }
        }
        assert!(found.is_empty(), "nobody put {found:?} of {}", self.path);
        (was_cut_off, happened)
    }
}

/// Ids and sizes of the versions that begin with a path; delete markers have no size.
fn list(send: &mut Send<'_>, path: &str) -> BTreeMap<String, Option<usize>> {
    let key = path.trim_start_matches(&format!("/{VERSIONED}/"));
    let page = send(&Request::get(&format!("/{VERSIONED}?versions&prefix={key}")));
    assert_eq!(page.element("IsTruncated"), "false");
    let page = page.text().replace("<DeleteMarker>", "<Version>");
    let rows = page.split("<Version>").skip(1);
    rows.map(|row| {
        let size = element(row, "Size").map(|size| size.parse().unwrap());
        (element(row, "VersionId").unwrap().to_owned(), size)
    })
    .collect()
}

/// The counters of the bucket are the sums of what it lists.
pub(super) fn check_sums(send: &mut Send<'_>) {
    let sizes: Vec<usize> = list(send, "").into_values().flatten().collect();
    let info = send(&Request::get(&format!("/{VERSIONED}?storageinfo")));
    assert_eq!(info.element("Size"), sizes.iter().sum::<usize>().to_string(), "usage of {VERSIONED}");
    assert_eq!(info.element("ObjectNumber"), sizes.len().to_string(), "objects of {VERSIONED}");
}
