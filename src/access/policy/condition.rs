//! Under which circumstances a statement holds: operators, keys and values, checked against each other when they are
//! read. Each key is of one type, and an operator is for one type.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::Value;

use super::glob::{ARN_PART_COUNT, Fuel, Glob};
use super::key::{Found, Key, Type};
use super::parse::{Malformed, malformed};
use super::pattern::{Pattern, Syntax};
use super::{Late, Question};
use crate::access::Action;
use crate::limits;

/// One key under one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    key: Key,
    test: Test,
    is_negated: bool,
    /// Whether a request without the key passes.
    if_exists: bool,
    /// How many of a key's values must pass.
    span: Span,
}

/// Of a key with several values, such as the names of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// Any fits, or with a negation none does; a key that is missing fits nothing.
    Plain,
    /// `ForAnyValue:`: one passes, so there is one.
    Any,
    /// `ForAllValues:`: none fails, also where there is none.
    All,
}

/// What is asked of the key; any of the values will do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Equals(Vec<Text>),
    /// In lower case.
    EqualsIgnoringCase(Vec<Text>),
    Like(Vec<Text>),
    /// Names of resources.
    ArnLike(Vec<Text>),
    /// Numbers, and dates in seconds since 1970.
    Compares(Comparison, Vec<i64>),
    Is(Vec<bool>),
    Within(Vec<Network>),
    /// Whether the key is missing.
    IsMissing(Vec<bool>),
}

/// A value of a string operator.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    /// `${null}`: the key is missing.
    Missing,
    Pattern(Pattern),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, found: i64, wanted: i64) -> bool {
        let order = found.cmp(&wanted);
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        let network = (prefix_bits <= bits_max).then_some(Self { address, prefix_bits })?;
        // What came mapped into IPv6 is compared as IPv4.
        Some(match (address.to_canonical(), prefix_bits.checked_sub(96)) {
            (address @ IpAddr::V4(_), Some(prefix_bits)) => Self { address, prefix_bits },
            _ => network,
        })
    }

    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= self.prefix_bits,
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= self.prefix_bits,
            _ => false,
        }
    }

    /// Whether it is so wide that it keeps nobody out; S3 draws the line here.
    fn is_public(self) -> bool {
        self.prefix_bits < if self.address.is_ipv4() { 8 } else { 32 }
    }
}

/// What a condition may look at while it is decided.
#[derive(Clone, Copy)]
struct Asking<'a> {
    /// What variables stand for; none stands for anything without it.
    question: Option<&'a Question<'a>>,
    fuel: &'a Fuel,
}

impl Condition {
    pub(super) fn holds(&self, question: &Question<'_>, fuel: &Fuel) -> bool {
        if let Test::IsMissing(values) = &self.test {
            return values.contains(&self.key.is_missing(question));
        }
        if self.if_exists && self.key.is_missing(question) {
            return true;
        }
        match &self.test {
            Test::Compares(..) => self.holds_for_number(self.key.number(question)),
            Test::Is(values) => self.key.flag(question).is_some_and(|flag| values.contains(&flag)),
            Test::Within(values) => {
                values.iter().any(|network| network.has(question.context.source_ip())) != self.is_negated
            }
            _ => self.holds_for_values(&self.key.found(question), Asking { question: Some(question), fuel }),
        }
    }

    /// Whether only what is still to be read tells if it holds.
    pub(super) fn is_late(&self, action: Action) -> bool {
        self.key.is_late(action)
    }

    /// The same condition with variables replaced by what this request has.
    pub(super) fn settled(&self, question: &Question<'_>) -> Self {
        let mut settled = self.clone();
        for text in settled.test.texts_mut() {
            if let Text::Pattern(pattern) = text {
                *pattern = pattern.settled(question);
            }
        }
        settled
    }

