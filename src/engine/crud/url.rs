//! URLs with query parameters.

use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// `url` with the parameters appended to its query, before its fragment. `null` leaves a parameter out; objects and arrays go as JSON.
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
