//! What goes out: the pack of a load, the package of a sync, and the request around either.

use super::url;
use crate::engine::config::{Endpoint, check_url};
use crate::engine::effect::{HttpRequest, RequestKind};
use crate::engine::json::dom::{Members, Value};
use crate::engine::json::write;
use crate::prelude::*;

/// Members of a pack that are the protocol's own: `requestData` and options can't take their place.
const RESERVED: [&str; 4] = ["type", "requestId", "revision", "stores"];

/// What a call of `load` asks for beyond the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Where to, when not to the configured URL.
    pub url: Option<String>,
    /// Query parameters of the request.
    pub params: Members,
    /// Members of the pack.
    pub data: Members,
    /// The answer is a part of the data: edited records that aren't in it stay.
    pub partial: bool,
    /// The rows of all stores come on top of what is there.
    pub append_all: bool,
    /// Parameters of single stores: they go into the store's entry of the pack.
    pub stores: Members,
}

impl LoadOptions {
    /// Whether a store's rows come on top of what is there.
    pub fn appends(&self, store: &str) -> bool {
        self.append_all || self.append().iter().any(|name| name == store)
    }

    /// The stores whose rows come on top of what is there (`append: true`).
    pub fn append(&self) -> Vec<String> {
        let appends = |value: &Value| {
            let params = value.as_object();
            params.and_then(|params| params.get("append")) == Some(&Value::Bool(true))
        };
        let stores = self.stores.list().iter();
        stores
            .filter(|(_, value)| appends(value))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Reads `{ request?: { url?, params?, data?, partial? }, <storeId>?: {…} }`; what has another
    /// shape is an error in words.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let mut options = match Value::parse(json) {
            Ok(Value::Object(options)) => options,
            Ok(_) => return Err("load options: not an object".into()),
            Err(error) => return Err(["load options: the text ", error.kind.as_str()].concat()),
        };
        let mut read = Self::default();
        match options.remove("request") {
            None | Some(Value::Null) => {}
            Some(Value::Object(mut request)) => {
                for (name, into) in [("params", &mut read.params), ("data", &mut read.data)] {
                    match request.remove(name) {
                        None | Some(Value::Null) => {}
                        Some(Value::Object(members)) => *into = members,
                        Some(_) => {
                            let words = ["load options: request.", name, " must be an object"];
                            return Err(words.concat());
                        }
                    }
                }
                match request.remove("url") {
                    None | Some(Value::Null) => {}
                    Some(Value::Text(url)) if check_url(&url).is_ok() => read.url = Some(url),
                    Some(_) => return Err("load options: request.url must be a URL".into()),
                }
                read.partial = request.remove("partial") == Some(Value::Bool(true));
            }
            Some(_) => return Err("load options: request must be an object".into()),
        }
        if let Some((name, _)) = options
            .list()
            .iter()
            .find(|(_, value)| value.as_object().is_none())
        {
            return Err(format!("load options: \"{name}\" must be an object"));
        }
        read.stores = options;
        Ok(read)
    }
}

/// The pack of a load, as JSON text.
pub fn load_pack(
    wire_id: u64,
    stores: &[&str],
    options: &LoadOptions,
    request_data: &Members,
) -> Vec<u8> {
    let entries: Vec<Value> = stores
        .iter()
        .map(|&store| match options.stores.get(store) {
            Some(Value::Object(params)) => {
                let mut entry = params.clone();
                entry.remove("append");
                entry.insert("id", Value::Text(store.to_owned()));
                Value::Object(entry)
            }
            _ => Value::Text(store.to_owned()),
        })
        .collect();
    let mut out = head(RequestKind::Load, wire_id);
    member(&mut out, "stores", &Value::List(entries));
    extend(&mut out, &options.data, &[]);
    let taken: Vec<&str> = options
        .data
        .list()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    extend(&mut out, request_data, &taken);
    out.push(b'}');
    out
}

/// The package of a sync, as JSON text. `sections` are the stores' parts, each a whole JSON object.
pub fn sync_pack(
    wire_id: u64,
    revision: Option<&Value>,
    sections: &[(&str, Vec<u8>)],
    request_data: &Members,
) -> Vec<u8> {
    let mut out = head(RequestKind::Sync, wire_id);
    if let Some(revision) = revision {
        member(&mut out, "revision", revision);
    }
    for (store, section) in sections {
        key(&mut out, store);
        out.extend_from_slice(section);
    }
    let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    extend(&mut out, request_data, &names);
    out.push(b'}');
    out
}

/// The stores' parts alone, as `changes` shows them.
pub fn changes(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"{".to_vec();
    for (store, section) in sections {
        key(&mut out, store);
        out.extend_from_slice(section);
    }
    out.push(b'}');
    out
}

