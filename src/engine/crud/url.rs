//! URLs with query parameters.

use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// `url` with the parameters appended to its query, before its fragment. `null` leaves a parameter
/// out; objects and arrays go as JSON.
pub fn compose(url: &str, params: &[&Members], pack: Option<(&str, &[u8])>) -> String {
    let (path, fragment) = match url.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (url, None),
    };
    let mut out = path.to_owned();
    let mut separator = match path.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut append = |name: &str, value: &[u8]| {
        out.push_str(separator);
        encode(name.as_bytes(), &mut out);
        out.push('=');
        encode(value, &mut out);
        separator = "&";
    };
    for (name, value) in params.iter().flat_map(|members| members.list()) {
        match value {
            Value::Null => {}
            Value::Text(text) => append(name, text.as_bytes()),
            _ => append(name, value.to_json().as_bytes()),
        }
    }
    if let Some((name, bytes)) = pack {
        append(name, bytes);
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

/// Whether a URL names this machine, which can be reached without any network. Relative ones don't
/// say.
pub fn is_loopback(url: &str) -> bool {
    let url = url.as_bytes();
    let Some(at) = url.windows(2).position(|pair| pair == b"//") else {
        return false;
    };
    let rest = url.get(at + 2..).unwrap_or_default();
    let authority = rest.split(|byte| b"/?#".contains(byte)).next();
    let host = authority.and_then(|it| it.rsplit(|byte| *byte == b'@').next());
    let host = host.unwrap_or_default();
    if host.starts_with(b"[::1]") {
        return true;
    }
    let name = host.split(|byte| *byte == b':').next().unwrap_or_default();
    let mut parts = name.rsplit(|byte| *byte == b'.');
    let numbers = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case(b"localhost"))
        || name.starts_with(b"127.")
            && name.split(|byte| *byte == b'.').count() == 4
            && name.split(|byte| *byte == b'.').all(numbers)
}

/// As `encodeURIComponent` does.
fn encode(bytes: &[u8], out: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(
                    char::from_digit(u32::from(nibble), 16)
                        .unwrap_or('0')
                        .to_ascii_uppercase(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for url in [
            "http://localhost",
            "http://LocalHost:3000/api?x#y",
            "https://app.localhost/",
            "http://127.0.0.1:80/api",
            "http://127.8.9.10?x",
            "http://user:pass@127.0.0.1/",
            "http://[::1]:3000/api",
            "//localhost/api",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "/api/load",
            "api",
            "",
            "http://localhost.example.com/",
            "http://127.example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0/",
            "http://example.com/localhost",
            "http://example.com:127/",
            "http://localhost@example.com/",
            "http://[::2]/",
            "http://10.0.0.1/",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn parameters_go_after_the_query_that_is_there_and_before_the_fragment() {
        let params = r#"{"a": "x y", "b": null, "c": [1, "é"], "d": true}"#;
        let params = Value::parse(params.as_bytes()).unwrap();
        let params = params.as_object().unwrap();
        let encoded = "a=x%20y&c=%5B1%2C%22%C3%A9%22%5D&d=true&data=%7B%7D";
        for (url, start) in [
            ("load", "load?"),
            ("load?", "load?"),
            ("load?x=1", "load?x=1&"),
        ] {
            let pack = Some(("data", b"{}".as_slice()));
            assert_eq!(compose(url, &[params], pack), format!("{start}{encoded}"));
        }
        assert_eq!(
            compose("l#top", &[params], None),
            format!("l?{}#top", &encoded[..encoded.len() - 12])
        );
        assert_eq!(compose("l", &[], None), "l");
    }
}
