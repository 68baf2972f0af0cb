//! XML both ways: a bounded reader into a small tree, and a streaming writer. The one file that names `quick_xml`,
//! and the one place that escapes. What the elements mean is the operations' business.

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::error::{Code, Result};
use crate::limits;

/// How a document is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Nothing between elements.
    Compact,
    /// As the OBS reference prints its samples: each element on its own line, two blanks per level, no newline at
    /// the end.
    Indented,
}

/// Writes one document into one growing buffer. Names are the program's own and are not checked.
#[derive(Debug)]
pub struct Writer {
    buffer: Vec<u8>,
    open: Vec<&'static str>,
    layout: Layout,
    /// Whether the last thing written was a start tag: its end tag then follows on the same line.
    is_bare: bool,
}

const DECLARATION: &[u8] = br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;

impl Writer {
    /// Starts a document with its declaration and its root, which takes `namespace` as its default namespace.
    /// Published SDKs want exactly this form of it: one `xmlns` in double quotes.
    pub fn document(root: &'static str, namespace: Option<&str>, layout: Layout) -> Self {
        let mut buffer = Vec::with_capacity(512);
        buffer.extend_from_slice(DECLARATION);
        let mut writer = Self { buffer, open: Vec::with_capacity(8), layout, is_bare: false };
        match namespace {
            Some(namespace) => writer.open_with(root, &[("xmlns", namespace)]),
            None => writer.open(root),
        };
        writer
    }

    /// Writes an element that holds only text.
    pub fn element(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.start(name, &[]);
        escape_into(text, Place::Text, &mut self.buffer);
        self.end(name);
        self
    }

    /// Writes an element that holds a number.
    pub fn number(&mut self, name: &'static str, number: u64) -> &mut Self {
        self.start(name, &[]);
        write_decimal(number, &mut self.buffer);
        self.end(name);
        self
    }

    /// Writes text into the element started last: for documents whose root holds only text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape_into(text, Place::Text, &mut self.buffer);
        self
    }

    /// Starts an element that holds others.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        self.open_with(name, &[])
    }

    /// Starts an element with attributes.
    pub fn open_with(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> &mut Self {
        self.start(name, attributes);
        self.open.push(name);
        self.is_bare = true;
        self
    }

    /// Ends the element started last; the root is [`Writer::finish`]'s to end.
    pub fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            if !self.is_bare {
                self.line_break(self.open.len());
            }
            self.end(name);
        }
        self
    }

    /// Ends whatever is open and gives the document.
    pub fn finish(mut self) -> Bytes {
        while !self.open.is_empty() {
            self.close();
        }
        Bytes::from(self.buffer)
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.line_break(self.open.len());
        self.buffer.push(b'<');
        self.buffer.extend_from_slice(name.as_bytes());
        for (attribute, value) in attributes {
            self.buffer.push(b' ');
            self.buffer.extend_from_slice(attribute.as_bytes());
            self.buffer.extend_from_slice(b"=\"");
            escape_into(value, Place::Attribute, &mut self.buffer);
            self.buffer.push(b'"');
        }
        self.buffer.push(b'>');
    }

    fn end(&mut self, name: &str) {
        self.buffer.extend_from_slice(b"</");
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.push(b'>');
        self.is_bare = false;
    }

    fn line_break(&mut self, level: usize) {
        if self.layout == Layout::Indented {
            self.buffer.push(b'\n');
            self.buffer.resize(self.buffer.len() + 2 * level, b' ');
        }
    }
}

/// Where escaped text stands; a reader normalises line ends in text and all blanks in attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

/// Stands for a character XML 1.0 has no way to write.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// Bytes that may need an escape. In UTF-8 only the characters U+F000 to U+FFFF begin with EF.
const IS_SPECIAL: [bool; 256] = {
    let mut is_special = [false; 256];
    let mut at = 0;
    while at < 0x20 {
        is_special[at] = true;
        at += 1;
    }
    let listed = b"&<>\"\xEF";
    at = 0;
    while at < listed.len() {
        is_special[listed[at] as usize] = true;
        at += 1;
    }
    is_special
};

