//! What policies decide, and that neither order nor company changes it.

mod conditions;
mod grammar;
mod model;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::access::testing::{NOW, caller, head, peer};
use crate::name::{BucketName, ObjectKey};
use crate::wire::Head;

const ALICE: &str = "0000000000000000000000000000000a";

fn photos() -> BucketName {
    BucketName::parse("photos").unwrap()
}

fn of_bucket(policy: &Value) -> Result<Policy> {
    Policy::of_bucket(policy.to_string().as_bytes(), &photos())
}

/// A policy of one statement that allows everyone everything, with `members` in place of its own; `null` removes one.
fn statement(members: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": ["photos", "photos/*"]
    });
    let (Value::Object(own), Value::Object(members)) = (&mut statement, members) else { unreachable!() };
    for (name, value) in members {
        if value.is_null() {
            own.remove(&name)
        } else {
            own.insert(name, value)
        };
    }
    statement
}

fn policy(members: Value) -> Value {
    json!({ "Statement": statement(members) })
}

/// What a policy says to alice about a request, asked as `action`.
fn decide(policy: &Policy, action: Action, head: &Head) -> Verdict {
    let caller = caller(10, "alice");
    let context = Context::new(head, peer("10.1.2.3"), NOW);
    let key = head.target.key.as_ref().map(ObjectKey::as_str);
    policy.decide(&Question { caller: &caller, action, bucket: "photos", owner: None, key, context: &context })
}

fn allows(members: Value, action: Action, request: &str) -> bool {
    decide(&of_bucket(&policy(members)).unwrap(), action, &head(request)) == Verdict::Allow
}

#[test]
fn actions_match_by_name_and_wildcard() {
    let check = |pattern: &str, action: Action, expected: bool| {
        let key = if action.level() == crate::access::Level::Object { "/k" } else { "" };
        let found = allows(json!({ "Action": pattern }), action, &format!("GET /photos{key}"));
        assert_eq!(found, expected, "{pattern} {action:?}");
    };
    check("GetObject", Action::GetObject, true);
    check("getobject", Action::GetObject, true);
    check("s3:GetObject", Action::GetObject, true);
    check("S3:GETOBJECT", Action::GetObject, true);
    check("obs:object:GetObject", Action::GetObject, true);
    check("GetObject", Action::GetObjectVersion, false);
    check("GetObject*", Action::GetObjectVersion, true);
    check("Get?bject", Action::GetObject, true);
    check("*", Action::PutBucketAcl, true);
    check("s3:*", Action::PutObject, true);
    check("obs:*:*", Action::PutObject, true);
    check("obs:object:*", Action::PutBucketAcl, false);
    check("obs:bucket:*", Action::PutBucketAcl, true);
    check("List*", Action::ListBucketVersions, true);
    check("List*", Action::GetObject, false);
    // S3 has no name of its own for these.
    check("s3:ListBucket", Action::HeadBucket, true);
    check("ListBucket", Action::HeadBucket, false);
    check("HeadBucket", Action::HeadBucket, true);
    check("s3:PutBucketTagging", Action::DeleteBucketTagging, true);
    check("s3:ReplicateObject", Action::PutObject, false);
    let not = |action| allows(json!({ "Action": null, "NotAction": ["GetObject", "Put*"] }), action, "GET /photos/k");
    assert!(!not(Action::GetObject) && !not(Action::PutObject) && not(Action::DeleteObject));
}

#[test]
fn resources_are_the_bucket_or_keys_in_it() {
    let check = |resource: Value, request: &str, expected: bool| {
        let found = allows(json!({ "Resource": resource }), Action::GetObject, request);
        assert_eq!(found, expected, "{resource} {request}");
    };
    check(json!("photos"), "GET /photos", true);
    check(json!("photos"), "GET /photos/k", false);
    check(json!("photos/*"), "GET /photos", false);
    check(json!("photos/*"), "GET /photos/a/b", true);
    check(json!("arn:aws:s3:::photos/a/*"), "GET /photos/a/b", true);
    check(json!("photos/a/*"), "GET /photos/b", false);
    check(json!("photos/A"), "GET /photos/a", false);
    check(json!(["photos/x", "photos/a?"]), "GET /photos/a%C3%A9", true);
    let not = |request| allows(json!({ "Resource": null, "NotResource": ["photos/a*"] }), Action::GetObject, request);
    assert!(!not("GET /photos/ab") && not("GET /photos/b") && not("GET /photos"));
}

#[test]
fn published_samples_decide_as_they_say() {
    // One user of another account may do everything but delete; nobody may without TLS from outside.
    let sample = json!({ "Version": "2008-10-17", "Id": "p", "Statement": [
        { "Sid": "1", "Effect": "Allow", "Principal": { "ID": [format!(" domain/{ALICE}:user/*")] },
          "NotAction": ["Delete*"], "Resource": ["photos", "photos/*"] },
        { "Sid": "2", "Effect": "Deny", "NotPrincipal": { "AWS": [format!("arn:aws:iam::{ALICE}:root")] },
          "Action": "s3:*", "Resource": ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"] }
    ]});
    let policy = of_bucket(&sample).unwrap();
    assert_eq!(decide(&policy, Action::GetObject, &head("GET /photos/k")), Verdict::Allow);
    assert_eq!(decide(&policy, Action::DeleteObject, &head("DELETE /photos/k")), Verdict::Silent);
    for other in [Caller::Anonymous, caller(11, "bob")] {
        let head = head("GET /photos/k");
        let context = Context::new(&head, peer(""), NOW);
        let question = Question {
            caller: &other,
            action: Action::GetObject,
            bucket: "photos",
            owner: None,
            key: Some("k"),
            context: &context,
        };
        assert_eq!(policy.decide(&question), Verdict::Deny);
    }
}

#[test]
fn the_policy_of_a_key_has_no_principal() {
    let of_key = |members: Value| Policy::of_key(policy(members).to_string().as_bytes());
    assert!(of_key(json!({})).is_err());
    assert!(of_key(json!({ "Principal": null, "NotPrincipal": { "ID": ALICE } })).is_err());
    let narrow = of_key(json!({ "Principal": null, "Action": ["obs:object:Get*", "s3:ListAllMyBuckets"],
        "Resource": ["obs:*:*:object:photos/a/*", "arn:aws:s3:::other/*", "*x"] }))
    .unwrap();
    let ask = |action, bucket, key| {
        let (caller, head) = (caller(10, "alice"), head("GET /"));
        let context = Context::new(&head, peer(""), NOW);
        narrow.decide(&Question { caller: &caller, action, bucket, owner: None, key, context: &context })
            == Verdict::Allow
    };
    assert!(ask(Action::GetObject, "photos", Some("a/b")));
    assert!(ask(Action::GetObject, "other", Some("b")));
    assert!(ask(Action::GetObject, "third", Some("x")));
    assert!(!ask(Action::GetObject, "photos", Some("b")));
    assert!(!ask(Action::PutObject, "photos", Some("a/b")));
    assert!(!ask(Action::ListAllMyBuckets, "", None));
    let anything = of_key(json!({ "Principal": null, "Resource": "*" })).unwrap();
    let (caller, head) = (caller(10, "alice"), head("GET /"));
    let context = Context::new(&head, peer(""), NOW);
    let question = Question {
        caller: &caller,
        action: Action::ListAllMyBuckets,
        bucket: "",
        owner: None,
        key: None,
        context: &context,
    };
    assert_eq!(anything.decide(&question), Verdict::Allow);
}

#[test]
fn what_is_public() {
    let check = |members: Value, expected: bool| {
        let parsed = of_bucket(&policy(members.clone())).unwrap();
        assert_eq!(parsed.is_public(), expected, "{members}");
    };
    check(json!({}), true);
    check(json!({ "Principal": { "AWS": "*" } }), true);
    check(json!({ "Effect": "Deny" }), false);
    check(json!({ "Principal": { "ID": ALICE } }), false);
    check(json!({ "Principal": null, "NotPrincipal": { "ID": ALICE } }), true);
    check(json!({ "Condition": { "IpAddress": { "SourceIp": "10.0.0.0/8" } } }), false);
    check(json!({ "Condition": { "IpAddress": { "SourceIp": ["10.0.0.0/8", "0.0.0.0/0"] } } }), true);
    check(json!({ "Condition": { "NotIpAddress": { "SourceIp": "10.0.0.0/8" } } }), true);
    check(json!({ "Condition": { "StringLike": { "Referer": "x" } } }), true);
    check(json!({ "Condition": { "StringEquals": { "aws:PrincipalAccount": ALICE } } }), false);
    check(json!({ "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::1:root" } } }), false);
    check(json!({ "Condition": { "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:root" } } }), true);
    check(json!({ "Condition": { "StringNotEquals": { "aws:userid": ALICE } } }), true);
    check(json!({ "Condition": { "StringEqualsIfExists": { "aws:userid": ALICE } } }), true);
    check(json!({ "Condition": { "ForAllValues:StringEquals": { "aws:userid": ALICE } } }), true);
    check(json!({ "Condition": { "StringEquals": { "aws:userid": [ALICE, "${null}"] } } }), true);
    check(json!({ "Condition": { "NumericLessThan": { "s3:signatureAge": 1 } } }), true);
    let variable = json!({ "Condition": { "StringEquals": { "aws:userid": "${aws:userid}" } } });
    let variable = json!({ "Version": "2012-10-17", "Statement": statement(variable) });
    assert!(of_bucket(&variable).unwrap().is_public());
}

#[test]
fn a_policy_that_wastes_time_denies() {
    let slow = |count: usize| {
        let resources = vec![format!("photos/*{}b", "a".repeat(500)); count];
        let deny = statement(json!({ "Effect": "Deny", "Resource": resources }));
        of_bucket(&json!({ "Statement": [statement(json!({})), deny] })).unwrap()
    };
    let request = head(&format!("GET /photos/{}", "a".repeat(limits::KEY_BYTES_MAX)));
    assert_eq!(decide(&slow(1), Action::GetObject, &request), Verdict::Allow);
    assert_eq!(decide(&slow(36), Action::GetObject, &request), Verdict::Deny);
}

#[test]
fn a_policy_that_cannot_be_read_any_more_denies() {
    let policies = Policies::default();
    let closed = policies.of_bucket(&photos(), b"{}");
    assert_eq!(decide(&closed, Action::GetObject, &head("GET /photos/k")), Verdict::Deny);
    assert_eq!(decide(&closed, Action::ListBucket, &head("GET /photos")), Verdict::Deny);
    assert!(Arc::ptr_eq(&closed, &policies.of_bucket(&photos(), b"{}")));
    let text = policy(json!({})).to_string();
    assert_eq!(
        decide(&policies.of_bucket(&photos(), text.as_bytes()), Action::GetObject, &head("GET /photos/k")),
        Verdict::Allow
    );
}

/// Statements that hold for some of the requests below.
fn any_statement() -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({ "ID": ALICE }),
        json!({ "ID": format!("{:032x}", 11) }),
        json!({ "AWS": ["*", ALICE] }),
    ]);
    let actions = subsequence(vec!["GetObject", "PutObject", "List*", "s3:Delete*", "*"], 1..3);
    let resources = subsequence(vec!["photos", "photos/*", "photos/a*", "photos/b", "arn:aws:s3:::photos/?"], 1..3);
    let conditions = select(vec![
        json!({}),
        json!({ "StringEquals": { "prefix": "a" } }),
        json!({ "IpAddress": { "SourceIp": "10.0.0.0/8" } }),
        json!({ "NotIpAddress": { "SourceIp": "10.0.0.0/8" } }),
        json!({ "Bool": { "SecureTransport": "false" } }),
    ]);
    let effects = select(vec!["Allow", "Deny"]);
    let negations = proptest::array::uniform3(any::<bool>());
    (effects, principals, actions, resources, conditions, negations).prop_map(
        |(effect, principals, actions, resources, conditions, [no_principal, no_action, no_resource])| {
            let name = |is_negated: bool, name: &str| if is_negated { format!("Not{name}") } else { name.to_owned() };
            json!({
                "Effect": effect,
                name(no_principal, "Principal"): principals,
                name(no_action, "Action"): actions,
                name(no_resource, "Resource"): resources,
                "Condition": conditions,
            })
        },
    )
}

const REQUESTS: [(Action, &str); 6] = [
    (Action::GetObject, "GET /photos/a"),
    (Action::PutObject, "PUT /photos/b"),
    (Action::DeleteObject, "DELETE /photos/c/d"),
    (Action::ListBucket, "GET /photos?prefix=a"),
    (Action::ListBucket, "GET /photos"),
    (Action::DeleteBucket, "DELETE /photos"),
];

fn verdicts(statements: &[Value]) -> Vec<Verdict> {
    let parsed = of_bucket(&json!({ "Statement": statements })).unwrap();
    REQUESTS.iter().map(|(action, request)| decide(&parsed, *action, &head(request))).collect()
}

proptest! {
    #[test]
    fn the_order_of_statements_does_not_matter(
        (statements, shuffled) in prop::collection::vec(any_statement(), 1..6)
            .prop_flat_map(|statements| (Just(statements.clone()), Just(statements).prop_shuffle()))
    ) {
        prop_assert_eq!(verdicts(&statements), verdicts(&shuffled));
    }

    /// A policy decides as its statements do one by one: any that denies wins, else any that allows.
    #[test]
    fn deny_beats_allow_beats_silence(statements in prop::collection::vec(any_statement(), 1..6)) {
        let alone: Vec<Vec<Verdict>> =
            statements.iter().map(|statement| verdicts(std::slice::from_ref(statement))).collect();
        for (index, together) in verdicts(&statements).into_iter().enumerate() {
            let has = |verdict| alone.iter().any(|verdicts| verdicts[index] == verdict);
            let expected = if has(Verdict::Deny) {
                Verdict::Deny
            } else if has(Verdict::Allow) {
                Verdict::Allow
            } else {
                Verdict::Silent
            };
            prop_assert_eq!(together, expected);
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\":,a-zA-Z*$ 0-9]{0,200}") {
        let _ = Policy::of_bucket(text.as_bytes(), &photos());
        let _ = Policy::of_key(text.as_bytes());
    }
}
