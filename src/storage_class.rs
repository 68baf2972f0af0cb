//! Storage classes: one set of values, two spellings (OBS reference, "Storage Classes"; the S3-compatible reference
//! has names of its own for the same classes).

use serde::{Deserialize, Serialize};

/// How an object is kept, as far as its owner is concerned. Stored and returned; all classes lie on the same disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StorageClass {
    /// `STANDARD`.
    #[default]
    Standard,
    /// `WARM`; `STANDARD_IA` in S3 words.
    Warm,
    /// `COLD`; `GLACIER` in S3 words. Read only after a restore.
    Cold,
    /// `DEEP_ARCHIVE`. Read only after a restore.
    DeepArchive,
    /// `INTELLIGENT_TIERING`.
    IntelligentTiering,
    /// `HIGH_PERFORMANCE`; `EXPRESS_ONEZONE` in S3 words.
    HighPerformance,
}

impl StorageClass {
    /// Every class.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Warm, Self::Cold, Self::DeepArchive, Self::IntelligentTiering, Self::HighPerformance];

    /// Its name in the OBS dialect.
    #[must_use]
    pub fn obs_name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Warm => "WARM",
            Self::Cold => "COLD",
            Self::DeepArchive => "DEEP_ARCHIVE",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::HighPerformance => "HIGH_PERFORMANCE",
        }
    }

    /// Its name in the S3 dialect.
    #[must_use]
    pub fn s3_name(self) -> &'static str {
        match self {
            Self::Warm => "STANDARD_IA",
            Self::Cold => "GLACIER",
            Self::HighPerformance => "EXPRESS_ONEZONE",
            other => other.obs_name(),
        }
    }

    /// The class of that name in either dialect.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.obs_name() == name || class.s3_name() == name)
    }

    /// Whether objects are read only after a restore.
    #[must_use]
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Cold | Self::DeepArchive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_spelling_is_understood() {
        for class in StorageClass::ALL {
            assert_eq!(StorageClass::parse(class.obs_name()), Some(class));
            assert_eq!(StorageClass::parse(class.s3_name()), Some(class));
        }
        assert_eq!(StorageClass::parse("standard"), None);
        assert!(StorageClass::Cold.is_archive() && !StorageClass::Warm.is_archive());
    }
}