/// The request that carries a pack: in a query parameter where one is named, else as the body.
pub fn request(
    endpoint: &Endpoint,
    url: Option<&str>,
    pack: &[u8],
    params: &Members,
) -> Option<HttpRequest> {
    let url = url.or(endpoint.url.as_deref())?;
    let in_query = endpoint.param_name.as_deref().map(|name| (name, pack));
    let mut headers = endpoint.headers.clone();
    default_header(&mut headers, "Accept", "application/json");
    if in_query.is_none() && endpoint.method != "GET" {
        default_header(&mut headers, "Content-Type", "application/json");
    }
    Some(HttpRequest {
        method: endpoint.method.clone(),
        url: url::compose(url, &[&endpoint.params, params], in_query),
        headers,
        body: (in_query.is_none() && endpoint.method != "GET").then(|| pack.to_vec()),
        fetch_options: endpoint.fetch_options.clone(),
    })
}

fn default_header(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !headers
        .iter()
        .any(|(given, _)| given.eq_ignore_ascii_case(name))
    {
        headers.push((name.into(), value.into()));
    }
}

fn head(kind: RequestKind, wire_id: u64) -> Vec<u8> {
    let kind = match kind {
        RequestKind::Load => "load",
        RequestKind::Sync => "sync",
    };
    format!("{{\"type\":\"{kind}\",\"requestId\":{wire_id}").into_bytes()
}

fn extend(out: &mut Vec<u8>, data: &Members, taken: &[&str]) {
    for (name, value) in data.list() {
        if !RESERVED.contains(&name.as_str()) && !taken.contains(&name.as_str()) {
            member(out, name, value);
        }
    }
}

fn member(out: &mut Vec<u8>, name: &str, value: &Value) {
    key(out, name);
    value.write(out);
}

fn key(out: &mut Vec<u8>, name: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    write::string(name, out);
    out.push(b':');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::{ManagerOptions, parse};

    fn object(json: &str) -> Members {
        Value::parse(json.as_bytes())
            .unwrap()
            .as_object()
            .unwrap()
            .clone()
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_load_lists_its_stores_with_what_is_asked_of_them() {
        let options = LoadOptions::parse(
            br#"{"request":{"url":"/x","params":{"a":1},"data":{"page":2}},"events":{"append":true,"from":"x"}}"#,
        )
        .unwrap();
        let data = object(r#"{"token":"t","requestId":0}"#);
        let pack = load_pack(5, &["events", "resources"], &options, &data);
        assert_eq!(
            text(pack),
            r#"{"type":"load","requestId":5,"stores":[{"from":"x","id":"events"},"resources"],"page":2,"token":"t"}"#
        );
        assert_eq!(options.params.get("a"), Some(&Value::Number(1.0)));
        assert_eq!(options.url.as_deref(), Some("/x"));
        for bad in [
            "7",
            r#"{"request":1}"#,
            r#"{"request":{"params":[]}}"#,
            r#"{"request":{"data":7}}"#,
            r#"{"request":{"url":"http://"}}"#,
            r#"{"events":true}"#,
            "{",
        ] {
            assert!(LoadOptions::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sync_leaves_an_unknown_revision_out_and_guards_its_sections() {
        let sections = [("ev\"ents", br#"{"removed":[{"id":1}]}"#.to_vec())];
        let data = object(r#"{"ev\"ents":1,"x":2}"#);
        let pack = sync_pack(9, None, &sections, &data);
        assert_eq!(
            text(pack),
            r#"{"type":"sync","requestId":9,"ev\"ents":{"removed":[{"id":1}]},"x":2}"#
        );
        let pack = sync_pack(9, Some(&Value::Text("r1".into())), &[], &Members::new());
        assert_eq!(
            text(pack),
            r#"{"type":"sync","requestId":9,"revision":"r1"}"#
        );
        assert_eq!(
            text(changes(&sections)),
            r#"{"ev\"ents":{"removed":[{"id":1}]}}"#
        );
    }

    #[test]
    fn the_pack_goes_into_the_query_or_the_body() {
        let config = br#"{"transport":{"load":{"url":"/l","params":{"k":"v"}},
            "sync":{"url":"/s","headers":{"content-type":"text/x"}}}}"#;
        let options = ManagerOptions::check(parse(config).unwrap()).unwrap();
        let load = request(&options.load, None, b"{}", &Members::new()).unwrap();
        assert_eq!((load.url.as_str(), load.body), ("/l?k=v&data=%7B%7D", None));
        let sync = request(&options.sync, None, b"{}", &Members::new()).unwrap();
        assert_eq!((sync.url.as_str(), sync.body), ("/s", Some(b"{}".to_vec())));
        let names: Vec<_> = sync.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "Accept"]);
        let none = ManagerOptions::check(parse(b"{}").unwrap()).unwrap();
        assert_eq!(request(&none.sync, None, b"{}", &Members::new()), None);
    }
}
