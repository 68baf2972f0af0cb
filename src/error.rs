//! What a request can be refused with: [`Code`], the closed table of wire names, and [`Error`], a code with its
//! message, resource and cause. How an error looks in XML or JSON is `wire::render`'s business.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;

/// Result of everything above the stores.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($name:ident $wire:literal $status:ident $message:literal;)*) => {
        /// An error code of the OBS reference (or, where OBS has none, of the S3 reference), with its status and
        /// the message a client gets unless the place of refusal has a better one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $message] $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name on the wire, as the OBS reference spells it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Default message.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported "AccessControlListNotSupported" BAD_REQUEST "The bucket does not allow access control lists: all objects in it are its owner's.";
    AppendTooLarge           "AppendTooLarge"           BAD_REQUEST           "The object would exceed the maximum size of an object.";
    AuthorizationHeaderMalformed "AuthorizationHeaderMalformed" BAD_REQUEST   "The authorization header is malformed.";
    AuthorizationQueryParametersError "AuthorizationQueryParametersError" BAD_REQUEST "The query parameters of the signature are not valid.";
    BadDigest                "BadDigest"                BAD_REQUEST           "The Content-MD5 you specified did not match what we received.";
    BadRequest               "BadRequest"               BAD_REQUEST           "Invalid request parameters.";
    EntityTooLarge           "EntityTooLarge"           BAD_REQUEST           "Your proposed upload exceeds the maximum allowed size.";
    EntityTooSmall           "EntityTooSmall"           BAD_REQUEST           "Your proposed upload is smaller than the minimum allowed object size.";
    ForbidAnonReqOverwriteRespHead "ForbidAnonReqOverwriteRespHead" BAD_REQUEST "Anonymous requests may not override response headers.";
    IllegalVersioningConfiguration "IllegalVersioningConfigurationException" BAD_REQUEST "The versioning configuration is not valid: its Status is Enabled or Suspended.";
    IllegalLocationConstraint "IllegalLocationConstraintException" BAD_REQUEST "The location does not match the region this request was sent to.";
    IncompleteBody           "IncompleteBody"           BAD_REQUEST           "The body is shorter than the Content-Length header announced.";
    IncompleteSignature      "IncompleteSignature"      BAD_REQUEST           "The signature is not one the token service takes.";
    IncorrectNumberOfFiles   "IncorrectNumberOfFilesInPostRequest" BAD_REQUEST "POST requires exactly one file upload per request.";
    InvalidArgument          "InvalidArgument"          BAD_REQUEST           "Invalid argument.";
    InvalidBucketAclWithObjectOwnership "InvalidBucketAclWithObjectOwnership" BAD_REQUEST "The access control list of the bucket gives others than its owner something; where lists are disabled it cannot.";
    InvalidBucketName        "InvalidBucketName"        BAD_REQUEST           "The specified bucket is not valid.";
    InvalidBucketStoragePolicy "InvalidBucketStoragePolicy" BAD_REQUEST       "The storage policy of the bucket is not valid.";
    InvalidAction            "InvalidAction"            BAD_REQUEST           "The token service has no such action.";
    InvalidContentLength     "InvalidContentLength"     BAD_REQUEST           "The Content-Length header is not valid.";
    InvalidDefaultStorageClass "InvalidDefaultStorageClass" BAD_REQUEST       "The default storage class is not valid.";
    InvalidDigest            "InvalidDigest"            BAD_REQUEST           "The Content-MD5 you specified is not valid.";
    InvalidLocationConstraint "InvalidLocationConstraint" BAD_REQUEST         "The specified location constraint is not valid.";
    InvalidPolicyDocument    "InvalidPolicyDocument"    BAD_REQUEST           "The policy of the form is not valid.";
    InvalidObjectTag         "InvalidTag"               BAD_REQUEST           "A tag of the object is not valid.";
    InvalidPart              "InvalidPart"              BAD_REQUEST           "One or more of the specified parts could not be found. The part may not have been uploaded, or its ETag may not match.";
    InvalidPartOrder         "InvalidPartOrder"         BAD_REQUEST           "The list of parts was not in ascending order. Parts must be ordered by part number.";
    InvalidRedirectLocation  "InvalidRedirectLocation"  BAD_REQUEST           "The redirect location must start with /, http:// or https:// and have 2 KiB at most.";
    InvalidRequest           "InvalidRequest"           BAD_REQUEST           "The request is not valid.";
    InvalidRetentionPeriod   "InvalidRetentionPeriod"   BAD_REQUEST           "The retention period is not valid.";
    InvalidStorageClass      "InvalidStorageClass"      BAD_REQUEST           "The storage class is not valid.";
    InvalidTag               "InvalidTagError"          BAD_REQUEST           "A tag is not valid.";
    InvalidUri               "InvalidURI"               BAD_REQUEST           "The URI could not be parsed.";
    KeyTooLong               "KeyTooLongError"          BAD_REQUEST           "Your key is too long.";
    MalformedPostRequest     "MalformedPOSTRequest"     BAD_REQUEST           "The body of your POST request is not well-formed multipart/form-data.";
    MalformedAclError        "MalformedACLError"        BAD_REQUEST           "The XML you provided was not well-formed or did not validate against our published schema.";
    MalformedObjectLockError "MalformedObjectLockError" BAD_REQUEST           "The retention is not well-formed XML or has not the documented elements.";
    MalformedPolicy          "MalformedPolicy"          BAD_REQUEST           "The policy is not valid.";
    MalformedQuotaError      "MalformedQuotaError"      BAD_REQUEST           "The Quota XML format is incorrect.";
    MalformedTags            "MalformedXMLError"        BAD_REQUEST           "The tag set is not well-formed XML or has not the documented elements.";
    MalformedTrailer         "MalformedTrailerError"    BAD_REQUEST           "The trailer of the body is not well-formed or not the one declared.";
    MalformedXml             "MalformedXML"             BAD_REQUEST           "The XML you provided was not well-formed or did not validate against our published schema.";
    MaxMessageLengthExceeded "MaxMessageLengthExceeded" BAD_REQUEST           "Your request was too big.";
    MaxPostPreDataLengthExceeded "MaxPostPreDataLengthExceededError" BAD_REQUEST "Your POST request fields preceding the upload file were too large.";
    MetadataTooLarge         "MetadataTooLarge"         BAD_REQUEST           "Your metadata headers exceed the maximum allowed metadata size.";
    MissingAction            "MissingAction"            BAD_REQUEST           "The request names no action.";
    MissingRequestBody       "MissingRequestBodyError"  BAD_REQUEST           "Request body is empty.";
    MissingRequiredHeader    "MissingRequiredHeader"    BAD_REQUEST           "Missing required header for this request: Content-MD5";
    MultipleContentLengths   "MultipleContentLengths"   BAD_REQUEST           "The Content-Length header appears more than once.";
    RequestIsNotMultiPartContent "RequestIsNotMultiPartContent" BAD_REQUEST "Bucket POST must be of the enclosure-type multipart/form-data.";
    TooManyBuckets           "TooManyBuckets"           BAD_REQUEST           "You have attempted to create more buckets than allowed.";
    UnresolvableGrantByEmailAddress "UnresolvableGrantByEmailAddress" BAD_REQUEST "No account has the e-mail address you provided.";
    UnexpectedContent        "UnexpectedContent"        BAD_REQUEST           "This request does not support content.";
    WrongSha256              "XAmzContentSHA256Mismatch" BAD_REQUEST          "The SHA-256 you specified did not match what we received.";
    AccessDenied             "AccessDenied"             FORBIDDEN             "Access Denied";
    AccessForbidden          "AccessForbidden"          FORBIDDEN             "This CORS request is not allowed: no rule of the bucket has its origin, methods and headers.";
    DeregisterUserId         "DeregisterUserId"         FORBIDDEN             "The account has been deregistered.";
    InArrearOrInsufficientBalance "InArrearOrInsufficientBalance" FORBIDDEN   "The account is frozen; the operation is not allowed.";
    InsufficientStorageSpace "InsufficientStorageSpace" FORBIDDEN             "Insufficient storage space.";
    InvalidAccessKeyId       "InvalidAccessKeyId"       FORBIDDEN             "The access key ID you provided does not exist in our records.";
    ExpiredToken             "ExpiredToken"             FORBIDDEN             "The security token has expired.";
    InvalidSecurity          "InvalidSecurity"          FORBIDDEN             "The security token is not valid.";
    InvalidObjectState       "InvalidObjectState"       FORBIDDEN             "The operation is not valid in the object's current state: an archived object is restored before it is read.";
    MissingAuthenticationToken "MissingAuthenticationToken" FORBIDDEN         "The token service takes signed requests only.";
    RequestPayerDenied       "RequestPayerDenied"       FORBIDDEN             "The requester pays for this bucket; send x-obs-request-payer: requester.";
    RequestTimeTooSkewed     "RequestTimeTooSkewed"     FORBIDDEN             "The difference between the request time and the current time is too large.";
    SignatureDoesNotMatch    "SignatureDoesNotMatch"    FORBIDDEN             "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    NoSuchBucket             "NoSuchBucket"             NOT_FOUND             "The specified bucket does not exist";
    NoSuchBucketPolicy       "NoSuchBucketPolicy"       NOT_FOUND             "The bucket policy does not exist.";
    NoSuchCorsConfiguration  "NoSuchCORSConfiguration"  NOT_FOUND             "The CORS configuration does not exist.";
    NoSuchKey                "NoSuchKey"                NOT_FOUND             "The resource you requested does not exist";
    NoSuchObjectLockConfiguration "NoSuchObjectLockConfiguration" NOT_FOUND   "The object version has no such protection.";
    NoSuchPublicAccessBlockConfiguration "NoSuchPublicAccessBlockConfiguration" NOT_FOUND "The public access block configuration does not exist.";
    NoSuchTagSet             "NoSuchTagSet"             NOT_FOUND             "The tag set does not exist.";
    NoSuchUpload             "NoSuchUpload"             NOT_FOUND             "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NoSuchVersion            "NoSuchVersion"            NOT_FOUND             "The specified version does not exist.";
    ObjectLockConfigurationNotFound "ObjectLockConfigurationNotFoundError" NOT_FOUND "The bucket does not have object lock.";
    OwnershipControlsNotFound "OwnershipControlsNotFoundError" NOT_FOUND      "The bucket ownership controls do not exist.";
    MethodNotAllowed         "MethodNotAllowed"         METHOD_NOT_ALLOWED    "Specified method is not supported.";
    FsNotSupport             "FsNotSupport"             METHOD_NOT_ALLOWED    "Parallel file systems do not have this.";
    RequestTimeout           "RequestTimeout"           REQUEST_TIMEOUT       "Your socket connection to the server was not read from or written to within the timeout period.";
    BucketAlreadyExists      "BucketAlreadyExists"      CONFLICT              "The requested bucket name is not available.";
    BucketAlreadyOwnedByYou  "BucketAlreadyOwnedByYou"  CONFLICT              "The bucket you tried to create already exists, and you own it.";
    BucketNotEmpty           "BucketNotEmpty"           CONFLICT              "The bucket you tried to delete is not empty";
    DirectoryNotEmpty        "DirectoryNotEmpty"        CONFLICT              "The directory you tried to delete is not empty.";
    FsObjectConflict         "FsObjectConflict"         CONFLICT              "There is another file or directory where this one would be.";
    FsRenameConflict         "FsRenameConflict"         CONFLICT              "The name is changed by another operation at the same time.";
    InvalidBucketState       "InvalidBucketState"       CONFLICT              "The request is not valid in the current state of the bucket.";
    LimitExceeded            "LimitExceeded"            CONFLICT              "The account has too many temporary access keys.";
    ObjectHasAlreadyRestored "ObjectHasAlreadyRestored" CONFLICT              "The object is restored already, and for longer.";
    ObjectNotAppendable      "ObjectNotAppendable"      CONFLICT              "The object is not appendable.";
    OperationAborted         "OperationAborted"         CONFLICT              "A conflicting operation is being performed on this resource. Retry.";
    PositionNotEqualToLength "PositionNotEqualToLength" CONFLICT              "The position is not the length of the object.";
    RestoreAlreadyInProgress "RestoreAlreadyInProgress" CONFLICT              "The object is being restored.";
    MissingContentLength     "MissingContentLength"     LENGTH_REQUIRED       "You must provide the Content-Length HTTP header.";
    PreconditionFailed       "PreconditionFailed"       PRECONDITION_FAILED   "At least one of the preconditions you specified did not hold.";
    UriTooLarge              "Request-URI Too Large"    URI_TOO_LONG          "The request URI is too long.";
    InvalidRange             "InvalidRange"             RANGE_NOT_SATISFIABLE "The requested range cannot be satisfied.";
    InternalError            "InternalError"            INTERNAL_SERVER_ERROR "We encountered an internal error. Please try again.";
    ServiceNotImplemented    "ServiceNotImplemented"    NOT_IMPLEMENTED       "The requested operation is not implemented by this server.";
    ServiceUnavailable       "ServiceUnavailable"       SERVICE_UNAVAILABLE   "The service is not available. Please retry later.";
    NoSuchAccount            "NoSuchAccount"            NOT_FOUND             "The account does not exist.";
    AccountAlreadyExists     "AccountAlreadyExists"     CONFLICT              "The account name or e-mail address is taken.";
    AccessKeyAlreadyExists   "AccessKeyAlreadyExists"   CONFLICT              "The access key ID is taken.";
    NoSuchAccessKey          "NoSuchAccessKey"          NOT_FOUND             "The access key does not exist.";
    NoSuchResource           "NoSuchResource"           NOT_FOUND             "There is nothing at this address.";
}

