//! `x-obs-acl` with one of the canned lists, or `x-obs-grant-*` with grants (OBS reference, "Configuring a Bucket ACL",
//! "Configuring an Object ACL"). Both dialects' canned names are taken in both: published SDKs send them so.

use hyper::header::HeaderName;

use super::written::{Named, Written, WrittenGrant};
use super::{Kind, Owners, parse_email, parse_grantee_id, parse_group};
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::limits;
use crate::meta::Tx;
use crate::name::AccountId;
use crate::wire::Head;

/// What the headers of a request say of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    Nothing,
    /// This list.
    List(Written),
}

impl Given {
    /// The list of something new of `owner`'s, which is private if nothing is said. Refusals are those of
    /// [`Written::resolve`].
    pub fn resolve(&self, tx: &mut Tx<'_>, owner: AccountId) -> Result<Option<Acl>> {
        match self {
            Self::Nothing => Ok(None),
            Self::List(written) => written.resolve(tx, owner),
        }
    }
}

/// The canned list that is allowed where lists are disabled.
pub(super) const BUCKET_OWNER_FULL_CONTROL: &str = "bucket-owner-full-control";

/// Headers that grant, by their tails: what, and whether on a bucket it is delivered to its objects.
const GRANTS: [(&str, Permission, bool); 7] = [
    ("grant-read", Permission::Read, false),
    ("grant-write", Permission::Write, false),
    ("grant-read-acp", Permission::ReadAcp, false),
    ("grant-write-acp", Permission::WriteAcp, false),
    ("grant-full-control", Permission::FullControl, false),
    ("grant-read-delivered", Permission::Read, true),
    ("grant-full-control-delivered", Permission::FullControl, true),
];

/// Whether headers, or parameters in their place, ask for a list, well or badly.
#[must_use]
pub fn is_given(head: &Head) -> bool {
    head.own_all().any(|(tail, _)| is_of_list(tail))
}

fn is_of_list(tail: &str) -> bool {
    let is_grant = tail.get(..GRANT.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRANT));
    is_grant || tail.eq_ignore_ascii_case("acl")
}

/// What the tails of headers begin with that grant.
const GRANT: &str = "grant-";

/// Refuses with 400 `InvalidArgument` a request that names a list by one header several times: only one would count.
pub fn check_once(head: &Head) -> Result<()> {
    let prefix = head.dialect.header_prefix();
    let is_repeated = |name: &&HeaderName| {
        let is_own = name.as_str().strip_prefix(prefix).is_some_and(is_of_list);
        is_own && head.headers.get_all(*name).iter().nth(1).is_some()
    };
    match head.headers.keys().find(is_repeated) {
        Some(name) => Err(Code::InvalidArgument.because(format!("{name} comes twice."))),
        None => Ok(()),
    }
}

/// The list that headers ask for; `find` gives the value of `x-obs-<tail>` or `x-amz-<tail>`.
///
/// 400 `InvalidArgument` for a canned list there is not, for what is no grantee, for more than
/// [`limits::GRANT_COUNT_MAX`] grants; 400 `InvalidRequest` for a canned list together with grants. Whether the accounts
/// named are there is still to be asked: [`Given::resolve`].
pub fn from_headers<'h>(find: impl Fn(&str) -> Option<&'h str>, kind: Kind, owners: Owners) -> Result<Given> {
    let canned = find("acl").map(|name| canned(name.trim(), kind, owners)).transpose()?;
    let mut grants = Vec::new();
    for (tail, permission, delivered) in GRANTS {
        let Some(grantees) = find(tail) else { continue };
        if delivered && kind == Kind::Object {
            return Err(Code::InvalidArgument.because(format!("{tail} is for buckets.")));
        }
        for grantee in grantees.split(',') {
            grants.push(WrittenGrant { grantee: parse_grantee(grantee.trim())?, permission, delivered });
        }
    }
    match (canned, grants.len()) {
        (None, 0) => Ok(Given::Nothing),
        (Some(acl), 0) => Ok(Given::List(acl.into())),
        (Some(_), _) => Err(Code::InvalidRequest.because("A canned list and grants exclude each other.")),
        (None, 1..=limits::GRANT_COUNT_MAX) => Ok(Given::List(Written { grants, takes_delivered: true })),
        (None, _) => {
            Err(Code::InvalidArgument.because(format!("A list has at most {} grants.", limits::GRANT_COUNT_MAX)))
        }
    }
}

