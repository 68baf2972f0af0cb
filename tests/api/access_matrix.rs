//! Every operation, asked for by every kind of caller in both dialects, and held against the tables of `docs/access.md`:
//! whoever changes who may what changes that page. Nobody who is refused changes anything.
//!
//! `UPDATE_DOCS=1 cargo test --test api access_matrix` writes the tables anew; the prose around them is by hand.

#![expect(clippy::disallowed_methods, reason = "reads a page of the docs and one variable of its own")]

use std::fmt::Write as _;
use std::fs;

use hyper::Method;
use obs_gateway::access::Action;
use obs_gateway::meta::{AccountStatus, NewAccessKey};
use obs_gateway::ops::{Op, TABLE};
use serde_json::json;

use crate::answer::Answer;
use crate::form::Form;
use crate::support::{As, Gateway, NOW};
use crate::table::{CORS, EXPECTED, LOCKED, OBJECT_TAGS, OWNERSHIP, POLICY, PUBLIC_ACCESS, Row, TAGS, is_call};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md");

/// A kind of caller. What is asked for is alice's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Owner,
    /// Alice, where the policy denies everyone the one action.
    OwnerDenied,
    Other,
    /// Bob, where the policy allows him the one action.
    OtherAllowed,
    /// Bob, where the policy allows him every other.
    OtherAllowedRest,
    Nobody,
    /// Without a signature, where the policy allows everyone the one action.
    NobodyAllowed,
    /// Without a signature, where the bucket's list gives everyone all that a canned list can.
    NobodyListed,
    Frozen,
    Deregistered,
    /// A key of alice's for the one action.
    Narrowed,
    /// A key of hers for every other.
    NarrowedAway,
    Temporary,
    Expired,
    WrongToken,
    WrongSignature,
}

use Column::{
    Deregistered, Expired, Frozen, Narrowed, NarrowedAway, Nobody, NobodyAllowed, NobodyListed, Other, OtherAllowed,
    OtherAllowedRest, Owner, OwnerDenied, Temporary, WrongSignature, WrongToken,
};

/// The tables of the page, by the mark above each.
const TABLES: [(&str, &[Column]); 3] = [
    ("accounts", &[Owner, Other, Nobody, NobodyListed]),
    ("policies", &[OwnerDenied, OtherAllowed, OtherAllowedRest, NobodyAllowed]),
    ("keys", &[Frozen, Deregistered, Narrowed, NarrowedAway, Temporary, Expired, WrongToken, WrongSignature]),
];

impl Column {
    fn title(self) -> &'static str {
        match self {
            Owner => "owner",
            OwnerDenied => "owner, denied it",
            Other => "other account",
            OtherAllowed => "other, allowed it",
            OtherAllowedRest => "other, allowed all else",
            Nobody => "anonymous",
            NobodyAllowed => "anonymous, allowed it",
            NobodyListed => "anonymous, public bucket",
            Frozen => "frozen",
            Deregistered => "deregistered",
            Narrowed => "key for it",
            NarrowedAway => "key for all else",
            Temporary => "temporary key",
            Expired => "expired",
            WrongToken => "wrong token",
            WrongSignature => "wrong signature",
        }
    }

    /// Whose key signs.
    fn signer(self, is_obs: bool) -> As {
        let name = match self {
            Nobody | NobodyAllowed | NobodyListed => return As::Nobody,
            Owner | OwnerDenied | Frozen | Deregistered => "alice",
            Other | OtherAllowed | OtherAllowedRest => "bob",
            Narrowed | NarrowedAway => "narrowed",
            Temporary | WrongToken => "lent",
            Expired => "lapsed",
            WrongSignature => "forged",
        };
        if is_obs { As::Obs(name) } else { As::Aws(name) }
    }

    /// What is sent beside the request itself. Nobody's dialect shows in the words of their headers alone.
    fn header(self, is_obs: bool) -> Option<(String, &'static str)> {
        let prefix = if is_obs { "x-obs-" } else { "x-amz-" };
        let (tail, value) = match self {
            Temporary => ("security-token", "T-lent"),
            Expired | WrongToken => ("security-token", "T-lapsed"),
            Nobody | NobodyAllowed | NobodyListed => ("request-payer", "requester"),
            _ => return None,
        };
        Some((format!("{prefix}{tail}"), value))
    }

    fn status(self) -> AccountStatus {
        match self {
            Frozen => AccountStatus::Frozen,
            Deregistered => AccountStatus::Deregistered,
            _ => AccountStatus::Active,
        }
    }

    /// The policy of `bucket` while this caller asks for `action`.
    fn policy(self, bucket: &str, action: &str, bob: &str) -> Option<String> {
        let (effect, principal, element) = match self {
            OwnerDenied => ("Deny", json!("*"), "Action"),
            OtherAllowed => ("Allow", json!({ "ID": bob }), "Action"),
            OtherAllowedRest => ("Allow", json!({ "ID": bob }), "NotAction"),
            NobodyAllowed => ("Allow", json!("*"), "Action"),
            _ => return None,
        };
        let resources = [bucket.to_owned(), format!("{bucket}/*")];
        let policy = json!({ "Statement":
            { "Effect": effect, "Principal": principal, element: action, "Resource": resources } });
        Some(format!("PUT /{bucket}?policy\n\n{policy}"))
    }

    /// The policy of the key `AK-narrowed`.
    fn narrowing(self, action: &str) -> Option<String> {
        let element = match self {
            Narrowed => "Action",
            NarrowedAway => "NotAction",
            _ => return None,
        };
        Some(json!({ "Statement": { "Effect": "Allow", element: action, "Resource": "*" } }).to_string())
    }
}

