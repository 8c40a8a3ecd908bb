//! What an answer says: success, refusal, or nothing that can be relied on.

use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// Longest message taken over from an answer, in bytes: a sentence or two; whole HTML pages stay in
/// the raw response.
pub const MESSAGE_MAX: usize = 500;

/// What an answer says about its request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It was done.
    Success,
    /// It was not done as a whole, but the answer names what became of single records.
    Partial(SyncError),
    /// It was not done.
    Refused(SyncError),
    /// Nobody knows whether it was done.
    Unknown(SyncError),
}

/// Judges an answer that is a JSON object.
pub fn judge(
    status: u16,
    envelope: &Members,
    names_outcomes: bool,
    skip_success_property: bool,
    conflict_codes: &[String],
) -> Verdict {
    let http_ok = (200..300).contains(&status);
    let success = match envelope.get("success") {
        Some(Value::Bool(said)) => Some(*said),
        Some(Value::Number(said)) => Some(*said != 0.0),
        Some(Value::Digits(_)) => Some(true),
        Some(Value::Text(said)) => Some(said != "false" && said != "0"),
        Some(Value::Null | Value::List(_) | Value::Object(_)) | None => None,
    };
    if http_ok && success.unwrap_or(skip_success_property) {
        return Verdict::Success;
    }
    let code = if conflicts(status, envelope, conflict_codes) {
        ErrorCode::Conflict
    } else if http_ok {
        ErrorCode::Refused
    } else {
        ErrorCode::Http
    };
    let text = message(envelope).unwrap_or_else(|| default_message(status, http_ok));
    let error = SyncError::new(code, text).with_status(status);
    if names_outcomes {
        Verdict::Partial(error)
    } else if uncertain(status) {
        Verdict::Unknown(error)
    } else {
        Verdict::Refused(error)
    }
}

/// Judges an answer that can't be read: `why` by the reader, `head` is how the body begins.
pub fn judge_unreadable(status: u16, why: &str, head: &[u8], conflict_codes: &[String]) -> Verdict {
    let http_ok = (200..300).contains(&status);
    let code = if conflicts(status, &Members::new(), conflict_codes) {
        ErrorCode::Conflict
    } else if http_ok {
        ErrorCode::BadResponse
    } else {
        ErrorCode::Http
    };
    let raw = String::from_utf8_lossy(head);
    let raw = clip(raw.trim());
    let text = match (http_ok, raw.is_empty()) {
        (true, true) => {
            "the answer is empty; a server that has nothing to say answers {} or 204".into()
        }
        (true, false) => format!("the answer can't be read: {why}: {raw}"),
        (false, true) => default_message(status, false),
        (false, false) => raw.to_owned(),
    };
    let error = SyncError::new(code, text).with_status(status);
    // With 2xx, something answered as if all was well, and may well have done the work before it
    // broke its answer.
    if http_ok || uncertain(status) {
        Verdict::Unknown(error)
    } else {
        Verdict::Refused(error)
    }
}

/// The `requestId` of the answer, when it is there and is not that of the request: as text, for a
/// warning.
pub fn foreign_request_id(envelope: &Members, wire_id: u64) -> Option<String> {
    let same = match envelope.get("requestId") {
        None | Some(Value::Null) => true,
        Some(Value::Number(id)) => *id == wire_id as f64,
        Some(Value::Text(id)) => id.parse() == Ok(wire_id),
        Some(_) => false,
    };
    if same {
        None
    } else {
        envelope
            .get("requestId")
            .map(|id| clip(&id.to_json()).to_owned())
    }
}

/// Statuses that leave open whether the request was carried out.
const fn uncertain(status: u16) -> bool {
    status >= 500 || status == 408
}

fn conflicts(status: u16, envelope: &Members, codes: &[String]) -> bool {
    let said = envelope.get("code").and_then(Value::plain_text);
    codes.iter().any(|code| {
        code.parse() == Ok(status)
            || said
                .as_ref()
                .is_some_and(|said| said.eq_ignore_ascii_case(code))
    })
}

/// The server's words: `message`, `error`, `detail`, or a map of field to messages under any of
/// them or under `errors`.
fn message(envelope: &Members) -> Option<String> {
    ["message", "error", "detail", "errors"]
        .iter()
        .filter_map(|name| envelope.get(name))
        .find_map(|value| words(value, 0))
        .map(|text| clip(&text).to_owned())
}

fn words(value: &Value, depth: u8) -> Option<String> {
    match value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Object(map) if depth < 3 => match map.get("message") {
            Some(inner @ Value::Text(_)) => words(inner, depth + 1),
            _ => {
                let parts: Vec<String> = map
                    .list()
                    .iter()
                    .filter_map(|(name, value)| {
                        words(value, depth + 1).map(|text| format!("{name}: {text}"))
                    })
                    .collect();
                (!parts.is_empty()).then(|| parts.join("; "))
            }
        },
        Value::List(list) if depth < 3 => {
            let parts: Vec<String> = list
                .iter()
                .filter_map(|value| words(value, depth + 1))
                .collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        }
        _ => None,
    }
}