/// Appends `text` escaped. Runs of plain bytes are copied as they are.
fn escape_into(text: &str, place: Place, buffer: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|&byte| IS_SPECIAL[usize::from(byte)]) {
        let (copied, special) = rest.split_at(plain);
        buffer.extend_from_slice(copied);
        let (escape, width) = escape_of(special, place);
        buffer.extend_from_slice(escape);
        rest = &special[width..];
    }
    buffer.extend_from_slice(rest);
}

/// What to write for the character `special` begins with, and how many bytes it has.
fn escape_of(special: &[u8], place: Place) -> (&[u8], usize) {
    let is_attribute = place == Place::Attribute;
    match special {
        [b'&', ..] => (b"&amp;", 1),
        [b'<', ..] => (b"&lt;", 1),
        [b'>', ..] => (b"&gt;", 1),
        [b'\r', ..] => (b"&#13;", 1),
        [b'"', ..] if is_attribute => (b"&quot;", 1),
        [b'\t', ..] if is_attribute => (b"&#9;", 1),
        [b'\n', ..] if is_attribute => (b"&#10;", 1),
        [b'"' | b'\t' | b'\n', ..] => (&special[..1], 1),
        // U+FFFE and U+FFFF are no XML characters.
        [0xEF, 0xBF, 0xBE | 0xBF, ..] => (REPLACEMENT, 3),
        [0xEF, _, _, ..] => (&special[..3], 3),
        _ => (REPLACEMENT, 1),
    }
}

fn write_decimal(mut number: u64, buffer: &mut Vec<u8>) {
    // 2^64 has 20 digits.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}

/// One element of a document that was read. Names have lost their namespace prefixes, because clients put any or
/// none; attributes are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// All text directly in the element, in one piece, untrimmed.
    pub text: String,
    /// Elements directly in the element, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a whole document. One that is not well-formed, not UTF-8, has a DTD or entities of its own, or goes
    /// beyond a bound ([`limits::XML_DEPTH_MAX`], [`limits::XML_ELEMENT_COUNT_MAX`], 4 MiB) is refused with the
    /// code `invalid`.
    pub fn parse(bytes: &[u8], invalid: Code) -> Result<Self> {
        parse_document(bytes).ok_or_else(|| invalid.into())
    }

    /// The first child called `name`.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children called `name`.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text without blanks around it.
    pub fn text_trimmed(&self) -> &str {
        self.text.trim_matches(is_blank)
    }
}

/// The tree while it grows: the elements that are open, outermost first.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

fn parse_document(bytes: &[u8]) -> Option<Element> {
    if bytes.len() > limits::XML_BYTES_MAX {
        return None;
    }
    let text = str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    let mut is_first = true;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => tree.start(&start)?,
            Event::Empty(start) => {
                tree.start(&start)?;
                tree.end()?;
            }
            Event::End(_) => tree.end()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(data) if !tree.open.is_empty() => tree.text(&data.xml10_content())?,
            Event::GeneralRef(reference) if !tree.open.is_empty() => tree.reference(&reference)?,
            Event::Comment(_) => {}
            Event::PI(instruction) if !instruction.target().eq_ignore_ascii_case("xml") => {}
            Event::Decl(declaration) if is_first => {
                let encoding = declaration.encoding().transpose().ok()?;
                let is_known = declaration.version().ok()? == "1.0";
                if !is_known || !encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("UTF-8")) {
                    return None;
                }
            }
            Event::Eof => return if tree.open.is_empty() { tree.root } else { None },
            Event::CData(_) | Event::GeneralRef(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => return None,
        }
        is_first = false;
    }
}