    /// The keys without which it compares with nothing.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Key> {
        self.test.texts().iter().flat_map(|text| match text {
            Text::Pattern(pattern) => Some(pattern.needs()).into_iter().flatten(),
            Text::Missing => None.into_iter().flatten(),
        })
    }

    /// Whether it holds, where what has been read tells. It is settled.
    pub(super) fn holds_for(&self, late: &Late<'_>, fuel: &Fuel) -> bool {
        let (found, number) = (self.key.found_in(late), self.key.number_in(late));
        let is_missing = found.values().is_empty() && number.is_none();
        match &self.test {
            Test::IsMissing(values) => values.contains(&is_missing),
            _ if self.if_exists && is_missing => true,
            Test::Compares(..) => self.holds_for_number(number),
            _ => self.holds_for_values(&found, Asking { question: None, fuel }),
        }
    }

    fn holds_for_number(&self, found: Option<i64>) -> bool {
        let Test::Compares(comparison, values) = &self.test else { return false };
        let is_met = found.is_some_and(|found| values.iter().any(|value| comparison.holds(found, *value)));
        is_met != self.is_negated
    }

    fn holds_for_values(&self, found: &Found<'_>, asking: Asking<'_>) -> bool {
        let values = found.values();
        let fits = |value: Option<&str>| self.test.fits(value, asking);
        let passes = |value: &Cow<'_, str>| fits(Some(value)) != self.is_negated;
        match self.span {
            Span::Any => values.iter().any(passes),
            Span::All => values.iter().all(passes),
            Span::Plain if values.is_empty() => fits(None) != self.is_negated,
            Span::Plain => values.iter().any(|value| fits(Some(value))) != self.is_negated,
        }
    }

    /// Whether it lets in only callers from certain addresses, or certain accounts.
    pub(super) fn is_restricting(&self) -> bool {
        if self.is_negated || self.if_exists || self.span == Span::All {
            return false;
        }
        match &self.test {
            Test::Within(values) => !values.iter().any(|network| network.is_public()),
            test => {
                self.key.tells_accounts_apart() && !test.texts().is_empty() && test.texts().iter().all(Text::is_fixed)
            }
        }
    }
}

impl Test {
    /// Whether a value, or that there is none, is any of those of a string operator.
    fn fits(&self, found: Option<&str>, asking: Asking<'_>) -> bool {
        let is_arn = matches!(self, Self::ArnLike(_));
        let lower = found.filter(|_| matches!(self, Self::EqualsIgnoringCase(_))).map(str::to_lowercase);
        let found = lower.as_deref().or(found);
        self.texts().iter().any(|text| match (text, found) {
            (Text::Missing, found) => found.is_none(),
            (Text::Pattern(pattern), Some(found)) if is_arn => pattern.matches_arn(found, asking.question, asking.fuel),
            (Text::Pattern(pattern), Some(found)) => pattern.matches(found, asking.question, asking.fuel),
            (Text::Pattern(_), None) => false,
        })
    }

    /// The values of an operator for text; others have none.
    fn texts(&self) -> &[Text] {
        match self {
            Self::Equals(texts) | Self::EqualsIgnoringCase(texts) | Self::Like(texts) | Self::ArnLike(texts) => texts,
            Self::Compares(..) | Self::Is(_) | Self::Within(_) | Self::IsMissing(_) => &[],
        }
    }

    fn texts_mut(&mut self) -> &mut [Text] {
        match self {
            Self::Equals(texts) | Self::EqualsIgnoringCase(texts) | Self::Like(texts) | Self::ArnLike(texts) => texts,
            Self::Compares(..) | Self::Is(_) | Self::Within(_) | Self::IsMissing(_) => &mut [],
        }
    }
}

impl Text {
    /// Whether one value alone fits.
    fn is_fixed(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.is_fixed())
    }
}

