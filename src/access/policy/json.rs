//! JSON in which nothing is said twice: of two members of one name a reader would keep one, and the policy would not mean
//! what it says.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How deep in objects the keys of conditions stand: document, statement, `Condition`, operator.
const DEPTH_OF_KEYS: usize = 3;

/// Reads a document; a member that comes twice in one object is an error. But of two keys of one operator the last is
/// kept (OBS reference, "Bucket Policies"): with the document comes whether that happened.
pub(super) fn read(text: &[u8]) -> serde_json::Result<(Value, bool)> {
    let repeats_keys = Cell::new(false);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Reader { depth: 0, repeats_keys: &repeats_keys }.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, repeats_keys.get()))
}

#[derive(Clone, Copy)]
struct Reader<'r> {
    /// Objects around.
    depth: usize,
    repeats_keys: &'r Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let inner = Self { depth: self.depth + 1, ..self };
        while let Some(name) = items.next_key::<String>()? {
            let value = items.next_value_seed(inner)?;
            if members.contains_key(&name) {
                if self.depth != DEPTH_OF_KEYS {
                    return Err(A::Error::custom(format_args!("{name:?} comes twice")));
                }
                self.repeats_keys.set(true);
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repeats(text: &str) -> Option<bool> {
        read(text.as_bytes()).ok().map(|(_, repeats)| repeats)
    }

    #[test]
    fn nothing_is_said_twice_but_keys_of_conditions() {
        assert_eq!(repeats(r#"{"a":1,"b":[{"a":1},{"a":2}]}"#), Some(false));
        assert_eq!(repeats(r#"{"a":1,"a":1}"#), None);
        assert_eq!(repeats(r#"{"a":1,"\u0061":1}"#), None);
        assert_eq!(repeats(r#"{"s":[{"a":1,"a":1}]}"#), None);
        assert_eq!(repeats(r#"{"s":{"c":{"o":{},"o":{}}}}"#), None);
        assert_eq!(repeats(r#"{"s":{"c":{"o":{"k":1,"k":2}}}}"#), Some(true));
        assert_eq!(repeats(r#"{"s":[{"c":{"o":{"k":{"x":1,"x":2}}}}]}"#), None);
        let (kept, _) = read(br#"{"s":{"c":{"o":{"k":1,"k":2}}}}"#).unwrap();
        assert_eq!(kept["s"]["c"]["o"]["k"], 2);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in ["", "{", "{}{}", "[1,]", "nul", "\"\u{1}\"", "{\"a\"}", "\u{feff}{}"] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        /// Where nothing comes twice it is what anyone reads.
        #[test]
        fn all_else_is_as_ever(text in "[\\[\\]{}\":,a-c0-9.e\\-]{0,40}|\\{\"[a-c]\":[0-9.e-]{1,6},\"[d-f]\":\\[(true|null)\\]\\}") {
            let own = read(text.as_bytes());
            let ever = serde_json::from_slice::<Value>(text.as_bytes());
            match (own, ever) {
                (Ok((own, _)), Ok(ever)) => prop_assert_eq!(own, ever),
                (Err(_), Ok(ever)) => prop_assert!(text.matches('"').count() > 2, "{}", ever),
                (own, Err(_)) => prop_assert!(own.is_err()),
            }
        }
    }
}
