//! What a handler receives.

use bytes::Bytes;

use super::announced::Announced;
use crate::access::{Caller, Context, Permit};
use crate::blob::digest::{self, Sums};
use crate::clock::UnixMillis;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::meta::{Account, Bucket, Tx};
use crate::name::ObjectKey;
use crate::wire::Head;
use crate::wire::body::RequestBody;
use crate::wire::form::Fields;
use crate::wire::headers::content_sha256;
use crate::wire::request_id::RequestId;
use crate::wire::token_call::TokenCall;
use crate::wire::xml::Element;

/// One admitted request.
#[derive(Debug)]
pub struct Call<'h> {
    /// Line and headers.
    pub head: &'h Head,
    /// Who asks.
    pub caller: Caller,
    /// The bucket the request names, as it was when the caller was admitted.
    pub bucket: Option<Bucket>,
    /// What the access check found. Where an object's own list decides, the operation asks it about each object.
    pub permit: Permit,
    /// What is still to be read.
    pub body: &'h mut RequestBody,
    /// The circumstances, for access checks of what else the request names.
    pub context: Context<'h>,
    /// The fields of the form that was sent; `head` is the request they stand for, `body` their file.
    pub form: Option<&'h Fields>,
    /// The call of the token service that was made; `body` is read then.
    pub token_call: Option<&'h TokenCall>,
    /// The request's id, for answers that show it.
    pub request_id: RequestId,
    /// When the request arrived.
    pub now: UnixMillis,
}

impl Call<'_> {
    /// The admitted bucket; rows of bucket and object scope always have one.
    pub fn bucket(&self) -> Result<&Bucket> {
        self.bucket.as_ref().ok_or_else(|| Error::internal("a row of bucket scope ran without its bucket"))
    }

    /// The admitted bucket as a transaction sees it now; 404 `NoSuchBucket` if it went meanwhile, even if one of the
    /// same name came. What is written on its strength depends on it.
    pub fn bucket_in(&self, tx: &mut Tx<'_>) -> Result<Bucket> {
        let admitted = self.bucket()?;
        let bucket = tx.bucket(&admitted.name)?.filter(|bucket| bucket.id == admitted.id);
        bucket.ok_or_else(|| Code::NoSuchBucket.on(self.head.target.resource()))
    }

    /// The key; rows of object scope always have one.
    pub fn key(&self) -> Result<&ObjectKey> {
        self.head.target.key.as_ref().ok_or_else(|| Error::internal("a row of object scope ran without its key"))
    }

    /// The fields of the form; rows that take one always have them.
    pub fn form(&self) -> Result<&Fields> {
        self.form.ok_or_else(|| Error::internal("a row of a form ran without its fields"))
    }

    /// The call that was made; rows of the token service always have one.
    pub fn token_call(&self) -> Result<&'_ TokenCall> {
        self.token_call.ok_or_else(|| Error::internal("a row of the token service ran without a call"))
    }

    /// The account that asks.
    pub fn account(&self) -> Result<&Account> {
        self.caller.account().map(|account| &**account)
    }

    /// The body as an XML document with one of `roots`, of at most [`limits::DOCUMENT_BYTES_MAX`]. An empty one is
    /// `None`; a bad one has the code `malformed`.
    pub async fn document(&mut self, roots: &[&str], malformed: Code) -> Result<Option<Element>> {
        self.document_up_to(limits::DOCUMENT_BYTES_MAX, roots, malformed).await
    }

    /// The same for a body of at most `bytes_max`; above: 400 `EntityTooLarge`.
    pub async fn document_up_to(
        &mut self,
        bytes_max: usize,
        roots: &[&str],
        malformed: Code,
    ) -> Result<Option<Element>> {
        let bytes = self.checked_body(bytes_max).await?;
        parse(&bytes, roots, malformed)
    }

    /// The same of a document that completes an object: checksums that come with it are not its own, but the object's.
    pub async fn document_of_object(
        &mut self,
        bytes_max: usize,
        roots: &[&str],
        malformed: Code,
    ) -> Result<Option<Element>> {
        let bytes = self.collect(&Announced::but_checksums(self.head)?, bytes_max).await?;
        parse(&bytes, roots, malformed)
    }

    /// The body, of at most `bytes_max`; above: 400 `EntityTooLarge`. A digest sent with it is checked, whether the
    /// operation asks for one or not.
    pub async fn checked_body(&mut self, bytes_max: usize) -> Result<Bytes> {
        self.collect(&Announced::of_document(self.head)?, bytes_max).await
    }

    async fn collect(&mut self, announced: &Announced, bytes_max: usize) -> Result<Bytes> {
        let sha256 = content_sha256(&self.head.headers)?;
        let bytes = self.body.collect(bytes_max).await?;
        if announced != &Announced::default() {
            let trailer = announced.trailer().and_then(|name| self.body.trailer(name));
            announced.check(&Sums::of(&bytes, announced.wanted()), trailer)?;
        }
        if sha256.is_some_and(|sha256| sha256 != digest::sha256(&bytes)) {
            return Err(Code::BadDigest.into());
        }
        Ok(bytes)
    }
}

fn parse(bytes: &[u8], roots: &[&str], malformed: Code) -> Result<Option<Element>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let element = Element::parse(bytes, malformed)?;
    if roots.contains(&element.name.as_str()) { Ok(Some(element)) } else { Err(malformed.into()) }
}
