//! The same decisions, made once more and plainly: a policy as its JSON, a request as what it has of each key, and the
//! rules of the IAM reference written out one by one, without types, parsing ahead or thought for speed.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::of_bucket;
use crate::access::policy::{Late, Question, Verdict};
use crate::access::testing::{NOW, caller, head, peer};
use crate::access::{Action, Caller, Context};
use crate::name::ObjectKey;

const NAMES: [&str; 2] = ["alice", "bob"];
const ADDRESSES: [&str; 3] = ["10.1.2.3", "192.168.1.1", "2001:db8::1"];
const REQUESTS: [(Action, &str, &str); 9] = [
    (Action::GetObject, "s3:GetObject", "GET /photos/alice/x"),
    (Action::GetObject, "s3:GetObject", "GET /photos/ab\nuser-agent: alice"),
    (Action::PutObject, "s3:PutObject", "PUT /photos/*\nx-amz-acl: private\nx-amz-tagging: alice=1&ab=2"),
    (Action::PutObject, "s3:PutObject", "PUT /photos/bob/x\nuser-agent: a*"),
    (Action::DeleteObject, "s3:DeleteObject", "DELETE /photos/b"),
    (Action::ListBucket, "s3:ListBucket", "GET /photos?prefix=home/alice/k&max-keys=10"),
    (Action::ListBucket, "s3:ListBucket", "GET /photos?prefix=ALICE"),
    (Action::ListBucket, "s3:ListBucket", "GET /photos\nuser-agent: ab"),
    (Action::DeleteBucket, "s3:DeleteBucket", "DELETE /photos?prefix=alice"),
];

/// A request, as a list of what it has.
#[derive(Debug)]
struct Asked {
    request: usize,
    /// `None` for nobody.
    account: Option<usize>,
    address: usize,
    /// What the object's tag `level` says.
    level: Option<String>,
}

impl Asked {
    fn id(&self) -> Option<String> {
        self.account.map(|index| format!("{:032x}", 10 + index))
    }

    fn values(&self, key: &str) -> Vec<String> {
        let (action, _, text) = REQUESTS[self.request];
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let target = text.lines().next().unwrap();
        let parameter = |name: &str| {
            let found = target.split(['?', '&']).find_map(|part| part.strip_prefix(name));
            found.filter(|_| action == Action::ListBucket).map(str::to_owned)
        };
        let put = |found: Option<String>| found.filter(|_| action == Action::PutObject);
        let tags = put(line("x-amz-tagging: ")).unwrap_or_default();
        let one = match key {
            "aws:username" => self.account.map(|index| NAMES[index].to_owned()),
            "aws:PrincipalArn" => self.id().map(|id| format!("arn:aws:iam::{id}:root")),
            "aws:UserAgent" => line("user-agent: "),
            "aws:SourceIp" => Some(ADDRESSES[self.address].to_owned()),
            "aws:SecureTransport" => Some("false".to_owned()),
            "aws:CurrentTime" => Some("1435721265".to_owned()),
            "s3:prefix" => parameter("prefix="),
            "s3:max-keys" => parameter("max-keys="),
            "s3:x-amz-acl" => put(line("x-amz-acl: ")),
            "s3:ExistingObjectTag/level" => self.level.clone().filter(|_| action == Action::GetObject),
            "s3:RequestObjectTagKeys" => {
                return tags.split('&').filter_map(|tag| Some(tag.split_once('=')?.0.to_owned())).collect();
            }
            other => panic!("{other}"),
        };
        one.into_iter().collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    Run,
    One,
    Exactly(char),
}

/// A text with its variables put in; `None` where one has no value.
fn tokens(text: &str, asked: &Asked) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("${") {
            let (inner, after) = after.split_once('}').unwrap();
            rest = after;
            let value = match inner.split_once(", ") {
                _ if ["*", "?", "$"].contains(&inner) => inner.to_owned(),
                None => asked.values(inner).first()?.clone(),
                Some((name, default)) => {
                    asked.values(name).first().cloned().unwrap_or_else(|| default.trim_matches('\'').to_owned())
                }
            };
            tokens.extend(value.chars().map(Token::Exactly));
            continue;
        }
        rest = &rest[first.len_utf8()..];
        tokens.push(match first {
            '*' => Token::Run,
            '?' => Token::One,
            other => Token::Exactly(other),
        });
    }
    Some(tokens)
}

