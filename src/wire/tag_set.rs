//! The document of tags, `<Tagging>`, the same for buckets and objects (OBS reference, "Configuring Tags for a Bucket"):
//! how it is read. Forms have it in a field.

use super::xml::Element;
use crate::error::{Code, Result};
use crate::tag::{Tag, Tags};

/// The tags of a `<Tagging>` document, as they were written, blanks included; what they may be is [`Tags::check`]'s
/// to say. A document without its elements has the code `malformed`.
pub fn parse_tags(document: &Element, malformed: Code) -> Result<Tags> {
    let text = |tag: &Element, name: &str| {
        let element = only(tag, name).filter(|element| element.children.is_empty())?;
        Some(element.text.clone())
    };
    let set = only(document, "TagSet").ok_or(malformed)?;
    let mut tags = Vec::new();
    for tag in set.children_named("Tag") {
        let (Some(key), Some(value)) = (text(tag, "Key"), text(tag, "Value")) else {
            return Err(malformed.into());
        };
        tags.push(Tag { key, value });
    }
    Ok(Tags(tags))
}

/// The tags in the field `tagging` of a form (S3 reference, "POST Object"); 400 `MalformedXML` for what is no document.
pub fn parse_form_tags(field: &str) -> Result<Tags> {
    let document = Element::parse(field.as_bytes(), Code::MalformedXml)?;
    if document.name != "Tagging" {
        return Err(Code::MalformedXml.into());
    }
    parse_tags(&document, Code::MalformedXml)
}

/// The child of that name, if there is exactly one.
fn only<'e>(element: &'e Element, name: &'e str) -> Option<&'e Element> {
    let mut children = element.children_named(name);
    children.next().filter(|_| children.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: Option<&[(&str, &str)]>) {
        let document = format!("<Tagging>{content}</Tagging>");
        let document = Element::parse(document.as_bytes(), Code::MalformedTags).unwrap();
        let found = parse_tags(&document, Code::MalformedTags).map_err(|error| error.code());
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        let expected = expected.map(|tags| Tags(tags.iter().map(tag).collect()));
        assert_eq!(found, expected.ok_or(Code::MalformedTags), "{content}");
    }

    #[test]
    fn a_set_has_tags_and_a_tag_has_two_parts() {
        check("<TagSet/>", Some(&[]));
        check("<TagSet><Tag><Value> v </Value><Key>k</Key></Tag></TagSet>", Some(&[("k", " v ")]));
        check(
            "<TagSet><Tag><Key>b</Key><Value/></Tag>\n<Other/><Tag><Key>a</Key><Value>&amp;</Value></Tag></TagSet>",
            Some(&[("b", ""), ("a", "&")]),
        );
        check("", None);
        check("<Tag><Key>k</Key><Value>v</Value></Tag>", None);
        check("<TagSet/><TagSet/>", None);
        check("<TagSet><Tag/></TagSet>", None);
        check("<TagSet><Tag><Key>k</Key></Tag></TagSet>", None);
        check("<TagSet><Tag><Value>v</Value></Tag></TagSet>", None);
        check("<TagSet><Tag><Key>k</Key><Key>k</Key><Value/></Tag></TagSet>", None);
        check("<TagSet><Tag><Key><a/></Key><Value/></Tag></TagSet>", None);
    }
}
