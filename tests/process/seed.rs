//! The documented sample request for a bucket's quota, over a raw socket, gets the documented sample answer.

use obs_gateway::clock::{Clock, http_date};

use crate::support::{Folder, Gateway, Keys, Request};

const DOMAIN: &str = "obs.region.example.com";
const ACCESS_KEY: &str = "H4IPJX0TQTHTHEBQQCEC";
const SECRET_KEY: &str = "seed-sample-secret-key";

/// The answer as the OBS reference prints it (`obs_04_0053`).
const SAMPLE: &str = r#"HTTP/1.1 200 OK
Server: OBS
x-obs-request-id: BF260000016436B55D8DED9AE26C4D18
x-obs-id-2: 32AAAQAAEAABAAAQAAEAABAAAQAAEAABCSs2Q5vz5AfpAJ/CMNgCfo2hmDowp7M9
Content-Type: application/xml
Date: WED, 01 Jul 2015 03:27:45 GMT
Content-Length: 150

<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Quota xmlns="http://obs.example.com/doc/2015-06-30/">
  <StorageQuota>0</StorageQuota>
</Quota>"#;

fn start(folder: &Folder) -> (Gateway, Keys) {
    let mut command = folder.serve();
    command
        .env("OBS_GATEWAY_DOMAIN", DOMAIN)
        .env("OBS_GATEWAY_ROOT_ACCESS_KEY", ACCESS_KEY)
        .env("OBS_GATEWAY_ROOT_SECRET_KEY", SECRET_KEY);
    let gateway = Gateway::start(&mut command, folder);
    let keys = Keys::new(ACCESS_KEY, SECRET_KEY);
    let bucket = Request::put("/", "").host(&format!("examplebucket.{DOMAIN}"), DOMAIN);
    gateway.done(&bucket.signed(&keys));
    (gateway, keys)
}

/// The date in the sample's own form, its weekday in capitals.
fn date() -> String {
    let date = http_date(Clock::System.now_millis());
    date[..3].to_ascii_uppercase() + &date[3..]
}

#[test]
fn the_sample_request_gets_the_sample_answer() {
    let folder = Folder::new();
    let (gateway, keys) = start(&folder);
    let signed = Request::get("/?quota").host(&format!("examplebucket.{DOMAIN}"), DOMAIN).header("Date", &date());
    let signed = signed.signed(&keys).head();
    let (date, authorization) = {
        let text = std::str::from_utf8(&signed).unwrap();
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        (line("Date: "), line("Authorization: "))
    };
    let request = format!(
        "GET /?quota HTTP/1.1\r\nUser-Agent: curl/7.29.0\r\nHost: examplebucket.{DOMAIN}\r\nAccept: */*\r\n\
         {date}\r\n{authorization}\r\n\r\n"
    );
    assert!(request.contains(&format!("Authorization: OBS {ACCESS_KEY}:")), "{request}");

    let mut connection = gateway.connect();
    connection.send(request.as_bytes()).unwrap();
    let answer = connection.read_answer().unwrap();

    let (sample_head, sample_xml) = SAMPLE.split_once("\n\n").unwrap();
    let mut sample_lines = sample_head.lines();
    assert_eq!(answer.line, sample_lines.next().unwrap());
    let sample: Vec<(&str, &str)> = sample_lines.map(|line| line.split_once(": ").unwrap()).collect();
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, sample.iter().map(|(name, _)| *name).collect::<Vec<_>>());

    let expected_xml = sample_xml.replace("obs.example.com", DOMAIN);
    assert_eq!(answer.text(), expected_xml);
    for (name, value) in sample {
        let given = answer.header(name).unwrap();
        match name {
            "x-obs-request-id" => {
                assert_eq!(given.len(), value.len());
                assert!(given.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')), "{given}");
            }
            "x-obs-id-2" => {
                assert_eq!(given.len(), value.len());
                assert!(given.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b)), "{given}");
            }
            "Date" => assert!(httpdate::parse_http_date(given).is_ok(), "{given}"),
            // The sample's own number is not that of the document printed below it.
            "Content-Length" => assert_eq!(given.parse(), Ok(expected_xml.len())),
            _ => assert_eq!(given, value, "{name}"),
        }
    }
}