/// What [`furnished`] gives alice.
const BUCKETS: [&str; 4] = ["photos", "files", "vault", "empty"];

/// Everything of alice's that any operation needs, in buckets without a policy.
async fn furnished() -> Gateway {
    let gateway = Gateway::with_vault().await;
    for request in [
        "PUT /empty",
        TAGS,
        CORS,
        PUBLIC_ACCESS,
        OWNERSHIP,
        "PUT /photos/k\n\nhello",
        "PUT /photos/k2\n\nhello",
        OBJECT_TAGS,
        "PUT /photos/cold\nx-obs-storage-class: COLD\n\nhello",
        "PUT /files/f\n\nhello",
        LOCKED,
    ] {
        let made = gateway.send(As::Obs("alice"), request).await;
        assert!(made.status.is_success(), "{request}\n{}", made.text());
    }
    gateway.lend("narrowed", None, false).await;
    gateway.lend("lent", Some(NOW + 1), true).await;
    gateway.lend("lapsed", Some(NOW), true).await;
    gateway.add_key(&NewAccessKey::permanent("AK-forged".to_owned(), "another".to_owned())).await;
    gateway
}

/// The row's request. Here each operation finds the same, not what those before it left behind.
async fn request(row: &Row, gateway: &Gateway) -> String {
    match row.name {
        "CreateBucket" => "PUT /new".to_owned(),
        "DeleteBucket" => "DELETE /empty".to_owned(),
        "AppendObject" => "POST /photos/log?append&position=0\n\n!".to_owned(),
        "RestoreObject" => row.request(gateway).await.replace("/photos/k", "/photos/cold"),
        _ => row.request(gateway).await,
    }
}

/// Callers of one kind on their way through the table.
struct Walk {
    column: Column,
    is_obs: bool,
    gateway: Gateway,
}

impl Walk {
    async fn new(column: Column, is_obs: bool) -> Self {
        Self { column, is_obs, gateway: furnished().await }
    }

    /// What the caller is told, as the page has it.
    async fn cell(&mut self, op: &Op) -> String {
        let row = EXPECTED.iter().find(|row| row.name == op.name);
        let row = row.unwrap_or_else(|| panic!("{} has no request in the table of tests", op.name));
        let request = self.prepare(op, row).await;
        let before = self.gateway.fingerprint();
        let answer = self.ask(&request).await;
        let cell = cell(&answer, row);
        let has_changed = self.gateway.fingerprint() != before;
        let may_change = cell == "yes" && !matches!(op.verb, Method::GET | Method::HEAD | Method::OPTIONS);
        assert!(may_change || !has_changed, "{} has changed something for {:?}", row.name, self.column);
        // Else the digest would prove nothing.
        assert!(has_changed || cell != "yes" || op.growth.is_empty(), "{} has done nothing", row.name);
        self.gateway.set_status("alice", AccountStatus::Active).await;
        if has_changed {
            self.gateway.assert_sound();
            self.gateway = furnished().await;
        }
        cell
    }

