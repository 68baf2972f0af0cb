//! `AccessControlPolicy`, read as any client writes it and written as its dialect has it (OBS reference, "Obtaining a
//! Bucket ACL", "Obtaining an Object ACL").

use std::collections::BTreeMap;

use bytes::Bytes;

use super::written::{Named, Written, WrittenGrant};
use super::{Kind, group_names, parse_email, parse_grantee_id, parse_group};
use crate::acl::{Acl, Grant, Grantee, Permission};
use crate::error::{Code, Result};
use crate::limits;
use crate::name::AccountId;
use crate::wire::dialect::Dialect;
use crate::wire::xml::{Element, Layout, Writer};

/// Reads a list of something that `owner` owns.
///
/// 400 `MalformedACLError` for what is no list, 400 `InvalidArgument` for what is no account's id, 403 `AccessDenied` for
/// another owner: ownership is not given away. Whether the accounts named are there is still to be asked:
/// [`Written::resolve`].
pub fn parse(document: &Element, kind: Kind, owner: AccountId) -> Result<Written> {
    check_children(document, &["Owner", "Delivered", "AccessControlList"])?;
    let named = only(document, "Owner")?.and_then(|owner| owner.child("ID")).ok_or(Code::MalformedAclError)?;
    if AccountId::parse(named.text_trimmed()) != Some(owner) {
        return Err(Code::AccessDenied.because("The owner in the list is not the owner of what it is for."));
    }
    let takes_delivered = match (only(document, "Delivered")?, kind) {
        (None, _) => true,
        (Some(delivered), Kind::Object) => parse_flag(delivered)?,
        (Some(_), Kind::Bucket) => return Err(malformed("Delivered belongs to the grants of a bucket's list.")),
    };
    // Published SDKs leave out a list that is empty.
    let list = only(document, "AccessControlList")?;
    let grants = list.map_or(&[][..], |list| &list.children);
    if grants.len() > limits::GRANT_COUNT_MAX {
        return Err(malformed(format!("A list has at most {} grants.", limits::GRANT_COUNT_MAX)));
    }
    let grants = grants.iter().map(|grant| parse_grant(grant, kind)).collect::<Result<_>>()?;
    Ok(Written { grants, takes_delivered })
}

fn parse_grant(grant: &Element, kind: Kind) -> Result<WrittenGrant> {
    if grant.name != "Grant" {
        return Err(malformed(format!("A list has grants and no {}.", grant.name)));
    }
    check_children(grant, &["Grantee", "Permission", "Delivered"])?;
    let grantee = parse_grantee(only(grant, "Grantee")?.ok_or(Code::MalformedAclError)?)?;
    let permission = only(grant, "Permission")?.and_then(|name| Permission::parse(name.text_trimmed()));
    let permission = permission.ok_or_else(|| malformed("A grant has no permission that there is."))?;
    let delivered = only(grant, "Delivered")?.map_or(Ok(false), parse_flag)?;
    if delivered && kind == Kind::Object {
        return Err(malformed("Grants of an object's list are not delivered."));
    }
    Ok(WrittenGrant { grantee, permission, delivered })
}

/// By what it holds; the type that S3 clients add says the same once more.
fn parse_grantee(grantee: &Element) -> Result<Named> {
    let (id, canned, uri) = (only(grantee, "ID")?, only(grantee, "Canned")?, only(grantee, "URI")?);
    match (id, canned, uri, only(grantee, "EmailAddress")?) {
        (Some(id), None, None, None) => parse_grantee_id(id.text_trimmed()),
        (None, Some(group), None, None) | (None, None, Some(group), None) => {
            parse_group(group.text_trimmed()).ok_or_else(|| malformed("A grantee is a group that there is not."))
        }
        (None, None, None, Some(email)) => parse_email(email.text_trimmed()),
        _ => Err(malformed("A grantee is an account or a group.")),
    }
}

fn parse_flag(flag: &Element) -> Result<bool> {
    match flag.text_trimmed().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(malformed("Delivered is true or false.")),
    }
}

