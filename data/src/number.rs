//! Numbers as decimal text: read as the nearest double, written as JavaScript writes them.

use super::decimal::{parse, shortest};
use crate::prelude::*;

/// Below this, every whole number is a double of its own (2^53).
pub(crate) const SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The greatest whole number that isn't greater. `core` has none.
#[inline]
pub fn floor(value: f64) -> f64 {
    if value.abs() >= SAFE_INTEGER || value.is_nan() {
        return value;
    }
    let whole = value as i64 as f64;
    if whole > value { whole - 1.0 } else { whole }
}

/// Appends a finite number as JavaScript's `JSON.stringify` prints it: the shortest digits that
/// read back as the same number, exponents from `1e21` up and below `1e-6`; NaN and the infinities
/// become `null`.
pub fn write_number(value: f64, out: &mut Vec<u8>) {
    if (value as i64) as f64 == value && value.abs() < SAFE_INTEGER {
        write_integer(value as i64, out);
        return;
    }
    write_fraction(value, out);
}

/// Apart from the above, since this is rare and large.
#[inline(never)]
fn write_fraction(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let (digits, point) = shortest(value.abs());
    if value < 0.0 {
        out.push(b'-');
    }
    let count = digits.len() as i32;
    if (1..=21).contains(&point) {
        for at in 0..point.max(count) {
            if at == point {
                out.push(b'.');
            }
            out.push(digits.get(at as usize).copied().unwrap_or(b'0'));
        }
    } else if (-5..=0).contains(&point) {
        out.extend_from_slice(b"0.");
        out.extend(core::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        out.extend_from_slice(&digits);
    } else {
        let (first, rest) = digits.split_first().unwrap_or((&b'0', &[]));
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
        out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
        write_integer(i64::from(point - 1).abs(), out);
    }
}

#[inline(never)]
fn write_integer(value: i64, out: &mut Vec<u8>) {
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    let mut rest = value.unsigned_abs();
    for place in buffer.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if value < 0
        && let Some(sign) = at.checked_sub(1)
        && let Some(place) = buffer.get_mut(sign)
    {
        *place = b'-';
        at = sign;
    }
    out.extend_from_slice(buffer.get(at..).unwrap_or_default());
}

/// Reads text that holds one decimal number, blanks around it allowed; anything else, empty text,
/// and what is too large for a double is `None`.
pub fn read_number(text: &str) -> Option<f64> {
    parse(text.trim_ascii()).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn written(number: f64) -> String {
        let mut out = Vec::new();
        write_number(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn check(text: &str) {
        let nearest: f64 = text.parse().unwrap();
        let ours = parse(text).unwrap();
        assert_eq!(ours.to_bits(), nearest.to_bits(), "{text}");
    }

    #[test]
    fn any_double_is_read_back_from_what_is_written() {
        let mut rng = Rng::new(11);
        for _ in 0..50_000 {
            let number = f64::from_bits(rng.bits());
            if number.is_finite() {
                let text = written(number);
                assert_eq!(read_number(&text), Some(number), "{text}");
                check(&text);
                check(&format!("{number:e}"));
            }
        }
    }

    #[test]
    fn decimal_text_of_any_length_is_the_nearest_double() {
        let mut rng = Rng::new(12);
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..=rng.below(40) {
                text.push(char::from(b'0' + rng.below(10) as u8));
            }
            text.push('.');
            for _ in 0..=rng.below(40) {
                text.push(char::from(b'0' + rng.below(10) as u8));
            }
            check(&text);
            check(&format!("-{text}e{}", rng.below(680) as i32 - 340));
        }
        // Exactly between two doubles, a little above and below; at the edges of what doubles can
        // say.
        let between = "9007199254740993";
        let least = format!("{:.1100}", f64::from_bits(1));
        let half_of_least = "2.4703282292062327208299439643411068618252990130716238221279284125033775363510437593264991818081799618989828234772285886546332835517796989819938739800539093906315035659515570226392290858392449105184435931802849936536152500319370457678249219365623669863658480757001585769269903706311928279558551332927834338409351978015531246597263579574622766465272827220056374006485499977096599470454020828166226237857393450736339007967761930577506740176324673600968951340535537458516661134223766678604816215550391505390344e-324";
        for text in [
            between,
            "9007199254740993.0000000000000000000000000000000000000001",
            "9007199254740992.9999999999999999999999999999999999",
            &least,
            half_of_least,
            &half_of_least.replace("0344e", "0345e"),
            "2.2250738585072011e-308",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "1e309",
            "1e-400",
            "0",
            "0.0",
            "0e99999999999999999999",
            "1e99999999999999999999",
            "1e-99999999999999999999",
        ] {
            check(text);
        }
        check(&format!("{between}.{}1", "0".repeat(2000)));
        check(&format!("{between}.{}", "0".repeat(2000)));
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (42.0, "42"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (123.456, "123.456"),
            (1e20, "100000000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-6, "0.00000125"),
            (1e-7, "1e-7"),
            (-1.25e-7, "-1.25e-7"),
            (9007199254740991.0, "9007199254740991"),
            (9007199254740992.0, "9007199254740992"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "null"),
        ] {
            assert_eq!(written(number), expected);
        }
    }

    #[test]
    fn only_text_that_is_a_number_is_read_as_one() {
        assert_eq!(read_number(" 12.50 "), Some(12.5));
        assert_eq!(read_number("-3"), Some(-3.0));
        assert_eq!(read_number("+.5"), Some(0.5));
        assert_eq!(read_number("2.e1"), Some(20.0));
        for odd in [
            "", " ", ".", "e5", "1e", "abc", "inf", "NaN", "1e999", "1,5", "-", "12px", "0x1F",
        ] {
            assert_eq!(read_number(odd), None, "{odd:?}");
        }
    }
}
