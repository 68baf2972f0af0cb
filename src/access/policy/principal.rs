//! Whom a statement is about. Accounts have no users of their own here: an account is its one user, and statements
//! about users, agencies and groups that cannot be are kept and match nobody.

use serde_json::Value;

use super::parse::{Malformed, malformed, strings};
use crate::access::Caller;
use crate::name::AccountId;

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    /// `*`: anyone, signed or not.
    Everyone,
    /// An account, as itself or as all of its users.
    Account(AccountId),
    /// A user of an account, by name or id. The account itself is one, by its own name or id.
    User(AccountId, String),
    /// What no caller of this gateway is: agencies, federated identities, services, accounts of other systems.
    Nobody,
}

impl Principal {
    pub(super) fn matches(&self, caller: &Caller) -> bool {
        let account = caller.account().ok();
        match self {
            Self::Everyone => true,
            Self::Account(id) => account.is_some_and(|account| account.id == *id),
            Self::User(id, user) => account.is_some_and(|account| {
                account.id == *id && (account.name == *user || account.id.to_string().eq_ignore_ascii_case(user))
            }),
            Self::Nobody => false,
        }
    }
}

/// `"*"`, or an object of kinds and names.
pub(super) fn parse(value: &Value) -> Result<Vec<Principal>, Malformed> {
    match value {
        Value::String(text) if text.trim() == "*" => Ok(vec![Principal::Everyone]),
        Value::Object(kinds) if !kinds.is_empty() => {
            let mut principals = Vec::new();
            for (kind, names) in kinds {
                for name in strings(names)? {
                    principals.push(parse_one(kind, name.trim())?);
                }
            }
            Ok(principals)
        }
        _ => Err(malformed("a principal is \"*\" or an object")),
    }
}

fn parse_one(kind: &str, name: &str) -> Result<Principal, Malformed> {
    match kind {
        "ID" | "AWS" | "CanonicalUser" => {
            parse_identity(name).ok_or_else(|| malformed(format!("{name:?} is no principal")))
        }
        "Federated" | "Service" if !name.is_empty() => Ok(Principal::Nobody),
        "Federated" | "Service" => Err(malformed("a principal is empty")),
        _ => Err(malformed(format!("there is no kind of principal {kind:?}"))),
    }
}

/// `*`, `domain/ID` and `arn:aws:iam::ID`, each alone or with what it is in that account, and a bare id.
fn parse_identity(name: &str) -> Option<Principal> {
    if name == "*" {
        return Some(Principal::Everyone);
    }
    let (account, part) = match name.strip_prefix("domain/").or_else(|| name.strip_prefix("arn:aws:iam::")) {
        Some(rest) => rest.split_once(':').map_or((rest, None), |(account, part)| (account, Some(part))),
        None => (name, None),
    };
    if !is_account(account) {
        return None;
    }
    let id = AccountId::parse(account);
    let of_account = |principal: fn(AccountId) -> Principal| Some(id.map_or(Principal::Nobody, principal));
    match part {
        None | Some("root" | "user/*") => of_account(Principal::Account),
        Some(part) => match part.split_once('/')? {
            (_, "") => None,
            ("user", user) => Some(id.map_or(Principal::Nobody, |id| Principal::User(id, user.to_owned()))),
            ("agency" | "identity-provider" | "group" | "role", _) => Some(Principal::Nobody),
            _ => None,
        },
    }
}

/// Ids of this gateway have 32 hexadecimal digits. Samples and other systems have others: well-formed, nobody here.
fn is_account(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::testing::account;

    const ALICE: &str = "0000000000000000000000000000000a";

    /// Which of nobody, alice and bob a principal matches.
    fn check(json: &str, expected: Option<[bool; 3]>) {
        let parsed = parse(&serde_json::from_str(json).unwrap());
        let callers =
            [Caller::Anonymous, Caller::of(Arc::new(account(10, "alice"))), Caller::of(Arc::new(account(11, "bob")))];
        let found =
            parsed.map(|all| callers.each_ref().map(|caller| all.iter().any(|principal| principal.matches(caller))));
        assert_eq!(found.ok(), expected, "{json}");
    }

    #[test]
    fn principals_are_accounts() {
        let alice = Some([false, true, false]);
        let nobody = Some([false; 3]);
        let everyone = Some([true; 3]);
        check("\"*\"", everyone);
        for kind in ["ID", "AWS", "CanonicalUser"] {
            check(&format!("{{\"{kind}\": \"*\"}}"), everyone);
            check(&format!("{{\"{kind}\": [\"*\"]}}"), everyone);
            check(&format!("{{\"{kind}\": \"{ALICE}\"}}"), alice);
        }
        for name in [
            "domain/ID",
            " domain/ID",
            "domain/ID:user/*",
            "domain/ID:root",
            "domain/ID:user/alice",
            "domain/ID:user/ID",
            "arn:aws:iam::ID",
            "arn:aws:iam::ID:root",
            "arn:aws:iam::ID:user/*",
            "arn:aws:iam::ID:user/alice",
        ] {
            check(&format!("{{\"ID\": [\"{}\"]}}", name.replace("ID", ALICE)), alice);
        }
        for name in [
            "domain/ID:user/Alice",
            "domain/ID:user/bob",
            "domain/ID:agency/*",
            "arn:aws:iam::ID:agency/x",
            "domain/783fc6652cf246c096ea836694f7185",
            "domain/domainiddomainiddomainiddo006666:user/*",
            "arn:aws:iam::s3tenant1:root",
        ] {
            check(&format!("{{\"AWS\": [\"{}\"]}}", name.replace("ID", ALICE)), nobody);
        }
        check(&format!("{{\"ID\": [\"{ALICE}\", \"domain/{:032x}\"]}}", 11), Some([false, true, true]));
        check("{\"Federated\": \"domain/x:identity-provider/p\"}", nobody);
        check("{\"Service\": \"obs\", \"ID\": \"*\"}", everyone);
    }

    #[test]
    fn what_is_no_principal_is_malformed() {
        for bad in [
            "\"\"",
            "\"alice\"",
            "{}",
            "[]",
            "[\"*\"]",
            "7",
            "null",
            "{\"ID\": []}",
            "{\"ID\": 7}",
            "{\"ID\": [7]}",
            "{\"id\": \"*\"}",
            "{\"User\": \"*\"}",
            "{\"ID\": \"\"}",
            "{\"ID\": \"domain/\"}",
            "{\"ID\": \"domain/*\"}",
            "{\"ID\": \"domain/a b\"}",
            "{\"ID\": \"domain/a:user\"}",
            "{\"ID\": \"domain/a:user/\"}",
            "{\"ID\": \"domain/a:everything/x\"}",
            "{\"ID\": \"a:root\"}",
            "{\"AWS\": \"arn:aws:iam:us:a:root\"}",
            "{\"AWS\": \"arn:aws:s3:::a\"}",
            "{\"Service\": \"\"}",
        ] {
            check(bad, None);
        }
    }
}