/// Refuses what would be passed over: a list whose name is misspelt would be an empty one.
fn check_children(parent: &Element, known: &[&str]) -> Result<()> {
    match parent.children.iter().find(|child| !known.contains(&child.name.as_str())) {
        Some(unknown) => Err(malformed(format!("{} has no {}.", parent.name, unknown.name))),
        None => Ok(()),
    }
}

/// The child of that name, if there is one; two are none of the grammar.
fn only<'e>(parent: &'e Element, name: &'e str) -> Result<Option<&'e Element>> {
    let mut found = parent.children_named(name);
    match (found.next(), found.next()) {
        (child, None) => Ok(child),
        _ => Err(malformed(format!("{name} appears twice."))),
    }
}

fn malformed(what: impl Into<String>) -> crate::error::Error {
    Code::MalformedAclError.because(what.into())
}

/// The document of a list of something that `owner` owns. `names` are shown in S3, beside the ids.
#[must_use]
pub fn document(
    dialect: Dialect,
    namespace: &str,
    kind: Kind,
    owner: AccountId,
    acl: Option<&Acl>,
    names: &BTreeMap<AccountId, String>,
) -> Bytes {
    let mut xml = Writer::document("AccessControlPolicy", Some(namespace), Layout::Compact);
    let account = |xml: &mut Writer, id: AccountId| {
        xml.element("ID", &id.to_string());
        if let (false, Some(name)) = (dialect.is_obs(), names.get(&id)) {
            xml.element("DisplayName", name);
        }
    };
    xml.open("Owner");
    account(&mut xml, owner);
    xml.close();
    if dialect.is_obs() && kind == Kind::Object {
        xml.element("Delivered", flag(acl.is_none_or(|acl| acl.takes_delivered)));
    }
    xml.open("AccessControlList");
    let full = [Grant::plain(Grantee::Account(owner), Permission::FullControl)];
    let grants = acl.map_or(&full[..], |acl| &acl.grants);
    let is_owners = |grant: &&Grant| grant.grantee == Grantee::Account(owner);
    // OBS shows the owner first, S3 the groups.
    let is_first =
        |grant: &&Grant| if dialect.is_obs() { is_owners(grant) } else { group_names(grant.grantee).is_some() };
    let (first, rest): (Vec<&Grant>, Vec<&Grant>) = grants.iter().partition(is_first);
    for grant in first.into_iter().chain(rest) {
        xml.open("Grant");
        match (grant.grantee, dialect.is_obs()) {
            (Grantee::Account(id), true) => {
                xml.open("Grantee").element("ID", &id.to_string());
            }
            (Grantee::Account(id), false) => {
                open_typed(&mut xml, "CanonicalUser");
                account(&mut xml, id);
            }
            (group, true) => {
                xml.open("Grantee").element("Canned", group_names(group).unwrap_or_default().0);
            }
            (group, false) => {
                open_typed(&mut xml, "Group");
                xml.element("URI", group_names(group).unwrap_or_default().1);
            }
        }
        xml.close().element("Permission", grant.permission.name());
        if dialect.is_obs() && kind == Kind::Bucket && !is_owners(&grant) {
            xml.element("Delivered", flag(grant.delivered));
        }
        xml.close();
    }
    xml.finish()
}

/// Published SDKs tell grantees by this attribute.
fn open_typed(xml: &mut Writer, kind: &str) {
    xml.open_with("Grantee", &[("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"), ("xsi:type", kind)]);
}