fn like(pattern: &[Token], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((Token::Run, rest)), _) => (0..=text.len()).any(|taken| like(rest, &text[taken..])),
        (Some((Token::One, rest)), Some((_, text))) => like(rest, text),
        (Some((Token::Exactly(wanted), rest)), Some((found, text))) => wanted == found && like(rest, text),
        _ => false,
    }
}

fn is_like(pattern: &str, text: &str, asked: &Asked) -> bool {
    let text: Vec<char> = text.chars().collect();
    tokens(pattern, asked).is_some_and(|pattern| like(&pattern, &text))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
        value => vec![value.as_str().unwrap()],
    }
}

/// Whether one value of the request fits one of the policy.
fn fits(operator: &str, wanted: &str, found: &str, asked: &Asked) -> bool {
    let number = |text: &str| match text {
        "2014-01-01" => 1_388_534_400,
        "2015-07-01T03:27:45Z" => 1_435_721_265_i64,
        other => other.parse().unwrap(),
    };
    let order = || number(found).cmp(&number(wanted));
    let plain = |text: &str| {
        let tokens = tokens(text, asked)?;
        let characters = tokens.iter().map(|token| match token {
            Token::Run => '*',
            Token::One => '?',
            Token::Exactly(character) => *character,
        });
        Some(characters.collect::<String>())
    };
    match operator.trim_start_matches("Date").trim_start_matches("Numeric") {
        "StringEquals" => plain(wanted).as_deref() == Some(found),
        "StringEqualsIgnoreCase" => plain(wanted).is_some_and(|wanted| wanted.eq_ignore_ascii_case(found)),
        "StringLike" => is_like(wanted, found, asked),
        "ArnLike" | "ArnEquals" => wanted.split(':').zip(found.split(':')).all(|(a, b)| is_like(a, b, asked)),
        "Bool" => wanted == found,
        "IpAddress" => matches!(
            (wanted, found),
            ("10.0.0.0/8" | "10.1.2.3", "10.1.2.3") | ("192.168.0.0/16", "192.168.1.1") | ("::/0", "2001:db8::1")
        ),
        "Equals" => order().is_eq(),
        "LessThan" => order().is_lt(),
        "LessThanEquals" => order().is_le(),
        "GreaterThan" => order().is_gt(),
        "GreaterThanEquals" => order().is_ge(),
        other => panic!("{other}"),
    }
}

fn condition_holds(operator: &str, key: &str, wanted: &Value, asked: &Asked) -> bool {
    let (found, wanted) = (asked.values(key), texts(wanted));
    if operator == "Null" {
        return wanted.contains(&if found.is_empty() { "true" } else { "false" });
    }
    let (span, operator) = operator.split_once(':').unwrap_or(("", operator));
    let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |bare| (bare, true));
    if if_exists && found.is_empty() {
        return true;
    }
    let is_negated = operator.contains("Not");
    let operator = operator.replace("Not", "");
    let any = |found: &String| wanted.iter().any(|wanted| fits(&operator, wanted, found, asked));
    match span {
        "ForAnyValue" => found.iter().any(|found| any(found) != is_negated),
        "ForAllValues" => found.iter().all(|found| any(found) != is_negated),
        _ => found.iter().any(any) != is_negated,
    }
}

