//! Published signature examples, run through the code that checks real requests.

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use obs_gateway::auth::canonical::{Input, Variant};
use obs_gateway::auth::{self, Claim, Moment};
use obs_gateway::error::Code;
use obs_gateway::wire::Head;
use obs_gateway::wire::address::Endpoints;

const SECRET: &str = "TestVectorSecretKeyForObsGateway00000001";
const ACCESS_KEY: &str = "TESTACCESSKEY";

/// One block of the data file.
#[derive(Default)]
struct Vector {
    name: String,
    string: String,
    signature: String,
    request: Option<(String, String)>,
    headers: Vec<(String, String)>,
}

fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in include_str!("v2.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').expect("a word and its value");
        if word == "vector" {
            vectors.push(Vector { name: rest.to_owned(), ..Vector::default() });
            continue;
        }
        let vector = vectors.last_mut().expect("a block begins with its name");
        match word {
            "string" => vector.string = rest.replace('|', "\n"),
            "signature" => rest.clone_into(&mut vector.signature),
            "request" => {
                vector.request = rest.split_once(' ').map(|(method, path)| (method.to_owned(), path.to_owned()));
            }
            header => vector.headers.push((header.trim_end_matches(':').to_owned(), rest.to_owned())),
        }
    }
    vectors
}

impl Vector {
    fn prefix(&self) -> &'static str {
        if self.name.starts_with('A') { "x-amz-" } else { "x-obs-" }
    }

    /// The request as a client sends it; `None` where the vector is a bare string.
    fn head(&self) -> Option<Head> {
        let (method, path) = self.request.as_ref()?;
        let mut request = hyper::Request::builder().method(method.as_str()).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !path.contains("Signature=") {
            let word = if self.prefix() == "x-amz-" { "AWS" } else { "OBS" };
            request = request.header(AUTHORIZATION, format!("{word} {ACCESS_KEY}:{}", self.signature));
        }
        let (parts, ()) = request.body(()).expect("a well-formed request").into_parts();
        Some(Head::parse(parts, &Endpoints::new(vec!["obs.example.com".to_owned()])).expect("a readable request"))
    }
}

#[test]
fn every_vector_is_in_the_file() {
    let names: Vec<String> = vectors().into_iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), 13 + 3 + 3, "{names:?}");
}

#[test]
fn strings_have_their_signatures() {
    for vector in vectors() {
        assert_eq!(auth::sign_string(SECRET, vector.string.as_bytes()), vector.signature, "{}", vector.name);
    }
}

#[test]
fn requests_have_their_strings() {
    for vector in vectors() {
        let Some(head) = vector.head() else { continue };
        let input = Input::of(&head, vector.prefix());
        let date_slot = head.query.get("Expires").unwrap_or(input.date_slot());
        let mut string = Vec::new();
        input.write_before_resource(date_slot, &mut string);
        input.write_resource(Variant::default(), &mut string);
        assert_eq!(String::from_utf8_lossy(&string), vector.string, "{}", vector.name);
    }
}

#[test]
fn requests_pass_and_altered_ones_do_not() {
    for vector in vectors() {
        let Some(mut head) = vector.head() else { continue };
        let Claim::Signed(signed) = auth::claim(&head).expect("a readable signature") else {
            panic!("{} is anonymous", vector.name)
        };
        let now_millis = match signed.moment() {
            Moment::Sent(millis) => millis,
            Moment::Expires(seconds) | Moment::Window { until_seconds: seconds, .. } => seconds * 1000,
        };
        assert_eq!(signed.access_key, ACCESS_KEY);
        signed.check(&head, SECRET, now_millis).unwrap_or_else(|error| panic!("{}: {error:?}", vector.name));
        let refused = signed.check(&head, "other secret", now_millis).expect_err("another secret");
        assert_eq!(refused.code(), Code::SignatureDoesNotMatch);
        assert!(refused.details().any(|detail| *detail == ("StringToSign", vector.string.clone())), "{}", vector.name);
        let covered = HeaderName::try_from(format!("{}meta-added", vector.prefix())).expect("a header's name");
        head.headers.insert(covered, HeaderValue::from_static("later"));
        assert!(signed.check(&head, SECRET, now_millis).is_err(), "{} takes another header", vector.name);
    }
}