fn default_message(status: u16, http_ok: bool) -> String {
    if http_ok {
        "the server refused without saying why".into()
    } else {
        format!("the server answered with HTTP status {status}")
    }
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(MESSAGE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn read(answer: &Json) -> Members {
        match Value::parse(answer.to_string().as_bytes()) {
            Ok(Value::Object(members)) => members,
            other => panic!("{other:?}"),
        }
    }

    fn codes() -> Vec<String> {
        vec!["409".to_owned(), "CONFLICT".to_owned()]
    }

    fn verdict(status: u16, answer: Json) -> Verdict {
        judge(status, &read(&answer), false, true, &codes())
    }

    #[test]
    fn only_a_2xx_that_does_not_say_false_is_a_success() {
        assert_eq!(verdict(200, json!({})), Verdict::Success);
        assert_eq!(verdict(201, json!({"success": true})), Verdict::Success);
        assert_eq!(verdict(200, json!({"success": null})), Verdict::Success);
        assert!(matches!(
            verdict(200, json!({"success": false})),
            Verdict::Refused(_)
        ));
        assert!(matches!(
            verdict(404, json!({"success": true})),
            Verdict::Refused(_)
        ));
        assert!(matches!(
            verdict(500, json!({"success": false})),
            Verdict::Unknown(_)
        ));
        let strict = judge(200, &Members::new(), false, false, &[]);
        assert!(matches!(strict, Verdict::Refused(_)));
        let partial = judge(422, &Members::new(), true, true, &[]);
        assert!(matches!(partial, Verdict::Partial(_)));
    }

    #[test]
    fn the_servers_words_are_found_wherever_they_stand() {
        for (answer, expected) in [
            (json!({"message": "m", "error": "e"}), "m"),
            (json!({"error": "e"}), "e"),
            (json!({"error": {"message": "em", "x": 1}}), "em"),
            (json!({"detail": "d"}), "d"),
            (
                json!({"message": {"name": ["too long", "odd"], "start": ["late"]}}),
                "name: too long, odd; start: late",
            ),
            (json!({"errors": {"name": ["too long"]}}), "name: too long"),
            (json!({"message": "", "detail": "d"}), "d"),
            (json!({}), "the server answered with HTTP status 400"),
        ] {
            let Verdict::Refused(error) = verdict(400, answer) else {
                panic!("not refused")
            };
            assert_eq!(error.message, expected);
        }
    }

    #[test]
    fn a_conflict_is_known_by_status_or_code() {
        for (status, answer) in [
            (409, json!({})),
            (200, json!({"success": false, "code": 409})),
            (200, json!({"success": false, "code": "CONFLICT"})),
            (400, json!({"code": "409"})),
        ] {
            let Verdict::Refused(error) = verdict(status, answer) else {
                panic!("not refused")
            };
            assert_eq!(error.code, ErrorCode::Conflict);
        }
        let own = ["412".to_owned(), "stale".to_owned()];
        for (status, answer, conflicts) in [
            (412, json!({}), true),
            (200, json!({"success": false, "code": "STALE"}), true),
            (409, json!({"code": 409}), false),
        ] {
            let Verdict::Refused(error) = judge(status, &read(&answer), false, true, &own) else {
                panic!("not refused")
            };
            assert_eq!(error.code == ErrorCode::Conflict, conflicts);
        }
    }

    #[test]
    fn what_cannot_be_read_leaves_the_outcome_open_unless_the_status_settles_it() {
        let Verdict::Unknown(error) = judge_unreadable(200, "no JSON", b"<b>Warning</b>", &[])
        else {
            panic!("not unknown")
        };
        assert_eq!(error.code, ErrorCode::BadResponse);
        assert!(error.message.contains("<b>Warning</b>"));
        assert!(matches!(
            judge_unreadable(502, "x", b"", &[]),
            Verdict::Unknown(_)
        ));
        let Verdict::Refused(error) = judge_unreadable(404, "x", b"not here", &[]) else {
            panic!("not refused")
        };
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Http, "not here")
        );
        let long = "ä".repeat(MESSAGE_MAX);
        let Verdict::Refused(error) = judge_unreadable(404, "x", long.as_bytes(), &[]) else {
            panic!("not refused")
        };
        assert!(error.message.len() <= MESSAGE_MAX);
    }

    #[test]
    fn request_ids_match_as_numbers_and_as_text() {
        for (answer, foreign) in [
            (json!({"requestId": 7}), false),
            (json!({"requestId": "7"}), false),
            (json!({"requestId": null}), false),
            (json!({}), false),
            (json!({"requestId": 8}), true),
            (json!({"requestId": [7]}), true),
        ] {
            assert_eq!(foreign_request_id(&read(&answer), 7).is_some(), foreign);
        }
    }
}