fn canned(name: &str, kind: Kind, owners: Owners) -> Result<Acl> {
    use Grantee::{AuthenticatedUsers, Everyone, LogDelivery};
    use Permission::{FullControl, Read, ReadAcp, Write};
    let bucket_owner = Grantee::Account(owners.bucket_owner);
    let (given, is_delivered): (&[(Grantee, Permission)], bool) = match name {
        // The second gives Amazon's machines what there are none of here.
        "private" | "aws-exec-read" => (&[], false),
        "public-read" => (&[(Everyone, Read)], false),
        "public-read-write" => (&[(Everyone, Read), (Everyone, Write)], false),
        "public-read-delivered" => (&[(Everyone, Read)], true),
        "public-read-write-delivered" => (&[(Everyone, Read), (Everyone, Write)], true),
        "authenticated-read" => (&[(AuthenticatedUsers, Read)], false),
        "log-delivery-write" => (&[(LogDelivery, Write), (LogDelivery, ReadAcp)], false),
        "bucket-owner-read" => (&[(bucket_owner, Read)], false),
        BUCKET_OWNER_FULL_CONTROL => (&[(bucket_owner, FullControl)], false),
        _ => return Err(Code::InvalidArgument.because(format!("There is no access control list {name:?}."))),
    };
    let delivered = is_delivered && kind == Kind::Bucket;
    // What the owner is given besides, they have.
    let owner = Grantee::Account(owners.owner);
    let given = given.iter().filter(|(grantee, _)| *grantee != owner);
    let mut grants: Vec<Grant> =
        given.map(|(grantee, permission)| Grant { grantee: *grantee, permission: *permission, delivered }).collect();
    grants.push(Grant::plain(owner, FullControl));
    Ok(Acl { grants, takes_delivered: true })
}

