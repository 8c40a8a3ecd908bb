//! The server's counter: kept as the last success said it, never computed.

use crate::engine::json::dom::{Members, Value};

/// What the server last called its state; any JSON scalar.
#[derive(Clone, Debug, Default)]
pub struct Revision(Option<Value>);

impl Revision {
    /// An answer was applied; it may carry a revision. It may jump or go back; one that is absent
    /// or no scalar changes nothing.
    pub fn on_success(&mut self, envelope: &Members) {
        match envelope.get("revision") {
            Some(Value::Null | Value::List(_) | Value::Object(_)) | None => {}
            Some(value) => self.0 = Some(value.clone()),
        }
    }

    /// The app says it; `null` makes it unknown.
    pub fn set(&mut self, value: Value) {
        self.0 = if value.is_null() { None } else { Some(value) };
    }

    /// The revision; none while it is unknown.
    pub const fn value(&self) -> Option<&Value> {
        self.0.as_ref()
    }
}

/// A revision that can be compared: a whole number from 0.
pub(super) fn whole(value: &Value) -> Option<u64> {
    let number = value.as_number()?;
    let whole = number as u64;
    (number >= 0.0 && whole as f64 == number).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_last_success_said() {
        let mut revision = Revision::default();
        assert_eq!(revision.value(), None);
        for (answer, known) in [
            (r#"{"revision":7}"#, "7"),
            ("{}", "7"),
            (r#"{"revision":null}"#, "7"),
            (r#"{"revision":{"a":1}}"#, "7"),
            (r#"{"revision":3}"#, "3"),
            (
                r#"{"revision":18446744073709551615}"#,
                "18446744073709551615",
            ),
            (
                r#"{"revision":"2026-03-01T00:00"}"#,
                r#""2026-03-01T00:00""#,
            ),
        ] {
            let answer = Value::parse(answer.as_bytes()).unwrap();
            revision.on_success(answer.as_object().unwrap());
            assert_eq!(revision.value().unwrap().to_json(), known);
        }
    }
}
