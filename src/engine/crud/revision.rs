//! The server's counter: kept as the last success said it, never computed.

use serde_json::{Map, Value};

/// What the server last called its state; any JSON scalar.
#[derive(Clone, Debug, Default)]
pub struct Revision(Option<Value>);

impl Revision {
    /// An answer was applied; it may carry a revision. It may jump or go back; one that is absent or no scalar changes nothing.
    pub fn on_success(&mut self, envelope: &Map<String, Value>) {
        match envelope.get("revision") {
            Some(value @ (Value::Number(_) | Value::String(_) | Value::Bool(_))) => {
                self.0 = Some(value.clone());
            }
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_what_the_last_success_said() {
        let mut revision = Revision::default();
        assert_eq!(revision.value(), None);
        for (answer, known) in [
            (json!({"revision": 7}), json!(7)),
            (json!({}), json!(7)),
            (json!({"revision": null}), json!(7)),
            (json!({"revision": {"a": 1}}), json!(7)),
            (json!({"revision": 3}), json!(3)),
            (
                json!({"revision": "2026-03-01T00:00"}),
                json!("2026-03-01T00:00"),
            ),
        ] {
            revision.on_success(answer.as_object().unwrap());
            assert_eq!(revision.value(), Some(&known));
        }
    }
}
