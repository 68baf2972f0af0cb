//! CORS configurations as plain values: which pages of other origins a browser may let at a bucket (OBS reference,
//! "Configuring Bucket CORS"). `meta` stores them, `ops` reads their documents and answers by them.

use serde::{Deserialize, Serialize};

/// Seconds a browser keeps a preflight's answer where a rule does not say.
pub const MAX_AGE_SECONDS_DEFAULT: u32 = 3000;

/// The rules of a bucket, in the order they were given; the first that matches counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// At least one, at most `limits::CORS_RULE_COUNT_MAX`.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, for its author.
    pub id: Option<String>,
    /// Methods that may be used; at least one.
    pub methods: Vec<Method>,
    /// Origins of pages, each with at most one `*` that stands for any text; at least one.
    pub origins: Vec<String>,
    /// Request headers that may be used, in any letter case, each with at most one `*`.
    pub headers: Vec<String>,
    /// Seconds a browser may keep the answer; `None` is [`MAX_AGE_SECONDS_DEFAULT`].
    pub max_age_seconds: Option<u32>,
    /// Answer headers that the page may read.
    pub exposed: Vec<String>,
}

/// A method a rule can allow. The order is stored: a new one goes to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// `GET`.
    Get,
    /// `PUT`.
    Put,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Head, Self::Post, Self::Delete];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// The method of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl Cors {
    /// The first rule that allows all of `methods` and all of the request headers `headers` to pages of `origin`.
    #[must_use]
    pub fn find(&self, origin: &str, methods: &[&str], headers: &[&str]) -> Option<&Rule> {
        self.rules.iter().find(|rule| {
            rule.allows_origin(origin)
                && methods.iter().all(|method| rule.methods.iter().any(|known| known.name() == *method))
                && headers.iter().all(|header| rule.allows_header(header))
        })
    }
}

impl Rule {
    /// Whether pages of any origin are meant.
    #[must_use]
    pub fn is_for_everyone(&self) -> bool {
        self.origins.iter().any(|pattern| pattern == "*")
    }

    /// Whether the request header `name` is allowed.
    #[must_use]
    pub fn allows_header(&self, name: &str) -> bool {
        self.headers.iter().any(|pattern| is_match(pattern, name, <[u8]>::eq_ignore_ascii_case))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|pattern| is_match(pattern, origin, <[u8] as PartialEq>::eq))
    }
}

/// Whether `text` is `pattern`, in which the first `*` stands for any text, where `is_same` compares what is written
/// out.
fn is_match(pattern: &str, text: &str, is_same: fn(&[u8], &[u8]) -> bool) -> bool {
    let text = text.as_bytes();
    let Some((start, end)) = pattern.split_once('*') else { return is_same(pattern.as_bytes(), text) };
    let rest = text.split_at_checked(start.len()).filter(|(first, _)| is_same(start.as_bytes(), first));
    let last = rest.and_then(|(_, rest)| rest.get(rest.len().checked_sub(end.len())?..));
    last.is_some_and(|last| is_same(end.as_bytes(), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stands_for_any_text() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let cased = is_match(pattern, text, <[u8] as PartialEq>::eq);
            assert_eq!(cased, expected, "{pattern} {text}");
            let shouted = is_match(pattern, &text.to_ascii_uppercase(), <[u8]>::eq_ignore_ascii_case);
            assert_eq!(
                shouted,
                is_match(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase(), <[u8] as PartialEq>::eq)
            );
        };
        check("*", "", true);
        check("*", "https://a", true);
        check("https://a", "https://a", true);
        check("https://a", "https://A", false);
        check("https://a", "https://a.b", false);
        check("*suffix", "foo.suffix", true);
        check("*suffix", "suffix", true);
        check("*suffix", "suffix.com", false);
        check("start*end", "startend", true);
        check("start*end", "start.end", true);
        check("start*end", "0start.end", false);
        check("start*end", "start.end0", false);
        // The two halves may not share what lies between.
        check("aba*aba", "ababa", false);
        check("prefix*", "prefix", true);
        check("prefix*", "prefi", false);
        check("*é", "É", false);
        check("é*", "éé", true);
        check("a*", "é", false);
    }

    #[test]
    fn a_rule_allows_all_that_is_asked_or_does_not_match() {
        let rule = |methods: &[Method], origin: &str, headers: &[&str]| Rule {
            methods: methods.to_vec(),
            origins: vec![origin.to_owned()],
            headers: headers.iter().map(|&header| header.to_owned()).collect(),
            ..Rule::default()
        };
        let cors = Cors {
            rules: vec![
                rule(&[Method::Get], "https://a", &[]),
                rule(&[Method::Get, Method::Put], "https://*", &["x-amz-*", "Authorization"]),
                rule(&[Method::Get], "*", &["*"]),
            ],
        };
        let check = |origin: &str, methods: &[&str], headers: &[&str], expected: Option<usize>| {
            let found = cors.find(origin, methods, headers);
            assert_eq!(found, expected.map(|at| &cors.rules[at]), "{origin} {methods:?} {headers:?}");
        };
        check("https://a", &["GET"], &[], Some(0));
        check("https://a", &["PUT"], &[], Some(1));
        check("https://a", &["GET", "PUT"], &[], Some(1));
        check("https://a", &["GET"], &["AUTHORIZATION", "X-Amz-Date"], Some(1));
        check("https://a", &["GET"], &["authorization", "x-other"], Some(2));
        check("https://a", &["PUT"], &["x-other"], None);
        check("http://a", &["GET"], &[], Some(2));
        check("http://a", &["DELETE"], &[], None);
        check("http://a", &["get"], &[], None);
        check("http://a", &["PATCH"], &[], None);
        assert!(cors.rules[2].is_for_everyone() && !cors.rules[1].is_for_everyone());
    }
}
