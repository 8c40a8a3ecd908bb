//! Values of fields: from the wire into the one form in which they are stored and answered.

use serde_json::{Number, Value};

use super::date::DateTime;
use super::{Default, Field, IdKind, Kind, MAX_TEXT_ID_CHARS};

/// The id of a stored record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Id {
    Integer(i64),
    Text(String),
}

/// A value as the database keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Id {
    /// Reads an id from the wire: `"4037"` and `4037` are the same id. `None` when the value can't
    /// be an id of this kind.
    pub(crate) fn from_value(kind: IdKind, value: &Value) -> Option<Self> {
        match (kind, value) {
            (IdKind::Integer, Value::Number(number)) => number.as_i64().map(Self::Integer),
            (IdKind::Integer, Value::String(text)) => canonical_integer(text).map(Self::Integer),
            (IdKind::Text, Value::String(text)) if is_text_id(text) => {
                Some(Self::Text(text.clone()))
            }
            (IdKind::Text, Value::Number(number)) => Some(Self::Text(number.to_string())),
            _ => None,
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Integer(id) => Value::from(*id),
            Self::Text(id) => Value::from(id.as_str()),
        }
    }

    pub(crate) fn to_cell(&self) -> Cell {
        match self {
            Self::Integer(id) => Cell::Integer(*id),
            Self::Text(id) => Cell::Text(id.clone()),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(id) => id.fmt(f),
            Self::Text(id) => id.fmt(f),
        }
    }
}

impl Field {
    /// The value to store for what the client sent, or the reason why not.
    pub(crate) fn normalise(&self, value: &Value) -> Result<Value, String> {
        if value.is_null() {
            return if self.required {
                Err(self.says("is required"))
            } else {
                Ok(Value::Null)
            };
        }
        match self.kind {
            Kind::Text(max_chars) => self.text_value(value, max_chars),
            Kind::Choice(values) => match value.as_str() {
                Some(text) if values.contains(&text) => Ok(value.clone()),
                _ => Err(self.says(&format!("must be one of {}", values.join(", ")))),
            },
            Kind::Integer(min, max) => self.integer_value(value, min, max),
            Kind::Real(min, max) => match value.as_f64() {
                Some(number) if (min..=max).contains(&number) => Ok(real(number)),
                Some(_) => Err(self.says(&format!("must lie between {min} and {max}"))),
                None => Err(self.says("must be a number")),
            },
            Kind::Boolean if value.is_boolean() => Ok(value.clone()),
            Kind::Boolean => Err(self.says("must be true or false")),
            Kind::Date | Kind::DateTime => self.date_value(value),
            Kind::Json(max_bytes) if value.to_string().len() <= max_bytes => Ok(value.clone()),
            Kind::Json(max_bytes) => Err(self.says(&format!("is larger than {max_bytes} bytes"))),
        }
    }

    /// What an added record gets that doesn't name the field, or the reason why it must.
    pub(crate) fn default_value(&self) -> Result<Value, String> {
        match self.default {
            Default::Null if self.required => Err(self.says("is required")),
            Default::Null => Ok(Value::Null),
            Default::Text(text) => Ok(Value::from(text)),
            Default::Integer(number) => Ok(Value::from(number)),
            Default::Real(number) => Ok(real(number)),
            Default::Boolean(flag) => Ok(Value::from(flag)),
        }
    }

    /// The cell for a value that [`Field::normalise`] gave.
    pub(crate) fn to_cell(&self, value: &Value) -> Cell {
        match (self.kind, value) {
            (_, Value::Null) => Cell::Null,
            (Kind::Json(_), value) => Cell::Text(value.to_string()),
            (_, Value::Bool(flag)) => Cell::Integer(i64::from(*flag)),
            (Kind::Real(..), Value::Number(number)) => {
                Cell::Real(number.as_f64().unwrap_or_default())
            }
            (_, Value::Number(number)) => Cell::Integer(number.as_i64().unwrap_or_default()),
            (_, Value::String(text)) => Cell::Text(text.clone()),
            (_, Value::Array(_) | Value::Object(_)) => Cell::Text(value.to_string()),
        }
    }

    /// A value that another user might have given the field; `None` where there is no obvious one.
    pub(crate) fn another(&self, value: &Value) -> Option<Value> {
        if self.reference.is_some() {
            return None;
        }
        match (self.kind, value) {
            (Kind::Text(max_chars), Value::String(text)) => {
                let mark = " (changed)";
                let kept = max_chars.checked_sub(mark.len())?;
                let kept: String = text.chars().take(kept).collect();
                Some(Value::from(kept + mark))
            }
            (Kind::Choice(values), _) => {
                let other = values.iter().find(|other| value.as_str() != Some(**other));
                other.map(|other| Value::from(*other))
            }
            (Kind::Integer(_, max), Value::Number(number)) => {
                let next = number.as_i64()?.checked_add(1)?;
                (next <= max).then(|| Value::from(next))
            }
            (Kind::Real(_, max), Value::Number(number)) => {
                let next = number.as_f64()? + 1.0;
                (next <= max).then(|| real(next))
            }
            (Kind::Boolean, Value::Bool(flag)) => Some(Value::from(!flag)),
            (Kind::DateTime, Value::String(text)) => {
                let minute: u8 = text.get(14..16)?.parse().ok()?;
                let before = text.get(..14)?;
                let after = text.get(16..)?;
                (minute < 59).then(|| Value::from(format!("{before}{:02}{after}", minute + 1)))
            }
            _ => None,
        }
    }

