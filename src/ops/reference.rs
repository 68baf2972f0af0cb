//! The page about operations, printed from [`TABLE`] and [`RESERVED`].

use super::{BodyRule, Op, Pick, RESERVED, Scope, TABLE};

/// The operations reference as Markdown; `docs/operations.md` is this text.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for op in TABLE {
        page.push_str(&row(op));
    }
    page.push_str(RESERVED_HEAD);
    let names: Vec<String> = RESERVED.iter().map(|name| format!("`{name}`")).collect();
    page.push_str(&names.join(" "));
    page.push('\n');
    page
}

fn row(op: &Op) -> String {
    let address = match op.scope {
        Scope::Service => "/",
        Scope::Bucket => "/BUCKET",
        Scope::Object => "/BUCKET/KEY",
    };
    let picked: Vec<&str> = op.picked_parameters().collect();
    let mark = if picked.is_empty() { "" } else { "?" };
    let headers = op.picks.iter().filter_map(|pick| match pick {
        Pick::Header(tail) => Some(format!(" with `x-obs-{tail}`")),
        Pick::Query(_) | Pick::Call(_) => None,
    });
    let headers: String = headers.collect();
    let call = op.picks.iter().find_map(|pick| if let Pick::Call(name) = pick { Some(*name) } else { None });
    let call = call.map(|action| format!(" with `Action={action}`")).unwrap_or_default();
    let body = match op.body {
        BodyRule::Empty | BodyRule::Copied => "none",
        BodyRule::Document => "XML",
        BodyRule::DigestedDocument => "XML, digest",
        BodyRule::Json => "JSON",
        BodyRule::Stream => "object",
        BodyRule::Form | BodyRule::Call => "form",
    };
    let parameters: Vec<String> = op.parameters.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "| {} | `{} {address}{mark}{}`{headers}{call} | {} | {body} | `{}` | {} |\n",
        op.name,
        op.verb,
        picked.join("&"),
        parameters.join(" "),
        op.action.name(),
        op.document
    )
}

const HEAD: &str = "\
# Operations

Printed from the table in the code; a test keeps this page the same.

Buckets are addressed in the host (`BUCKET.obs.localhost`) or in the path; the table shows the path. Every operation is
there in both dialects, OBS and S3, on one port. The permission is what policies name and the access check is asked;
`Probe` and `Preflight` are everybody's, `TokenService` every account's. A body with `digest` comes with `Content-MD5` or `Content-SHA256`. The last column
names the page of the OBS API reference that defines the operation.

| operation | request | parameters | body | permission | defined in |
|---|---|---|---|---|---|
";

const RESERVED_HEAD: &str = "
## Not implemented

A request with one of these parameters is refused with 501 `ServiceNotImplemented` (in S3 `NotImplemented`), whatever
its method; where the table above has one too, for buckets or for objects, it is the other's that is not there. A parameter of the table above with another method than those it has is refused with 405
`MethodNotAllowed`. Neither ever falls through to the plain operation of its method: `DELETE /BUCKET?quota` does not delete
the bucket.

";