/// `id=…`, and in S3 `uri=…` and `emailAddress=…`, with or without quotes.
fn parse_grantee(text: &str) -> Result<Named> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    let (kind, value) = (kind.trim().to_ascii_lowercase(), value.trim());
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    match kind.as_str() {
        "id" => parse_grantee_id(value),
        "uri" => {
            parse_group(value).ok_or_else(|| Code::InvalidArgument.because(format!("There is no group {value:?}.")))
        }
        "emailaddress" => parse_email(value),
        _ => Err(Code::InvalidArgument.because(format!("{text:?} is no grantee; id=ACCOUNT_ID is one."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: AccountId = AccountId(10);
    const OTHER: AccountId = AccountId(11);

    /// `grantee permission` of each grant, `+` where it is delivered; `private` for no list.
    fn show(acl: Option<&Acl>) -> String {
        let Some(acl) = acl else { return "private".to_owned() };
        let one = |grant: &Grant| {
            let grantee = match grant.grantee {
                Grantee::Account(OWNER) => "owner".to_owned(),
                Grantee::Account(OTHER) => "other".to_owned(),
                group => format!("{group:?}"),
            };
            format!("{grantee} {}{}", grant.permission.name(), if grant.delivered { "+" } else { "" })
        };
        acl.grants.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn check_as(kind: Kind, owners: Owners, headers: &[(&str, &str)], expected: std::result::Result<&str, Code>) {
        let find = |tail: &str| headers.iter().find(|(name, _)| *name == tail).map(|(_, value)| *value);
        let find_email = |email: &str| match email {
            "other@example.com" => Ok(OTHER),
            _ => Err(Code::UnresolvableGrantByEmailAddress.into()),
        };
        let found = from_headers(find, kind, owners).and_then(|given| match given {
            Given::Nothing => Ok("nothing".to_owned()),
            Given::List(written) => Ok(show(written.with(owners.owner, find_email)?.as_ref())),
        });
        assert_eq!(found.map_err(|error| error.code()), expected.map(str::to_owned), "{kind:?} {headers:?}");
    }

    fn bucket(headers: &[(&str, &str)], expected: std::result::Result<&str, Code>) {
        check_as(Kind::Bucket, Owners::of_bucket(OWNER), headers, expected);
    }

    fn object(headers: &[(&str, &str)], expected: std::result::Result<&str, Code>) {
        check_as(Kind::Object, Owners { owner: OWNER, bucket_owner: OTHER }, headers, expected);
    }

    #[test]
    fn canned_lists_have_their_grants() {
        let both = |name: &str, expected: &str| {
            bucket(&[("acl", name)], Ok(expected));
            object(&[("acl", name)], Ok(expected));
        };
        both("private", "private");
        both("public-read", "Everyone READ, owner FULL_CONTROL");
        both(" public-read ", "Everyone READ, owner FULL_CONTROL");
        both("public-read-write", "Everyone READ, Everyone WRITE, owner FULL_CONTROL");
        both("aws-exec-read", "private");
        both("authenticated-read", "AuthenticatedUsers READ, owner FULL_CONTROL");
        both("log-delivery-write", "LogDelivery WRITE, LogDelivery READ_ACP, owner FULL_CONTROL");
        bucket(&[("acl", "public-read-delivered")], Ok("Everyone READ+, owner FULL_CONTROL"));
        bucket(&[("acl", "public-read-write-delivered")], Ok("Everyone READ+, Everyone WRITE+, owner FULL_CONTROL"));
        object(&[("acl", "public-read-delivered")], Ok("Everyone READ, owner FULL_CONTROL"));
        bucket(&[("acl", "bucket-owner-read")], Ok("private"));
        bucket(&[("acl", "bucket-owner-full-control")], Ok("private"));
        object(&[("acl", "bucket-owner-read")], Ok("other READ, owner FULL_CONTROL"));
        object(&[("acl", "bucket-owner-full-control")], Ok("other FULL_CONTROL, owner FULL_CONTROL"));
        bucket(&[], Ok("nothing"));
        for bad in ["", "public", "Private", "public-ready", "private,private"] {
            bucket(&[("acl", bad)], Err(Code::InvalidArgument));
            object(&[("acl", bad)], Err(Code::InvalidArgument));
        }
    }

    #[test]
    fn grants_name_accounts_and_groups() {
        let unresolvable = Code::UnresolvableGrantByEmailAddress;
        let (owner, other) = (format!("id={OWNER}"), format!("id={OTHER}"));
        bucket(&[("grant-read", &other)], Ok("other READ"));
        bucket(&[("grant-full-control", &owner)], Ok("private"));
        bucket(
            &[
                ("grant-read", &format!("{owner}, {other}")),
                ("grant-write", &format!("ID=\"{OTHER}\"")),
                ("grant-read-acp", &other),
                ("grant-write-acp", &other),
                ("grant-full-control", &owner),
                ("grant-read-delivered", &other),
                ("grant-full-control-delivered", &other),
            ],
            Ok("owner READ, other READ, other WRITE, other READ_ACP, other WRITE_ACP, owner FULL_CONTROL, \
                other READ+, other FULL_CONTROL+"),
        );
        object(&[("grant-write", &other)], Ok("other WRITE"));
        object(&[("grant-read-delivered", &other)], Err(Code::InvalidArgument));
        for (uri, group) in [
            ("global/AllUsers", "Everyone"),
            ("global/AuthenticatedUsers", "AuthenticatedUsers"),
            ("s3/LogDelivery", "LogDelivery"),
        ] {
            let header = format!("uri=\"http://acs.amazonaws.com/groups/{uri}\"");
            object(&[("grant-read", &header)], Ok(&format!("{group} READ")));
        }
        for bad in ["", "id", "id=", "id=alice", "id=1", "uri=x", "name=x", &format!("{OTHER}"), &format!("{other},")] {
            bucket(&[("grant-read", bad)], Err(Code::InvalidArgument));
        }
        bucket(&[("grant-read", "emailAddress=\"other@example.com\"")], Ok("other READ"));
        bucket(&[("grant-read", "emailAddress=other@example.com, emailaddress=a@b.c")], Err(unresolvable));
        bucket(&[("grant-read", "emailAddress=")], Err(unresolvable));
        bucket(
            &[("grant-read", &format!("emailAddress={}@b.c", "a".repeat(limits::EMAIL_BYTES_MAX)))],
            Err(unresolvable),
        );
        bucket(&[("acl", "private"), ("grant-read", &other)], Err(Code::InvalidRequest));
        let many = |count| vec![other.as_str(); count].join(",");
        bucket(&[("grant-read", &many(limits::GRANT_COUNT_MAX + 1))], Err(Code::InvalidArgument));
        bucket(
            &[("grant-read", &many(limits::GRANT_COUNT_MAX))],
            Ok(&["other READ"; limits::GRANT_COUNT_MAX].join(", ")),
        );
    }
}