/// `{ operator: { key: value } }`; `has_variables` says whether the policy's language has them.
pub(super) fn parse(value: &Value, has_variables: bool) -> Result<Vec<Condition>, Malformed> {
    let Value::Object(operators) = value else { return Err(malformed("Condition is no object")) };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(malformed(format!("{operator} has no keys"))) };
        if keys.is_empty() {
            return Err(malformed(format!("{operator} has no keys")));
        }
        for (name, values) in keys {
            let key = Key::parse(name).ok_or_else(|| malformed(format!("there is no condition key {name:?}")))?;
            conditions.push(parse_one(operator, key, values, has_variables)?);
        }
    }
    Ok(conditions)
}

/// What an operator does with its values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    EqualsIgnoringCase,
    Like,
    ArnLike,
    Number(Comparison),
    Date(Comparison),
    Bool,
    Address,
    Null,
}

/// An operator by its documented or its short name, and whether it is a negation.
fn find_operator(name: &str) -> Option<(Operator, bool)> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    use Operator::{Address, ArnLike, Bool, Date, Equals, EqualsIgnoringCase, Like, Null, Number};
    Some(match name {
        "StringEquals" | "streq" => (Equals, false),
        "StringNotEquals" | "strneq" => (Equals, true),
        "StringEqualsIgnoreCase" | "streqi" => (EqualsIgnoringCase, false),
        "StringNotEqualsIgnoreCase" | "strneqi" => (EqualsIgnoringCase, true),
        "StringLike" | "strl" => (Like, false),
        "StringNotLike" | "strnl" => (Like, true),
        // The two are the same (IAM reference).
        "ArnEquals" | "ArnLike" => (ArnLike, false),
        "ArnNotEquals" | "ArnNotLike" => (ArnLike, true),
        "NumericEquals" | "numeq" => (Number(Equal), false),
        "NumericNotEquals" | "numneq" => (Number(Equal), true),
        "NumericLessThan" | "numlt" => (Number(Less), false),
        "NumericLessThanEquals" | "numlteq" => (Number(LessOrEqual), false),
        "NumericGreaterThan" | "numgt" => (Number(Greater), false),
        "NumericGreaterThanEquals" | "numgteq" => (Number(GreaterOrEqual), false),
        "DateEquals" | "dateeq" => (Date(Equal), false),
        "DateNotEquals" | "dateneq" => (Date(Equal), true),
        "DateLessThan" | "datelt" => (Date(Less), false),
        "DateLessThanEquals" | "datelteq" => (Date(LessOrEqual), false),
        "DateGreaterThan" | "dategt" => (Date(Greater), false),
        "DateGreaterThanEquals" | "dategteq" => (Date(GreaterOrEqual), false),
        "Bool" => (Bool, false),
        "IpAddress" => (Address, false),
        "NotIpAddress" => (Address, true),
        "Null" => (Null, false),
        _ => return None,
    })
}

fn parse_one(name: &str, key: Key, values: &Value, has_variables: bool) -> Result<Condition, Malformed> {
    let (span, bare) = match name.split_once(':') {
        Some(("ForAnyValue", bare)) => (Span::Any, bare),
        Some(("ForAllValues", bare)) => (Span::All, bare),
        _ => (Span::Plain, name),
    };
    let (bare, if_exists) = bare.strip_suffix("IfExists").map_or((bare, false), |bare| (bare, true));
    let found = find_operator(bare).filter(|(operator, _)| !if_exists || *operator != Operator::Null);
    let (operator, is_negated) = found.ok_or_else(|| malformed(format!("there is no operator {name:?}")))?;
    if !operator.is_for(&key) || (span != Span::Plain && !operator.is_for_text()) {
        return Err(malformed(format!("{name} is not for {key:?}")));
    }
    let values = scalars(values).ok_or_else(|| malformed(format!("{name} has no values that are strings")))?;
    let test = parse_test(name, operator, &key, &values, has_variables)?;
    Ok(Condition { key, test, is_negated, if_exists, span })
}