fn statement_holds(statement: &Map<String, Value>, asked: &Asked) -> bool {
    let (_, action, text) = REQUESTS[asked.request];
    let path = text.split([' ', '?', '\n']).nth(1).unwrap().trim_start_matches('/');
    let resource = format!("arn:aws:s3:::{path}");
    let is_named = |principal: &Value| match principal {
        Value::String(all) => all == "*",
        Value::Object(kinds) => texts(&kinds["AWS"]).iter().any(|name| {
            let id = name.trim_start_matches("arn:aws:iam::").trim_end_matches(":root");
            id == "*" || asked.id().as_deref() == Some(id)
        }),
        other => panic!("{other}"),
    };
    let is_one = |element: &str, test: &dyn Fn(&Value) -> bool| match statement.get(element) {
        Some(value) => test(value),
        None => !test(&statement[&format!("Not{element}")]),
    };
    let has = |patterns: &Value, text: &str| texts(patterns).iter().any(|pattern| is_like(pattern, text, asked));
    let conditions = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    // A variable without a value is no reason to allow.
    let json = Value::Object(statement.clone()).to_string();
    let lacks_name = json.contains("${aws:username}") && asked.account.is_none();
    (statement["Effect"] == "Deny" || !lacks_name)
        && is_one("Principal", &is_named)
        && is_one("Action", &|actions| has(actions, action))
        && is_one("Resource", &|resources| has(resources, &resource))
        && conditions.into_iter().all(|(operator, keys)| {
            let mut keys = keys.as_object().unwrap().iter();
            keys.all(|(key, wanted)| condition_holds(operator, key, wanted, asked))
        })
}

fn expected(policy: &Value, asked: &Asked) -> Verdict {
    let statements = policy["Statement"].as_array().unwrap();
    let holds = |effect: &str| {
        let mut all = statements.iter().filter_map(Value::as_object);
        all.any(|statement| statement["Effect"] == effect && statement_holds(statement, asked))
    };
    match (holds("Deny"), holds("Allow")) {
        (true, _) => Verdict::Deny,
        (false, true) => Verdict::Allow,
        (false, false) => Verdict::Silent,
    }
}

fn found(policy: &Value, asked: &Asked) -> Verdict {
    let policy = of_bucket(policy).unwrap();
    let (action, _, text) = REQUESTS[asked.request];
    let caller = asked.account.map_or(Caller::Anonymous, |index| caller(10 + index as u128, NAMES[index]));
    let head = head(text);
    let context = Context::new(&head, peer(ADDRESSES[asked.address]), NOW);
    let key = head.target.key.as_ref().map(ObjectKey::as_str);
    let question = Question { caller: &caller, action, bucket: "photos", owner: None, key, context: &context };
    let existing: Vec<_> = asked.level.iter().map(|level| ("level".to_owned(), level.clone())).collect();
    policy.consider(&question).settle(&Late { existing: &existing, ..Late::default() })
}

/// An operator with a key it is for, and values.
fn any_condition() -> impl Strategy<Value = (String, &'static str, Value)> {
    let spans = select(vec!["", "", "", "ForAnyValue:", "ForAllValues:"]);
    let text = ["StringEquals", "StringEqualsIgnoreCase", "StringLike"];
    let text = text.into_iter().flat_map(|name| [name.to_owned(), name.replace("String", "StringNot")]);
    let keys = vec![
        "aws:username",
        "aws:UserAgent",
        "s3:prefix",
        "s3:x-amz-acl",
        "s3:ExistingObjectTag/level",
        "s3:RequestObjectTagKeys",
    ];
    let values = vec![
        "alice",
        "ALICE",
        "a*",
        "a?",
        "*",
        "private",
        "${aws:username}",
        "home/${aws:username}/?",
        "${aws:username, 'ab'}",
        "a${*}",
    ];
    let if_exists = select(vec!["", "IfExists"]);
    let text = (spans, select(text.collect::<Vec<_>>()), if_exists.clone(), select(keys), subsequence(values, 1..3))
        .prop_map(|(span, name, if_exists, key, values)| (format!("{span}{name}{if_exists}"), key, json!(values)));
    let orders = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
    let number = (select(orders.to_vec()), subsequence(vec!["9", "10", "11"], 1..3), if_exists.clone())
        .prop_map(|(order, values, if_exists)| (format!("Numeric{order}{if_exists}"), "s3:max-keys", json!(values)));
    let dates = vec!["2014-01-01", "2015-07-01T03:27:45Z", "1435721266"];
    let date = (select(orders.to_vec()), subsequence(dates, 1..3))
        .prop_map(|(order, values)| (format!("Date{order}"), "aws:CurrentTime", json!(values)));
    let networks = vec!["10.0.0.0/8", "10.1.2.3", "192.168.0.0/16", "::/0"];
    let address = (select(vec!["IpAddress", "NotIpAddress"]), subsequence(networks, 1..3))
        .prop_map(|(name, values)| (name.to_owned(), "aws:SourceIp", json!(values)));
    let arns = vec!["arn:aws:iam::*:root", "arn:*:iam::0000000000000000000000000000000b:*", "arn:aws:iam::?:root"];
    let arn = (select(vec!["ArnLike", "ArnNotLike", "ArnEquals"]), if_exists, subsequence(arns, 1..3))
        .prop_map(|(name, if_exists, values)| (format!("{name}{if_exists}"), "aws:PrincipalArn", json!(values)));
    let flags = || select(vec![json!("true"), json!("false"), json!(["true", "false"])]);
    let flag = flags().prop_map(|values| ("Bool".to_owned(), "aws:SecureTransport", values));
    let nulls = select(vec!["s3:prefix", "aws:username", "s3:max-keys", "s3:ExistingObjectTag/level", "aws:SourceIp"]);
    let null = (nulls, flags()).prop_map(|(key, values)| ("Null".to_owned(), key, values));
    prop_oneof![8 => text, 2 => number, 1 => date, 2 => address, 2 => arn, 1 => flag, 3 => null]
}

