//! Forms as browsers send them, signed in their fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use obs_gateway::auth::{sign_form_v4, sign_string};
use obs_gateway::clock::iso_date;

use crate::answer::Answer;
use crate::support::{As, Gateway, NOW};

pub(crate) const BOUNDARY: &str = "9431149156168";

/// A form before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) bucket: &'static str,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) conditions: Vec<String>,
    pub(crate) file_name: String,
    pub(crate) file: Bytes,
    pub(crate) secret: Option<&'static str>,
    pub(crate) expires: u64,
}

impl Form {
    /// A form for `photos` with a key and a file; its policy allows what it has.
    pub(crate) fn new(key: &str, file: impl Into<Bytes>) -> Self {
        let form = Self {
            bucket: "photos",
            fields: Vec::new(),
            conditions: vec![r#"["starts-with", "$bucket", ""]"#.to_owned()],
            file_name: "cat.jpg".to_owned(),
            file: file.into(),
            secret: None,
            expires: NOW + 60_000,
        };
        form.field("key", key)
    }

    /// With a field that a condition covers.
    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        self.condition(&format!(r#"["starts-with", "${name}", ""]"#)).bare(name, value)
    }

    /// With a field that none covers.
    pub(crate) fn bare(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn condition(mut self, json: &str) -> Self {
        self.conditions.push(json.to_owned());
        self
    }

    pub(crate) fn file_name(self, name: &str) -> Self {
        Self { file_name: name.to_owned(), ..self }
    }

    fn sign(&self, who: As) -> Vec<(String, String)> {
        let (field, name) = match who {
            As::Nobody => return Vec::new(),
            As::Obs(name) => ("AccessKeyId", name),
            As::Aws(name) => ("AWSAccessKeyId", name),
            As::S3(name) => return self.sign_v4(name),
        };
        let policy = self.policy(&[]);
        let secret = self.secret.map_or_else(|| format!("SK-{name}"), str::to_owned);
        let signature = sign_string(&secret, policy.as_bytes());
        let fields = [(field, format!("AK-{name}")), ("policy", policy), ("signature", signature)];
        fields.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    fn policy(&self, more: &[String]) -> String {
        let conditions: Vec<&str> = self.conditions.iter().chain(more).map(String::as_str).collect();
        let conditions = conditions.join(", ");
        BASE64.encode(format!(r#"{{"expiration": "{}", "conditions": [{conditions}]}}"#, iso_date(self.expires)))
    }

    /// By Signature Version 4; its fields are conditions of the policy.
    fn sign_v4(&self, name: &str) -> Vec<(String, String)> {
        const SCOPE: &str = "20150701/us-east-1/s3/aws4_request";
        let mut fields = vec![
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential".to_owned(), format!("AK-{name}/{SCOPE}")),
            ("x-amz-date".to_owned(), "20150701T032745Z".to_owned()),
        ];
        let conditions: Vec<_> = fields.iter().map(|(name, value)| format!(r#"{{"{name}": "{value}"}}"#)).collect();
        let policy = self.policy(&conditions);
        let secret = self.secret.map_or_else(|| format!("SK-{name}"), str::to_owned);
        let signature = sign_form_v4(&policy, SCOPE, &secret);
        fields.extend([("policy".to_owned(), policy), ("x-amz-signature".to_owned(), signature)]);
        fields
    }

    /// The body, signed by `who`.
    pub(crate) fn body(&self, who: As) -> Bytes {
        let mut body = Vec::new();
        for (name, value) in self.fields.iter().chain(&self.sign(who)) {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: image/jpeg\r\n\r\n",
            self.file_name
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&self.file);
        body.extend_from_slice(
            format!("\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nGo\r\n").as_bytes(),
        );
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body.into()
    }

    /// The head of the request, but for what every request carries.
    pub(crate) fn head(&self) -> String {
        format!("POST /{}\nContent-Type: multipart/form-data; boundary={BOUNDARY}\nDate:", self.bucket)
    }
}

impl Gateway {
    pub(crate) async fn post(&self, who: As, form: &Form) -> Answer {
        self.send_bytes(As::Nobody, &form.head(), form.body(who)).await
    }

    /// Sends a form and expects its verdict.
    pub(crate) async fn check_post(&self, who: As, form: &Form, verdict: &str) -> Answer {
        let answer = self.post(who, form).await;
        assert_eq!(answer.verdict(), verdict, "{who:?} {form:?}\n{}", answer.text());
        answer
    }
}