fn flag(is_set: bool) -> &'static str {
    if is_set { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: AccountId = AccountId(10);
    const OTHER: AccountId = AccountId(11);

    fn read(text: &str, kind: Kind) -> Result<Option<Acl>> {
        let written = parse(&Element::parse(text.as_bytes(), Code::MalformedAclError)?, kind, OWNER)?;
        written.with(OWNER, |email| match email {
            "other@example.com" => Ok(OTHER),
            _ => Err(Code::UnresolvableGrantByEmailAddress.into()),
        })
    }

    fn full() -> Acl {
        let grants = [
            (Grantee::Everyone, Permission::Read, true),
            (Grantee::Account(OWNER), Permission::FullControl, false),
            (Grantee::Account(OTHER), Permission::WriteAcp, true),
            (Grantee::AuthenticatedUsers, Permission::ReadAcp, false),
            (Grantee::LogDelivery, Permission::Write, false),
        ];
        let grants = grants.map(|(grantee, permission, delivered)| Grant { grantee, permission, delivered });
        Acl { grants: grants.to_vec(), takes_delivered: true }
    }

    fn written(dialect: Dialect, kind: Kind, acl: Option<&Acl>) -> String {
        let names = BTreeMap::from([(OWNER, "alice".to_owned())]);
        let text = document(dialect, "n", kind, OWNER, acl, &names);
        let text = String::from_utf8(text.to_vec()).unwrap().replace(&OWNER.to_string(), "OWNER");
        text.replace(&OTHER.to_string(), "OTHER").split_once("?>").unwrap().1.to_owned()
    }

    #[test]
    fn what_is_written_is_read() {
        for kind in [Kind::Bucket, Kind::Object] {
            for dialect in [Dialect::Obs, Dialect::AwsV2, Dialect::S3] {
                let mut acl = full();
                // S3 does not show what is delivered.
                if kind == Kind::Object || !dialect.is_obs() {
                    acl.grants.iter_mut().for_each(|grant| grant.delivered = false);
                }
                acl.takes_delivered = kind == Kind::Bucket || !dialect.is_obs();
                let text = written(dialect, kind, Some(&acl));
                let text = text.replace("OWNER", &OWNER.to_string()).replace("OTHER", &OTHER.to_string());
                let mut read = read(&text, kind).unwrap().unwrap();
                acl.grants.sort_by_key(|grant| format!("{grant:?}"));
                read.grants.sort_by_key(|grant| format!("{grant:?}"));
                assert_eq!(read, acl, "{kind:?} {dialect:?}");
                assert_eq!(
                    self::read(&written(dialect, kind, None).replace("OWNER", &OWNER.to_string()), kind).unwrap(),
                    None
                );
            }
        }
    }

    #[test]
    fn documents_are_as_published() {
        let acl = Acl { grants: full().grants[..2].to_vec(), takes_delivered: false };
        assert_eq!(
            written(Dialect::Obs, Kind::Bucket, Some(&acl)),
            "<AccessControlPolicy xmlns=\"n\"><Owner><ID>OWNER</ID></Owner><AccessControlList>\
             <Grant><Grantee><ID>OWNER</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>\
             <Grant><Grantee><Canned>Everyone</Canned></Grantee><Permission>READ</Permission>\
             <Delivered>true</Delivered></Grant></AccessControlList></AccessControlPolicy>"
        );
        assert_eq!(
            written(Dialect::Obs, Kind::Object, Some(&acl)),
            "<AccessControlPolicy xmlns=\"n\"><Owner><ID>OWNER</ID></Owner><Delivered>false</Delivered>\
             <AccessControlList><Grant><Grantee><ID>OWNER</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>\
             <Grant><Grantee><Canned>Everyone</Canned></Grantee><Permission>READ</Permission></Grant>\
             </AccessControlList></AccessControlPolicy>"
        );
        let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
        assert_eq!(
            written(Dialect::S3, Kind::Bucket, Some(&acl)),
            format!(
                "<AccessControlPolicy xmlns=\"n\"><Owner><ID>OWNER</ID><DisplayName>alice</DisplayName></Owner>\
                 <AccessControlList><Grant><Grantee {xsi} xsi:type=\"Group\">\
                 <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>\
                 <Grant><Grantee {xsi} xsi:type=\"CanonicalUser\"><ID>OWNER</ID><DisplayName>alice</DisplayName></Grantee>\
                 <Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
            )
        );
    }

    fn check(inside: &str, kind: Kind, expected: std::result::Result<usize, Code>) {
        let text = format!("<AccessControlPolicy>{inside}</AccessControlPolicy>");
        let text = text.replace("OWNER", &OWNER.to_string()).replace("OTHER", &OTHER.to_string());
        let found = read(&text, kind).map(|acl| acl.map_or(1, |acl| acl.grants.len())).map_err(|error| error.code());
        assert_eq!(found, expected, "{kind:?} {inside}");
    }

    #[test]
    fn documents_are_read_as_clients_write_them() {
        const OWNER: &str = "<Owner><ID>OWNER</ID><DisplayName>x</DisplayName></Owner>";
        let list = |grants: &str| format!("{OWNER}<AccessControlList>{grants}</AccessControlList>");
        let grant = |grantee: &str, rest: &str| {
            list(&format!("<Grant><Grantee>{grantee}</Grantee><Permission>READ</Permission>{rest}</Grant>"))
        };
        for kind in [Kind::Bucket, Kind::Object] {
            check(OWNER, kind, Ok(0));
            check(&list(""), kind, Ok(0));
            check(&grant("<ID> OTHER </ID><DisplayName/>", ""), kind, Ok(1));
            check(&grant("<Canned>Everyone</Canned>", "<Delivered>False</Delivered>"), kind, Ok(1));
            check(&grant("<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>", ""), kind, Ok(1));
            for bad in ["", "<AccessControlList/>", "<Owner/>", &format!("{OWNER}{OWNER}"), &list("<Grant/>")] {
                check(bad, kind, Err(Code::MalformedAclError));
            }
            check(&list("<Other/>"), kind, Err(Code::MalformedAclError));
            check(&format!("{OWNER}<AccessControlLists/>"), kind, Err(Code::MalformedAclError));
            check(&grant("<ID>OTHER</ID>", "<Deliverd>false</Deliverd>"), kind, Err(Code::MalformedAclError));
            for bad in ["", "<Canned>Anyone</Canned>", "<URI>x</URI>", "<ID>OTHER</ID><Canned>Everyone</Canned>"] {
                check(&grant(bad, ""), kind, Err(Code::MalformedAclError));
            }
            check(&grant("<ID>OTHER</ID>", "<Permission>READ</Permission>"), kind, Err(Code::MalformedAclError));
            check(&grant("<ID>OTHER</ID>", "<Delivered>perhaps</Delivered>"), kind, Err(Code::MalformedAclError));
            check(&grant("<ID>OTHER</ID>", "").replace("READ", "read"), kind, Err(Code::MalformedAclError));
            check(&grant("<ID>nobody</ID>", ""), kind, Err(Code::InvalidArgument));
            check(&grant("<EmailAddress>a@b.c</EmailAddress>", ""), kind, Err(Code::UnresolvableGrantByEmailAddress));
            check(&grant("<EmailAddress/>", ""), kind, Err(Code::UnresolvableGrantByEmailAddress));
            check(&grant("<EmailAddress> other@example.com </EmailAddress>", ""), kind, Ok(1));
            let both = "<ID>OTHER</ID><EmailAddress>other@example.com</EmailAddress>";
            check(&grant(both, ""), kind, Err(Code::MalformedAclError));
            check("<Owner><ID>OTHER</ID></Owner><AccessControlList/>", kind, Err(Code::AccessDenied));
            let one = "<Grant><Grantee><ID>OTHER</ID></Grantee><Permission>READ</Permission></Grant>";
            check(&list(&one.repeat(limits::GRANT_COUNT_MAX)), kind, Ok(limits::GRANT_COUNT_MAX));
            check(&list(&one.repeat(limits::GRANT_COUNT_MAX + 1)), kind, Err(Code::MalformedAclError));
        }
        check(&grant("<ID>OTHER</ID>", "<Delivered>true</Delivered>"), Kind::Bucket, Ok(1));
        check(&grant("<ID>OTHER</ID>", "<Delivered>true</Delivered>"), Kind::Object, Err(Code::MalformedAclError));
        check(&format!("{OWNER}<Delivered>false</Delivered>"), Kind::Object, Ok(0));
        check(&format!("{OWNER}<Delivered>false</Delivered>"), Kind::Bucket, Err(Code::MalformedAclError));
    }
}
