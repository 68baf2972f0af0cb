//! Tags as plain values: names and values that owners put on buckets and objects (OBS reference, "Configuring Tags for a
//! Bucket"). `meta` stores them, `ops` reads and writes their documents.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Result};

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name, as it was sent.
    pub key: String,
    /// Its value, as it was sent; may be empty.
    pub value: String,
}

/// The tags of one bucket or object, in the order they were sent. Their names differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags(pub Vec<Tag>);

/// What a set of tags may be.
#[derive(Clone, Copy, Debug)]
pub struct TagLimits {
    /// Tags in a set.
    pub count_max: usize,
    /// Characters of a name; at least one.
    pub key_characters_max: usize,
    /// Characters of a value.
    pub value_characters_max: usize,
    /// Whether there are characters that are in neither names nor values, beside control characters.
    pub is_plain: bool,
    /// What a set with too many tags is refused with.
    pub too_many: Code,
    /// What a set is refused with that is bad in any other way.
    pub invalid: Code,
}

impl TagLimits {
    /// Of a bucket's set (OBS reference, "Configuring Tags for a Bucket").
    pub const BUCKET: Self = Self {
        count_max: 20,
        key_characters_max: 36,
        value_characters_max: 43,
        is_plain: true,
        too_many: Code::InvalidTag,
        invalid: Code::InvalidTag,
    };
    /// The same in S3's words.
    pub const S3_BUCKET: Self =
        Self { count_max: 50, key_characters_max: 128, value_characters_max: 256, is_plain: false, ..Self::BUCKET };
    /// Of an object's set (OBS reference, "Adding Tags to an Object").
    pub const OBJECT: Self =
        Self { count_max: 10, too_many: Code::BadRequest, invalid: Code::InvalidObjectTag, ..Self::BUCKET };
    /// The same in S3's words.
    pub const S3_OBJECT: Self = Self {
        key_characters_max: 128,
        value_characters_max: 256,
        is_plain: false,
        too_many: Code::InvalidObjectTag,
        ..Self::OBJECT
    };
}

/// See [`TagLimits::is_plain`].
const FORBIDDEN: [char; 8] = [',', '/', '|', '<', '>', '=', '*', '\\'];

impl Tags {
    /// Refuses a set that is too large, has a name twice, or a name or value that is too long or has a character that
    /// neither may have, with the limits' code and what is wrong.
    pub fn check(&self, limits: &TagLimits) -> Result<()> {
        let refuse = |why: String| Err(limits.invalid.because(why));
        if self.0.len() > limits.count_max {
            return Err(limits.too_many.because(format!("There can be {} tags at most.", limits.count_max)));
        }
        let is_forbidden = |c: char| c.is_control() || (limits.is_plain && FORBIDDEN.contains(&c));
        let is_plain = |text: &str| !text.chars().any(is_forbidden);
        let mut seen = HashSet::new();
        for Tag { key, value } in &self.0 {
            if !(1..=limits.key_characters_max).contains(&key.chars().count()) {
                return refuse(format!("A tag's key has 1 to {} characters.", limits.key_characters_max));
            }
            if value.chars().count() > limits.value_characters_max {
                return refuse(format!("A tag's value has {} characters at most.", limits.value_characters_max));
            }
            if !is_plain(key) || !is_plain(value) {
                return refuse(
                    "Keys and values of tags cannot have control characters or any of , / | < > = * \\.".into(),
                );
            }
            if limits.is_plain && (key.starts_with(' ') || key.ends_with(' ')) {
                return refuse("A tag's key cannot begin or end with a space.".into());
            }
            if !seen.insert(key) {
                return refuse(format!("The key {key} is there twice."));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn check(tags: &[(&str, &str)], expected: bool) {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        let checked = Tags(tags.iter().map(tag).collect()).check(&TagLimits::BUCKET);
        assert_eq!(checked.as_ref().err().map(Error::code), (!expected).then_some(Code::InvalidTag));
    }

    #[test]
    fn tags_are_few_short_and_plain() {
        let (key, value) = ("é".repeat(36), "é".repeat(43));
        let (long_key, long_value) = ("k".repeat(37), "v".repeat(44));
        let numbered: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        let numbered: Vec<(&str, &str)> = numbered.iter().map(|number| (number.as_str(), "")).collect();
        check(&[], true);
        check(&[("a", ""), ("A", "b c")], true);
        check(&[(&key, &value)], true);
        check(&[("TagKey%28Name1%29", "a+b:c@d_e.f-g")], true);
        check(&[("a", " b ")], true);
        check(&numbered[..20], true);
        check(&numbered, false);
        check(&[("", "v")], false);
        check(&[(&long_key, "v")], false);
        check(&[("k", &long_value)], false);
        check(&[("k", "1"), ("k", "1")], false);
        check(&[(" k", "v")], false);
        check(&[("k ", "v")], false);
        for bad in [",", "/", "|", "<", ">", "=", "*", "\\", "\n", "\u{7F}"] {
            check(&[(bad, "v")], false);
            check(&[("k", bad)], false);
        }
    }

    #[test]
    fn buckets_have_more_tags_in_s3_words() {
        let check = |count: usize, key: usize, value: usize, expected: bool| {
            let tag = |at: usize| Tag { key: format!("{at:0key$}"), value: "/".repeat(value) };
            let checked = Tags((0..count).map(tag).collect()).check(&TagLimits::S3_BUCKET);
            assert_eq!(checked.map_err(|error| error.code()), if expected { Ok(()) } else { Err(Code::InvalidTag) });
        };
        check(50, 128, 256, true);
        check(51, 2, 0, false);
        check(1, 129, 0, false);
        check(1, 1, 257, false);
    }

    #[test]
    fn objects_have_fewer_tags_and_other_refusals() {
        let check = |limits: &TagLimits, tags: &[(String, String)], expected: std::result::Result<(), Code>| {
            let tags = tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
            assert_eq!(Tags(tags).check(limits).map_err(|error| error.code()), expected);
        };
        let numbered = |count: usize| (0..count).map(|at| (at.to_string(), String::new())).collect::<Vec<_>>();
        let sized = |key: usize, value: usize| [("k".repeat(key), "v".repeat(value))];
        check(&TagLimits::OBJECT, &numbered(10), Ok(()));
        check(&TagLimits::OBJECT, &numbered(11), Err(Code::BadRequest));
        check(&TagLimits::OBJECT, &sized(36, 43), Ok(()));
        check(&TagLimits::OBJECT, &sized(37, 43), Err(Code::InvalidObjectTag));
        check(&TagLimits::OBJECT, &[(" a/".to_owned(), String::new())], Err(Code::InvalidObjectTag));
        check(&TagLimits::S3_OBJECT, &numbered(11), Err(Code::InvalidObjectTag));
        check(&TagLimits::S3_OBJECT, &sized(128, 256), Ok(()));
        check(&TagLimits::S3_OBJECT, &sized(129, 256), Err(Code::InvalidObjectTag));
        check(&TagLimits::S3_OBJECT, &sized(128, 257), Err(Code::InvalidObjectTag));
        check(&TagLimits::S3_OBJECT, &[(" a/=".to_owned(), "*".to_owned())], Ok(()));
        check(&TagLimits::S3_OBJECT, &[("a\n".to_owned(), String::new())], Err(Code::InvalidObjectTag));
    }
}