impl Code {
    /// An error about `resource` (shown to the client as `<Resource>`).
    #[must_use]
    pub fn on(self, resource: impl Into<String>) -> Error {
        let mut error = Error::from(self);
        error.0.resource = Some(resource.into());
        error
    }

    /// An error with a message of its own instead of the table's.
    #[must_use]
    pub fn because(self, message: impl Into<Cow<'static, str>>) -> Error {
        let mut error = Error::from(self);
        error.0.message = message.into();
        error
    }
}

/// A refusal: a code to branch on, a message for the client, a cause for the log. One pointer wide.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    resource: Option<String>,
    details: Vec<(&'static str, String)>,
    owner_message: Option<String>,
    owner_details: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A 500 whose cause goes to the log and never to the client.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::from(Code::InternalError).caused_by(source)
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds an element after the five standard ones of the error document.
    #[must_use]
    pub fn detail(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.0.details.push((element, value.into()));
        self
    }

    /// Adds an element that only the owner of the resource may see: [`Error::for_stranger`] takes it away.
    #[must_use]
    pub fn owner_detail(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.0.owner_details.push((element, value.into()));
        self
    }

    /// What the owner of the resource is told instead of the message, where no reference has its words:
    /// [`Error::for_stranger`] takes it away.
    #[must_use]
    pub fn owner_message(mut self, message: impl Into<String>) -> Self {
        self.0.owner_message = Some(message.into());
        self
    }

    /// The same error without what only the owner may see.
    #[must_use]
    pub fn for_stranger(mut self) -> Self {
        self.0.owner_message = None;
        self.0.owner_details.clear();
        self
    }

    /// Adds a response header, for instance `Content-Range` on a 416.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What the client is told. A 5xx tells the table's sentence only.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the owner of the resource is told instead, if there is anything.
    #[must_use]
    pub fn message_for_owner(&self) -> Option<&str> {
        self.0.owner_message.as_deref()
    }

    /// The resource the error is about, if the place of refusal named one.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.0.resource.as_deref()
    }

    /// Further elements of the error document.
    pub fn details(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.0.details.iter().chain(&self.0.owner_details)
    }

    /// Further response headers.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.0.headers
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            message: Cow::Borrowed(code.message()),
            resource: None,
            details: Vec::new(),
            owner_message: None,
            owner_details: Vec::new(),
            headers: Vec::new(),
            source: None,
        }))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source:?})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn a_stranger_sees_no_owner_details() {
        let error = Error::from(Code::InsufficientStorageSpace).detail("A", "1").owner_detail("Limit", "2");
        let error = error.owner_message("The limit is 2.");
        assert_eq!((error.details().count(), error.message_for_owner()), (2, Some("The limit is 2.")));
        let error = error.for_stranger();
        assert_eq!(error.message_for_owner(), None);
        assert_eq!(error.details().map(|(name, _)| *name).collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn wire_names_are_unique() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
