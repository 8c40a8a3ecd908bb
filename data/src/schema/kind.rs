//! From what servers and apps give to what a field's kind holds.

use super::{DateFormat, FieldKind, Zone};
use crate::number::floor;
use crate::prelude::*;
use crate::value::{Value, read_number, write_number};

impl FieldKind {
    /// A kind as apps name it: `string`, `number`, `integer` (`int`), `boolean` (`bool`), `date`,
    /// `object`, `array`; nothing, `auto` and names of the app's own are whatever comes.
    #[inline]
    pub fn parse_config(kind: Option<&str>, format: Option<&str>) -> Result<Self, String> {
        Ok(match kind.unwrap_or_default() {
            "string" | "text" => Self::Text,
            "number" => Self::Number,
            "integer" | "int" => Self::Integer,
            "boolean" | "bool" => Self::Boolean,
            "date" => Self::Date(DateFormat::parse_config(format)?),
            "object" => Self::Object,
            "array" => Self::Array,
            _ => Self::Auto,
        })
    }

    /// A value as this kind holds it, so that values that mean the same compare as equal whoever
    /// wrote them: `"1"`, `1` and `true` in a boolean field, numeric text in a number field, every
    /// form of an instant in a date field. Empty text is `null` where the field holds no text. What
    /// can't be read stays as it is, so that nothing of it is lost. `scratch` lends its room to
    /// text that has to be made.
    pub fn normalise<'a>(
        &self,
        value: Value<'a>,
        zone: &Zone,
        scratch: &'a mut String,
    ) -> Value<'a> {
        match (self, value) {
            (_, Value::Number(number)) if !number.is_finite() => Value::Null,
            (Self::Text, Value::Number(number)) => {
                let mut text = core::mem::take(scratch).into_bytes();
                text.clear();
                write_number(number, &mut text);
                *scratch = String::from_utf8(text).unwrap_or_default();
                Value::Text(scratch)
            }
            (Self::Text, Value::Bool(bool)) => Value::Text(if bool { "true" } else { "false" }),
            (Self::Number | Self::Integer | Self::Boolean | Self::Date(_), Value::Text(text))
                if text.trim().is_empty() =>
            {
                Value::Null
            }
            (Self::Number, Value::Text(text)) => read_number(text).map_or(value, Value::Number),
            (Self::Integer, Value::Text(text)) => {
                read_number(text).map_or(value, |number| Value::Number(round(number)))
            }
            (Self::Integer, Value::Number(number)) => Value::Number(round(number)),
            (Self::Number | Self::Integer, Value::Bool(bool)) => Value::Number(f64::from(bool)),
            (Self::Boolean, Value::Number(number)) if number == 0.0 || number == 1.0 => {
                Value::Bool(number == 1.0)
            }
            (Self::Boolean, Value::Text(text)) => match text.trim() {
                "1" => Value::Bool(true),
                "0" => Value::Bool(false),
                word if word.eq_ignore_ascii_case("true") => Value::Bool(true),
                word if word.eq_ignore_ascii_case("false") => Value::Bool(false),
                _ => value,
            },
            (Self::Date(format), Value::Text(text)) => {
                format.read(text, zone).map_or(value, Value::Number)
            }
            (Self::Date(format), Value::Number(ms)) => Value::Number(format.day_of(ms, zone)),
            _ => value,
        }
    }
}

/// The nearest whole number, halves up, as JavaScript rounds.
pub(crate) fn round(number: f64) -> f64 {
    if floor(number) == number {
        return number;
    }
    floor(number + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &FieldKind, from: Value<'_>, to: Value<'_>) {
        let mut scratch = String::from("left over");
        let normal = kind.normalise(from, &Zone::default(), &mut scratch);
        assert_eq!(normal, to, "{kind:?} {from:?}");
    }

    #[test]
    fn values_that_mean_the_same_become_the_same() {
        use Value::{Bool, Json, Null, Number, Text};
        for yes in [
            Bool(true),
            Number(1.0),
            Text("1"),
            Text("true"),
            Text("TRUE"),
        ] {
            check(&FieldKind::Boolean, yes, Bool(true));
        }
        for no in [Bool(false), Number(0.0), Text("0"), Text("false")] {
            check(&FieldKind::Boolean, no, Bool(false));
        }
        check(&FieldKind::Boolean, Text("perhaps"), Text("perhaps"));
        check(&FieldKind::Boolean, Number(2.0), Number(2.0));
        check(&FieldKind::Number, Text(" 12.5 "), Number(12.5));
        check(&FieldKind::Number, Text("a dozen"), Text("a dozen"));
        check(&FieldKind::Number, Text(""), Null);
        check(&FieldKind::Integer, Number(2.5), Number(3.0));
        check(&FieldKind::Integer, Number(-2.5), Number(-2.0));
        check(&FieldKind::Integer, Text("7"), Number(7.0));
        check(&FieldKind::Integer, Bool(true), Number(1.0));
        check(&FieldKind::Text, Number(1.5), Text("1.5"));
        check(&FieldKind::Text, Bool(false), Text("false"));
        check(&FieldKind::Text, Text(""), Text(""));
        check(&FieldKind::Text, Null, Null);
        for none in [f64::NAN, f64::INFINITY] {
            check(&FieldKind::Text, Number(none), Null);
            check(&FieldKind::Integer, Number(none), Null);
        }
        check(&FieldKind::Object, Json("{}"), Json("{}"));
        check(&FieldKind::Auto, Text("1"), Text("1"));
    }

    #[test]
    fn a_date_that_is_nonsense_stays_the_text_that_it_was() {
        let date = FieldKind::Date(DateFormat::IsoOffset);
        check(
            &date,
            Value::Text("1970-01-01T00:00:01Z"),
            Value::Number(1000.0),
        );
        check(&date, Value::Text("0000-00-00"), Value::Text("0000-00-00"));
        check(&date, Value::Text(""), Value::Null);
        check(&date, Value::Null, Value::Null);
        check(&date, Value::Number(5.0), Value::Number(5.0));
        let day = FieldKind::Date(DateFormat::DateOnly);
        check(
            &day,
            Value::Number(90_000_000.0),
            Value::Number(86_400_000.0),
        );
        check(&day, Value::Number(-1.0), Value::Number(-86_400_000.0));
        check(&day, Value::Number(1e300), Value::Number(1e300));
    }
}