impl Operator {
    /// Whether it compares what the key's values are. A moment in seconds is a date, too.
    fn is_for(self, key: &Key) -> bool {
        match self {
            Self::Equals | Self::EqualsIgnoringCase | Self::Like => matches!(key.kind(), Type::Text | Type::Arn),
            Self::ArnLike => key.kind() == Type::Arn,
            Self::Number(_) => key.kind() == Type::Number,
            Self::Date(_) => key.kind() == Type::Date || *key == Key::EpochTime,
            Self::Bool => key.kind() == Type::Bool,
            Self::Address => key.kind() == Type::Address,
            Self::Null => true,
        }
    }

    fn is_for_text(self) -> bool {
        matches!(self, Self::Equals | Self::EqualsIgnoringCase | Self::Like)
    }
}

fn parse_test(
    name: &str,
    operator: Operator,
    key: &Key,
    values: &[String],
    has_variables: bool,
) -> Result<Test, Malformed> {
    let bad = |value: &String| malformed(format!("{value:?} is no value of {name}"));
    let all = |parse: fn(&str) -> Option<i64>| -> Result<Vec<i64>, Malformed> {
        values.iter().map(|value| parse(value).ok_or_else(|| bad(value))).collect()
    };
    let flags = || values.iter().map(|value| value.eq_ignore_ascii_case("true")).collect();
    let syntax = Syntax {
        has_wildcards: matches!(operator, Operator::Like | Operator::ArnLike),
        has_variables,
        is_lower: operator == Operator::EqualsIgnoringCase,
    };
    let texts = || -> Result<Vec<Text>, Malformed> {
        let text = |value: &str| match value {
            "${null}" => Ok(Text::Missing),
            value => Pattern::parse(key.normal(value), syntax).map(Text::Pattern),
        };
        values.iter().map(String::as_str).chain(synonyms(key, operator, values)).map(text).collect()
    };
    Ok(match operator {
        Operator::Equals => Test::Equals(texts()?),
        Operator::EqualsIgnoringCase => Test::EqualsIgnoringCase(texts()?),
        Operator::Like => Test::Like(texts()?),
        Operator::ArnLike => {
            // Another name would match nothing.
            if let Some(bad_value) =
                values.iter().find(|value| value.splitn(ARN_PART_COUNT, ':').count() < ARN_PART_COUNT)
            {
                return Err(bad(bad_value));
            }
            Test::ArnLike(texts()?)
        }
        Operator::Number(comparison) => Test::Compares(comparison, all(|value| value.parse().ok())?),
        Operator::Date(comparison) => Test::Compares(comparison, all(parse_date)?),
        Operator::Bool => Test::Is(flags()),
        Operator::Null => Test::IsMissing(flags()),
        Operator::Address => {
            let parse = |value: &String| {
                Network::parse(value).ok_or_else(|| malformed(format!("{value:?} is no address or network")))
            };
            Test::Within(values.iter().map(parse).collect::<Result<_, _>>()?)
        }
    })
}

/// The names of what the values name in either vocabulary.
fn synonyms<'k>(key: &Key, operator: Operator, values: &[String]) -> impl Iterator<Item = &'k str> {
    let fuel = Fuel::new(limits::POLICY_STEP_COUNT_MAX);
    let names = move |value: &String, name: &str| match operator {
        Operator::EqualsIgnoringCase => value.eq_ignore_ascii_case(name),
        Operator::Like => Glob::new(value).matches(name, &fuel),
        _ => value == name,
    };
    let is_named = |pair: &[&str; 2]| values.iter().any(|value| pair.iter().any(|name| names(value, name)));
    let named: Vec<[&'static str; 2]> = key.synonyms().into_iter().filter(is_named).collect();
    named.into_iter().flatten()
}

/// A value or several, at least one; numbers and truth values need no quotes.
fn scalars(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) if !values.is_empty() => values.iter().map(one).collect(),
        Value::Array(_) => None,
        value => one(value).map(|value| vec![value]),
    }
}

/// ISO 8601: a day, or a time with or without its offset from UTC; or seconds since 1970 (IAM reference, "Date condition
/// operators"), in more digits than a year has. Seconds since 1970.
fn parse_date(text: &str) -> Option<i64> {
    if text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_second());
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}