impl Tree {
    fn start(&mut self, start: &BytesStart<'_>) -> Option<()> {
        self.count += 1;
        let is_second_root = self.root.is_some();
        if is_second_root || self.count > limits::XML_ELEMENT_COUNT_MAX || self.open.len() >= limits::XML_DEPTH_MAX {
            return None;
        }
        for attribute in start.attributes() {
            attribute.ok()?;
        }
        let name = start.local_name();
        let name: &str = name.as_ref();
        if !is_name(name) {
            return None;
        }
        self.open.push(Element { name: name.to_owned(), ..Element::default() });
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        let element = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Some(())
    }

    /// Text outside the root may only be blank.
    fn text(&mut self, text: &str) -> Option<()> {
        if !is_writable(text) {
            return None;
        }
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.chars().all(is_blank) => {}
            None => return None,
        }
        Some(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Option<()> {
        match reference.resolve_char_ref().ok()? {
            Some(character) => self.text(character.encode_utf8(&mut [0; 4])),
            None => self.text(resolve_xml_entity(reference)?),
        }
    }
}

/// Whether XML 1.0 has a way to write the text; a [`Writer`] puts U+FFFD for characters that it has not.
#[must_use]
pub fn is_writable(text: &str) -> bool {
    text.chars().all(is_character)
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Production `Char` of XML 1.0.
fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// A little wider than production `NCName` of XML 1.0, where it does no harm.
fn is_name(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUOTA: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Quota xmlns="http://obs.example.com/doc/2015-06-30/">
  <StorageQuota>0</StorageQuota>
</Quota>"#;

    #[test]
    fn the_quota_document_is_the_reference_sample() {
        let mut writer = Writer::document("Quota", Some("http://obs.example.com/doc/2015-06-30/"), Layout::Indented);
        writer.number("StorageQuota", 0);
        assert_eq!(writer.finish(), QUOTA);
    }

    #[test]
    fn layouts_differ_in_blanks_only() {
        let write = |layout| {
            let mut writer = Writer::document("L", None, layout);
            writer.element("Name", "a&b").open("C").open("D").close().element("E", "").close().number("N", u64::MAX);
            writer.open_with("G", &[("xsi:type", "<\"\n\">")]).close();
            String::from_utf8(writer.finish().to_vec()).unwrap()
        };
        let compact = write(Layout::Compact);
        assert_eq!(
            compact,
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><L><Name>a&amp;b</Name><C><D></D><E></E></C>"#,
                r#"<N>18446744073709551615</N><G xsi:type="&lt;&quot;&#10;&quot;&gt;"></G></L>"#
            )
        );
        let indented = write(Layout::Indented);
        assert!(indented.contains("\n  <C>\n    <D></D>\n    <E></E>\n  </C>\n  <N>"));
        assert_eq!(indented.lines().map(str::trim_start).collect::<String>(), compact);
    }

    fn check_text(text: &str, expected: &str) {
        let mut writer = Writer::document("r", None, Layout::Compact);
        writer.element("t", text);
        let read = Element::parse(&writer.finish(), Code::MalformedXml).unwrap();
        assert_eq!(read.child("t").unwrap().text, expected);
    }

    #[test]
    fn no_text_breaks_a_document() {
        check_text("]]> <a>&amp;\"'", "]]> <a>&amp;\"'");
        check_text("\0\u{1}\u{1F}\u{7F}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{7F}");
        check_text("a\r\nb\tc", "a\r\nb\tc");
        check_text("\u{FFFD}\u{FFFE}\u{FFFF}\u{FEFF}\u{F000}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FEFF}\u{F000}");
        check_text("\u{10FFFF}é", "\u{10FFFF}é");
    }

    fn check(document: &str, expected: Option<&str>) {
        fn show(element: &Element) -> String {
            let children: String = element.children.iter().map(show).collect();
            format!("{}[{}{children}]", element.name, element.text_trimmed())
        }
        let found = Element::parse(document.as_bytes(), Code::MalformedQuotaError);
        if let Err(error) = &found {
            assert_eq!(error.code(), Code::MalformedQuotaError);
        }
        assert_eq!(found.ok().as_ref().map(show).as_deref(), expected, "{document}");
    }

    #[test]
    fn liberal_where_clients_differ() {
        check(QUOTA, Some("Quota[StorageQuota[0]]"));
        check(
            "<?xml version='1.0' encoding='utf-8'?><Quota><StorageQuota>1</StorageQuota></Quota>",
            Some("Quota[StorageQuota[1]]"),
        );
        check("\u{FEFF}<?xml version=\"1.0\"?>\n<Quota/>\n", Some("Quota[]"));
        check("<!-- c --><?pi x?><o:Quota xmlns:o='u'><o:A> 1 </o:A></o:Quota><!-- d -->", Some("Quota[A[1]]"));
        check("<q>&#49;&#x32;&lt;<![CDATA[&<]]>&amp;</q>", Some("q[12<&<&]"));
        check("<q>1<!-- x -->2<a/>3</q >", Some("q[123a[]]"));
    }

    #[test]
    fn strict_where_it_matters() {
        for bad in [
            "",
            " ",
            "quota",
            "<q>",
            "</q>",
            "<q></p>",
            "<q/><p/>",
            "<q/>x",
            "x<q/>",
            "<q/>&amp;",
            "<![CDATA[x]]><q/>",
            "<q>&x;</q>",
            "<q>&</q>",
            "<q>&lt</q>",
            "<q>&#0;</q>",
            "<q>&#x1F;</q>",
            "<q>&#xD800;</q>",
            "<q>\u{1}</q>",
            "<!DOCTYPE q><q/>",
            "<!DOCTYPE q [<!ENTITY x 'y'>]><q>&x;</q>",
            "<q a></q>",
            "<q a='1' a='2'/>",
            "<q a='1/>",
            "< q/>",
            "<1/>",
            "<>x</>",
            "<q",
            "<q><!-- -- --></q>",
            "<q><![CDATA[x</q>",
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='latin-1'?><q/>",
            "<?xml version='1.1'?><q/>",
            " <?xml version='1.0'?><q/>",
            "<q/><?xml version='1.0'?>",
        ] {
            check(bad, None);
        }
        assert!(Element::parse(b"<q>\xFF</q>", Code::MalformedXml).is_err());
        assert!(Element::parse(b"\xFF\xFE<\0q\0/\0>\0", Code::MalformedXml).is_err());
    }

    #[test]
    fn documents_are_bounded() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        let parses = |document: &str| Element::parse(document.as_bytes(), Code::MalformedXml).is_ok();
        assert!(parses(&nested(limits::XML_DEPTH_MAX)) && !parses(&nested(limits::XML_DEPTH_MAX + 1)));
        assert!(parses(&wide(limits::XML_ELEMENT_COUNT_MAX)) && !parses(&wide(limits::XML_ELEMENT_COUNT_MAX + 1)));
        assert!(!parses(&format!("<a>{}</a>", " ".repeat(limits::XML_BYTES_MAX))));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let mut writer = Writer::document("r", Some(&text), Layout::Indented);
            writer.element("t", &text);
            let read = Element::parse(&writer.finish(), Code::MalformedXml).unwrap();
            let expected: String = text.chars().map(|c| if is_character(c) { c } else { '\u{FFFD}' }).collect();
            prop_assert_eq!(&read.child("t").unwrap().text, &expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Element::parse(&bytes, Code::MalformedXml);
        }

        #[test]
        fn any_markup_is_read_or_refused(document in "(<|>|/|a|=|'|\"|&|;|#|x|!|-|\\[|\\]|CDATA|\\?|xml| ){0,40}") {
            let _ = Element::parse(document.as_bytes(), Code::MalformedXml);
        }

        #[test]
        fn decimals_are_decimals(number: u64) {
            let mut buffer = Vec::new();
            write_decimal(number, &mut buffer);
            prop_assert_eq!(buffer, number.to_string().into_bytes());
        }
    }
}