fn any_statement() -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({ "AWS": "0000000000000000000000000000000a" }),
        json!({ "AWS": ["arn:aws:iam::0000000000000000000000000000000b:root"] }),
        json!({ "AWS": "*" }),
    ]);
    let actions =
        vec!["*", "s3:*", "s3:GetObject", "s3:Get*", "s3:PutObject", "s3:?utObject", "s3:List*", "s3:Delete*"];
    let resources = vec![
        "arn:aws:s3:::photos",
        "arn:aws:s3:::photos/*",
        "arn:aws:s3:::photos/${aws:username}/*",
        "arn:aws:s3:::photos/a?",
        "arn:aws:s3:::photos/${*}",
        "arn:aws:s3:::ph*s/b*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::photos/${aws:username, 'alice'}/x",
    ];
    let elements = (principals, subsequence(actions, 1..4), subsequence(resources, 1..4));
    let conditions = prop::collection::vec(any_condition(), 0..3);
    (select(vec!["Allow", "Allow", "Deny"]), elements, conditions, proptest::array::uniform3(0..4_u8)).prop_map(
        |(effect, (principals, actions, resources), conditions, negations)| {
            let name =
                |is_negated: u8, name: &str| if is_negated == 0 { format!("Not{name}") } else { name.to_owned() };
            let mut operators = Map::new();
            for (operator, key, values) in conditions {
                operators.entry(operator).or_insert_with(|| json!({}))[key] = values;
            }
            json!({
                "Effect": effect,
                name(negations[0], "Principal"): principals,
                name(negations[1], "Action"): actions,
                name(negations[2], "Resource"): resources,
                "Condition": operators,
            })
        },
    )
}

fn any_asked() -> impl Strategy<Value = Asked> {
    let account = prop::option::weighted(0.7, 0..NAMES.len());
    let level = prop::option::of(select(vec!["alice", "ab", "bob"]).prop_map(str::to_owned));
    (0..REQUESTS.len(), account, 0..ADDRESSES.len(), level).prop_map(|(request, account, address, level)| Asked {
        request,
        account,
        address,
        level,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn policies_decide_as_the_reference_says(
        statements in prop::collection::vec(any_statement(), 1..4),
        asked in prop::collection::vec(any_asked(), 1..8),
    ) {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        for asked in &asked {
            prop_assert_eq!(found(&policy, asked), expected(&policy, asked), "{} {:?}", policy, asked);
        }
    }
}

/// A sample in which nearly all is refused, or allowed, would show little.
#[test]
fn samples_have_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut counts = [0; 3];
    for _ in 0..1000 {
        let statements = prop::collection::vec(any_statement(), 1..4).new_tree(&mut runner).unwrap().current();
        let asked = any_asked().new_tree(&mut runner).unwrap().current();
        counts[expected(&json!({ "Statement": statements }), &asked) as usize] += 1;
    }
    assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
}