    /// A sentence about the field for the user: `End date is required`.
    pub(crate) fn says(&self, what: &str) -> String {
        format!("{} {what}", label(self.name))
    }

    fn text_value(&self, value: &Value, max_chars: usize) -> Result<Value, String> {
        let Some(text) = value.as_str() else {
            return Err(self.says("must be a text"));
        };
        if text.contains('\0') {
            return Err(self.says("contains a NUL character"));
        }
        let text = if self.required { text.trim() } else { text };
        if self.required && text.is_empty() {
            return Err(self.says("is required"));
        }
        if text.chars().count() > max_chars {
            return Err(self.says(&format!("is longer than {max_chars} characters")));
        }
        Ok(Value::from(text))
    }

    fn integer_value(&self, value: &Value, min: i64, max: i64) -> Result<Value, String> {
        let whole = value.as_i64().or_else(|| {
            let number = value.as_f64()?;
            // Beyond 2^53 a float says nothing certain about the last digits.
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
        });
        match whole {
            Some(number) if (min..=max).contains(&number) => Ok(Value::from(number)),
            Some(_) => Err(self.says(&format!("must lie between {min} and {max}"))),
            None if value.is_number() => Err(self.says("must be a whole number")),
            None => Err(self.says("must be a number")),
        }
    }

    fn date_value(&self, value: &Value) -> Result<Value, String> {
        let Some(date) = value.as_str().and_then(DateTime::parse) else {
            return Err(self.says("is not a date"));
        };
        let text = if self.kind == Kind::Date {
            date.date_text()
        } else {
            date.to_text()
        };
        Ok(Value::from(text))
    }
}

/// `startDate` as the user reads it: `Start date`.
pub(crate) fn label(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 2);
    for (index, char) in name.chars().enumerate() {
        if index == 0 {
            label.extend(char.to_uppercase());
        } else if char.is_ascii_uppercase() {
            label.push(' ');
            label.push(char.to_ascii_lowercase());
        } else {
            label.push(char);
        }
    }
    label
}

/// Whether the client knows the stored value when it sent `sent`: numbers compare by value.
pub(crate) fn same_value(sent: &Value, stored: &Value) -> bool {
    if let (Some(sent), Some(stored)) = (sent.as_i64(), stored.as_i64()) {
        return sent == stored;
    }
    sent == stored || matches!((sent.as_f64(), stored.as_f64()), (Some(a), Some(b)) if a == b)
}

fn real(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A text that is a number in its one usual spelling.
fn canonical_integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn is_text_id(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_TEXT_ID_CHARS
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_of_equal_text_are_one_id() {
        let from = |value| Id::from_value(IdKind::Integer, &value);
        assert_eq!(from(json!("4037")), from(json!(4037)));
        for bad in [
            json!("04037"),
            json!("+4"),
            json!("4.0"),
            json!(1e300),
            json!(null),
            json!([4]),
        ] {
            assert_eq!(from(bad), None);
        }
    }

    #[test]
    fn values_of_wrong_type_or_size_are_refused_in_words() {
        let name = Field::text("name", 5).required();
        assert_eq!(name.normalise(&json!("  Ada ")), Ok(json!("Ada")));
        assert_eq!(
            name.normalise(&json!("   ")),
            Err("Name is required".into())
        );
        assert_eq!(
            name.normalise(&json!("Adelaide")).unwrap_err(),
            "Name is longer than 5 characters"
        );
        assert_eq!(
            name.normalise(&json!("é́é́é́é́é́é́")).unwrap_err(),
            "Name is longer than 5 characters"
        );
        assert_eq!(
            name.normalise(&json!("a\u{0}")).unwrap_err(),
            "Name contains a NUL character"
        );
        assert_eq!(
            name.normalise(&json!(5)).unwrap_err(),
            "Name must be a text"
        );
        let weight = Field::integer("weight", 0, 9);
        assert_eq!(weight.normalise(&json!(5.0)), Ok(json!(5)));
        for bad in [
            json!(5.5),
            json!(10),
            json!(1e300),
            json!(u64::MAX),
            json!("5"),
            json!(true),
        ] {
            assert!(weight.normalise(&bad).is_err(), "{bad}");
        }
        let end = Field::date_time("endDate");
        assert_eq!(
            end.normalise(&json!("soon")).unwrap_err(),
            "End date is not a date"
        );
        assert_eq!(end.normalise(&Value::Null), Ok(Value::Null));
    }
}