    /// Sees to it that the caller is of the kind, and gives the request.
    async fn prepare(&self, op: &Op, row: &Row) -> String {
        let (gateway, alice) = (&self.gateway, As::Obs("alice"));
        for bucket in BUCKETS {
            gateway.check(alice, &format!("DELETE /{bucket}?policy"), "204").await;
        }
        let request = request(row, gateway).await;
        // What is everyone's has no name in policies; any other will do.
        let has_name = Action::ALL.iter().any(|action| action.name() == op.action.name());
        let action = if has_name { op.action.name() } else { "GetBucketLocation" };
        gateway.narrow("narrowed", self.column.narrowing(action).as_deref()).await;
        let target = request.split(' ').nth(1).unwrap_or_default();
        let bucket = target.split(['/', '?', '\n']).nth(1).unwrap_or_default();
        let mut policy = (row.name == "GetBucketPolicy").then(|| POLICY.to_owned());
        if BUCKETS.contains(&bucket) {
            policy = self.column.policy(bucket, action, &gateway.account_id("bob").await).or(policy);
            if self.column == NobodyListed {
                let list = format!("PUT /{bucket}?acl\nx-obs-acl: public-read-write-delivered");
                gateway.check(alice, &list, "200").await;
            }
        }
        if let Some(policy) = policy {
            gateway.check(alice, &policy, "204").await;
        }
        gateway.set_status("alice", self.column.status()).await;
        request
    }

    async fn ask(&self, request: &str) -> Answer {
        let is_obs = self.is_obs && !is_call(request);
        let signer = match self.column.signer(is_obs) {
            As::Aws(name) if is_call(request) => As::S3(name),
            signer => signer,
        };
        let Some((name, value)) = self.column.header(is_obs) else {
            return self.gateway.send(signer, request).await;
        };
        if let Some(form) = request.strip_prefix("POST /photos form: ") {
            let (key, file) = form.split_once("\n\n").expect("a form has a file");
            return self.gateway.post(signer, &Form::new(key, file.to_owned()).field(&name, value)).await;
        }
        let (line, rest) = request.split_at(request.find('\n').unwrap_or(request.len()));
        self.gateway.send(signer, &format!("{line}\n{name}: {value}{rest}")).await
    }
}

/// `yes`, or the code of the refusal. All of these are 403.
fn cell(answer: &Answer, row: &Row) -> String {
    let verdict = answer.verdict();
    if let Some(code) = verdict.strip_prefix("403 ") {
        return code.to_owned();
    }
    assert_eq!(verdict, row.owner, "{}\n{}", row.name, answer.text());
    match answer.element("Code") {
        Some(code) => format!("{code} per key"),
        None => "yes".to_owned(),
    }
}

/// What callers of one kind are told by each operation.
async fn walk(column: Column) -> Vec<String> {
    let (mut obs, mut aws) = (Walk::new(column, true).await, Walk::new(column, false).await);
    let mut cells = vec![column.title().to_owned()];
    for op in TABLE {
        let cell = obs.cell(op).await;
        assert_eq!(aws.cell(op).await, cell, "{} differs by dialect for {column:?}", op.name);
        cells.push(cell);
    }
    cells
}

/// A table in Markdown whose columns stand under each other.
fn table(columns: &[Vec<String>]) -> String {
    let widths: Vec<usize> = columns.iter().map(|cells| cells.iter().map(String::len).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for row in 0..=TABLE.len() {
        for (cells, width) in columns.iter().zip(&widths) {
            write!(text, "| {:<width$} ", cells[row]).expect("memory does not fail");
        }
        text.push_str("|\n");
        if row == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
            text.extend(["|", &rules.join("|"), "|\n"]);
        }
    }
    text
}

/// The page with `table` between the mark `name` and the end mark after it.
fn replace_table(page: &str, name: &str, table: &str) -> String {
    let mark = format!("<!-- table: {name} -->\n");
    let (before, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("the page has no {mark}"));
    let end = rest.find("<!-- end -->").expect("a table has its end");
    [before, &mark, table, &rest[end..]].concat()
}

#[tokio::test]
async fn everyone_gets_what_is_written() {
    let written = fs::read_to_string(PAGE).expect("the page is there");
    let mut page = written.clone();
    for (name, columns) in TABLES {
        let names = std::iter::once("operation").chain(TABLE.iter().map(|op| op.name));
        let mut cells: Vec<Vec<String>> = vec![names.map(str::to_owned).collect()];
        for column in columns {
            cells.push(walk(*column).await);
        }
        page = replace_table(&page, name, &table(&cells));
    }
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(PAGE, page).expect("the page can be written");
        return;
    }
    let differences: Vec<String> = (page.lines().zip(written.lines()))
        .filter(|(found, line)| found != line)
        .map(|(found, line)| format!("written {line}\nfound   {found}"))
        .collect();
    assert!(page == written, "docs/access.md says otherwise:\n{}", differences.join("\n"));
}
