//! Text to compare with, as policies write it: plain, or with wildcards, and in the language of 2012 with variables,
//! which stand for what the request has of a condition key (IAM reference, "Policy variables").

use std::borrow::Cow;

use super::Question;
use super::glob::{Fuel, Glob};
use super::key::Key;
use super::parse::{Malformed, malformed};

/// What is special in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// `*` and `?`.
    pub(super) has_wildcards: bool,
    /// `${…}`.
    pub(super) has_variables: bool,
    /// Letter case is not: the text is compared with what is in lower case.
    pub(super) is_lower: bool,
}

/// A text to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// The same for every request.
    Fixed(Glob),
    /// With variables.
    Open {
        /// In order.
        pieces: Vec<Piece>,
        /// Whether what they stand for is put in lower case.
        is_lower: bool,
    },
}

/// A part of a text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// What is written.
    Text(Glob),
    /// What the request has of the key; where it has none, the default.
    Variable(Key, Option<String>),
}

impl Pattern {
    /// A variable that is not closed, or that stands for no one value, is malformed: as text it would match nothing, and
    /// what denies must not do that silently.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, Malformed> {
        let mut fixed = Glob::default();
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${").filter(|_| syntax.has_variables) {
            push(&mut fixed, before, syntax);
            let (name, default, after) = parse_variable(after)?;
            match (name, default) {
                ("*" | "?" | "$", None) => fixed.push_plain(name),
                _ => {
                    pieces.push(Piece::Text(std::mem::take(&mut fixed)));
                    let key = Key::parse(name).filter(|key| name.contains(':') && key.is_single_valued());
                    let key = key.ok_or_else(|| malformed(format!("there is no variable {name:?}")))?;
                    pieces.push(Piece::Variable(key, default.map(str::to_owned)));
                }
            }
            rest = after;
        }
        push(&mut fixed, rest, syntax);
        if pieces.is_empty() {
            return Ok(Self::Fixed(fixed));
        }
        pieces.push(Piece::Text(fixed));
        Ok(Self::Open { pieces, is_lower: syntax.is_lower })
    }

    /// Whether one value alone fits, whoever asks.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(glob) if glob.is_fixed())
    }

    /// The keys without which it is no text.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Key> {
        let pieces = match self {
            Self::Fixed(_) => &[][..],
            Self::Open { pieces, .. } => pieces,
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(key, None) => Some(key),
            Piece::Variable(_, Some(_)) | Piece::Text(_) => None,
        })
    }

    /// Whether the whole of `text` matches; nothing does where a variable stands for nothing. Without a question no
    /// variable stands for anything.
    pub(super) fn matches(&self, text: &str, question: Option<&Question<'_>>, fuel: &Fuel) -> bool {
        self.resolve(question).is_some_and(|glob| glob.matches(text, fuel))
    }

    /// The same for names of resources.
    pub(super) fn matches_arn(&self, text: &str, question: Option<&Question<'_>>, fuel: &Fuel) -> bool {
        self.resolve(question).is_some_and(|glob| glob.matches_arn(text, fuel))
    }

    /// The same pattern for this request alone.
    pub(super) fn settled(&self, question: &Question<'_>) -> Self {
        self.resolve(Some(question)).map_or_else(|| self.clone(), |glob| Self::Fixed(glob.into_owned()))
    }

    /// What is written, with `x` in place of variables.
    pub(super) fn outline(&self) -> String {
        match self {
            Self::Fixed(glob) => glob.text(),
            Self::Open { pieces, .. } => {
                let texts = pieces.iter().map(|piece| match piece {
                    Piece::Text(glob) => glob.text(),
                    Piece::Variable(..) => "x".to_owned(),
                });
                texts.collect()
            }
        }
    }

    /// Wildcards in what a variable stands for are text.
    fn resolve(&self, question: Option<&Question<'_>>) -> Option<Cow<'_, Glob>> {
        let (pieces, is_lower) = match self {
            Self::Fixed(glob) => return Some(Cow::Borrowed(glob)),
            Self::Open { pieces, is_lower } => (pieces, *is_lower),
        };
        let mut resolved = Glob::default();
        for piece in pieces {
            match piece {
                Piece::Text(glob) => resolved.push(glob),
                Piece::Variable(key, default) => {
                    let value = key.one_value(question?).or(default.as_deref().map(Cow::Borrowed))?;
                    if is_lower { resolved.push_plain(&value.to_lowercase()) } else { resolved.push_plain(&value) }
                }
            }
        }
        Some(Cow::Owned(resolved))
    }
}

fn push(glob: &mut Glob, text: &str, syntax: Syntax) {
    let text = if syntax.is_lower { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) };
    if syntax.has_wildcards { glob.push_pattern(&text) } else { glob.push_plain(&text) }
}

