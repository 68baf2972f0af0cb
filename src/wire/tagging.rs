//! A set of tags as a document (`<Tagging>`), and the same in the words of the header `x-obs-tagging`, which is how a form
//! says what its file is tagged with. What tags may be is [`Tags::check`]'s to say.

use crate::error::{Code, Result};
use crate::tag::{Tag, Tags};
use crate::wire::percent;
use crate::wire::xml::Element;

/// The tags of a `<Tagging>` document, as they were written, blanks included. A document without its elements has the code `malformed`.
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

/// What a header says of the tags in the text of a document: `a=1&b=`, percent-encoded; 400 `MalformedXML` for what is no
/// such document.
pub fn header_of_document(text: &str) -> Result<String> {
    let document = Element::parse(text.as_bytes(), Code::MalformedXml)?;
    if document.name != "Tagging" {
        return Err(Code::MalformedXml.into());
    }
    let mut header = String::with_capacity(text.len());
    for tag in parse_tags(&document, Code::MalformedXml)?.0 {
        if !header.is_empty() {
            header.push('&');
        }
        percent::encode_query(tag.key.as_bytes(), &mut header);
        header.push('=');
        percent::encode_query(tag.value.as_bytes(), &mut header);
    }
    Ok(header)
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

    #[test]
    fn a_document_is_a_header_too() {
        let check = |document: &str, expected: std::result::Result<&str, Code>| {
            let found = header_of_document(document).map_err(|error| error.code());
            assert_eq!(found.as_deref().map_err(|code| *code), expected, "{document}");
            if let Ok(header) = found {
                let element = Element::parse(document.as_bytes(), Code::MalformedXml).unwrap();
                let tags = parse_tags(&element, Code::MalformedXml).unwrap();
                assert_eq!(crate::wire::attributes::parse_tagging(&header).unwrap(), tags, "{document}");
            }
        };
        let tag = |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        let set = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        check(&set(""), Ok(""));
        check(&set(&tag("a", "1")), Ok("a=1"));
        check(&set(&[tag("a &amp; b", "1=2"), tag("c", "")].concat()), Ok("a%20%26%20b=1%3D2&c="));
        for bad in ["", "a=1", "<Tagging/>", "<Tags><TagSet/></Tags>", "<Tagging><TagSet><Tag/></TagSet></Tagging>"] {
            check(bad, Err(Code::MalformedXml));
        }
    }
}
