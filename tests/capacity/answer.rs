//! An answer of the console listener, and the shapes it must have. The shapes say in our words what the API's
//! description says of this operation's answers; clients written against it stop at anything else.

use hyper::http::response::Parts;
use serde_json::{Value, json};

pub(crate) struct Answer {
    pub(crate) parts: Parts,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> u64 {
        self.body["code"].as_u64().expect("a code")
    }

    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.parts.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Checks that it has a success's form, which `data` alone does not decide.
    pub(crate) fn assert_success(&self) {
        assert_eq!((self.parts.status.as_u16(), self.code()), (200, 0), "{}", self.body);
        assert_eq!(self.body["msg"], "", "{}", self.body);
        assert!(self.body.get("correlation_id").is_none(), "{}", self.body);
        self.assert_headers();
    }

    /// Checks that it is refused with `code`: HTTP 200 all the same, an id, and nothing that a success would tell.
    pub(crate) fn assert_refused(&self, code: u64) {
        assert_eq!((self.parts.status.as_u16(), self.code()), (200, code), "{}", self.body);
        self.assert_failure();
    }

    /// Checks that it has a failure's form.
    pub(crate) fn assert_failure(&self) {
        assert_eq!(mismatch(&failure(), &self.body), None, "{}", self.body);
        let members: Vec<&str> = self.body.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(members, ["code", "correlation_id", "msg"]);
        assert_ne!(self.body["msg"], "");
        self.assert_headers();
    }

    fn assert_headers(&self) {
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(self.header("cache-control"), "private, no-cache");
    }
}

/// The shape of a capacity answer.
pub(crate) fn capacity() -> Value {
    let bytes = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": { "type": "integer" },
            "data": {
                "type": "object",
                "nullable": true,
                "required": ["total", "used", "storage_pack_total"],
                "properties": { "total": bytes, "used": bytes, "storage_pack_total": bytes },
            },
            "msg": { "type": "string" },
            "error": { "type": "string", "nullable": true },
            "correlation_id": { "type": "string", "format": "uuid", "nullable": true },
        },
    })
}

/// The shape of a failure.
fn failure() -> Value {
    let mut shape = capacity();
    shape["required"] = json!(["code", "msg", "correlation_id"]);
    shape
}

/// Where `value` first departs from `shape`, which uses the few words of JSON schema that are read here.
pub(crate) fn mismatch(shape: &Value, value: &Value) -> Option<String> {
    if value.is_null() && shape["nullable"] == true {
        return None;
    }
    let has_type = match shape["type"].as_str()? {
        "object" => value.is_object(),
        "string" => value.is_string(),
        // A number with a fraction or an exponent is none, even where it is whole.
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the shape has an unknown type {other}"),
    };
    if !has_type {
        return Some(format!("{value} is no {}", shape["type"]));
    }
    if shape["minimum"].as_i64().is_some_and(|minimum| value.as_i64().is_none_or(|number| number < minimum)) {
        return Some(format!("{value} is out of bounds"));
    }
    if shape["format"] == "uuid" && !value.as_str().is_some_and(is_uuid) {
        return Some(format!("{value} is no UUID"));
    }
    let required = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(name) = required.into_iter().find(|name| value.get(name).is_none()) {
        return Some(format!("{name} is missing"));
    }
    let mut members = shape["properties"].as_object().into_iter().flatten();
    members.find_map(|(name, shape)| mismatch(shape, value.get(name)?))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn the_shape_refuses_what_clients_stop_at() {
    let good = json!({ "code": 0, "data": { "total": 3, "used": 2, "storage_pack_total": 0 }, "msg": "" });
    assert_eq!(mismatch(&capacity(), &good), None);
    assert_eq!(mismatch(&capacity(), &json!({ "code": 401, "data": null })), None);
    for (pointer, bad) in [
        ("/code", json!("0")),
        ("/data", json!("")),
        ("/data/total", json!(3.0)),
        ("/data/total", json!("3")),
        ("/data/used", json!(-1)),
        ("/data/used", json!(null)),
        ("/data/storage_pack_total", json!(null)),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).unwrap() = bad;
        assert!(mismatch(&capacity(), &value).is_some(), "{value}");
    }
    let without_packs = json!({ "code": 0, "data": { "total": 3, "used": 2 }, "msg": "" });
    assert_eq!(mismatch(&capacity(), &without_packs).as_deref(), Some("storage_pack_total is missing"));
    let bad_id = json!({ "code": 1, "msg": "no", "correlation_id": "b4351ecc" });
    assert!(mismatch(&capacity(), &bad_id).is_some());
}