/// What follows `${`: a name, a default in quotes where there is one, and what comes after `}`.
fn parse_variable(text: &str) -> Result<(&str, Option<&str>, &str), Malformed> {
    let open = || malformed("a variable is not of the form ${name} or ${name, 'default'}");
    let end = text.find([',', '}']).ok_or_else(open)?;
    let (name, rest) = text.split_at(end);
    if let Some(after) = rest.strip_prefix('}') {
        return Ok((name, None, after));
    }
    let rest = rest.strip_prefix(',').and_then(|rest| rest.trim_start().strip_prefix('\''));
    let (default, rest) = rest.and_then(|rest| rest.split_once('\'')).ok_or_else(open)?;
    let after = rest.trim_start().strip_prefix('}').ok_or_else(open)?;
    Ok((name, Some(default), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::testing::{NOW, caller, head, peer};
    use crate::access::{Action, Caller, Context};

    const SYNTAX: Syntax = Syntax { has_wildcards: true, has_variables: true, is_lower: false };

    fn matches_as(pattern: &str, syntax: Syntax, caller: &Caller, text: &str) -> bool {
        let head = head("GET /photos?prefix=a*b");
        let context = Context::new(&head, peer("10.1.2.3"), NOW);
        let action = Action::ListBucket;
        let question = Question { caller, action, bucket: "photos", owner: None, key: None, context: &context };
        let fuel = Fuel::new(1000);
        Pattern::parse(pattern, syntax).unwrap().matches(text, Some(&question), &fuel)
    }

    #[test]
    fn variables_are_what_the_request_has() {
        let alice = caller(10, "alice");
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches_as(pattern, SYNTAX, &alice, text), expected, "{pattern} {text}");
        };
        check("home/${aws:username}/*", "home/alice/x", true);
        check("home/${aws:username}/*", "home/bob/x", false);
        check("home/${aws:username}/*", "home/${aws:username}/x", false);
        check("${AWS:UserName}", "alice", true);
        check("${aws:userid}", "0000000000000000000000000000000a", true);
        check("${aws:SourceIp}!", "10.1.2.3!", true);
        check("${aws:SecureTransport}", "false", true);
        check("${aws:EpochTime}", "1435721265", true);
        check("${aws:CurrentTime}", "2015-07-01T03:27:45.482Z", true);
        // What a variable stands for is text, wildcards too.
        check("${s3:prefix}", "a*b", true);
        check("${s3:prefix}", "axb", false);
        check("a${*}b", "a*b", true);
        check("a${*}b", "axb", false);
        check("${?}${$}{x}", "?${x}", true);
        check("$${*}*", "$*x", true);
        check("${s3:delimiter, 'none'}", "none", true);
        check("${s3:prefix,'x}y'}", "a*b", true);
        check("${s3:delimiter,'x}y' }", "x}y", true);
        check("${s3:delimiter}", "", false);
        let lower = Syntax { is_lower: true, ..SYNTAX };
        assert!(matches_as("A${aws:PrincipalArn}", lower, &alice, &format!("aarn:aws:iam::{:032x}:root", 10)));
        let old = Syntax { has_variables: false, ..SYNTAX };
        assert!(matches_as("${aws:username}", old, &alice, "${aws:username}"));
        // Nobody has no name.
        assert!(!matches_as("home/${aws:username}/*", SYNTAX, &Caller::Anonymous, "home//x"));
        assert!(matches_as("${aws:username, 'guest'}", SYNTAX, &Caller::Anonymous, "guest"));
        assert!(!Pattern::parse("${aws:username}", SYNTAX).unwrap().matches("alice", None, &Fuel::new(1000)));
    }

    #[test]
    fn what_stands_for_no_one_value_is_malformed() {
        for bad in [
            "${",
            "a${}",
            "${aws:username",
            "${username}",
            "${aws:colour}",
            "${aws:PrincipalTag/team}",
            "${s3:RequestObjectTagKeys}",
            "${s3:ExistingObjectTag/a}",
            "${aws:username,}",
            "${aws:username,x}",
            "${aws:username,'x}",
            "${aws:username,'x'y}",
            "${null}x",
        ] {
            assert!(Pattern::parse(bad, SYNTAX).is_err(), "{bad}");
        }
        let needs = |text: &str| Pattern::parse(text, SYNTAX).unwrap().needs().count();
        assert_eq!((needs("x*"), needs("${aws:username}"), needs("${aws:username, ''}")), (0, 1, 0));
        let outline = |text: &str| Pattern::parse(text, SYNTAX).unwrap().outline();
        assert_eq!(outline("a*/${aws:username, 'b/c'}/${*}?"), "a*/x/*?");
    }
}
