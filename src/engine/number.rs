//! Numbers as decimal text: read as the nearest double, written as JavaScript writes them.
//!
//! The standard library's ways are exact too, but their tables would be a seventh of what the whole
//! module may weigh.

/// Below this, every whole number is a double of its own (2^53).
pub(crate) const SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Appends a finite number as JavaScript's `JSON.stringify` prints it: the shortest digits that
/// read back as the same number, exponents from `1e21` up and below `1e-6`; NaN and the infinities
/// become `null`.
pub fn write_number(value: f64, out: &mut Vec<u8>) {
    if value.fract() == 0.0 && value.abs() < SAFE_INTEGER {
        write_integer(value as i64, out);
        return;
    }
    let Some(number) = serde_json::Number::from_f64(value.abs()) else {
        out.extend_from_slice(b"null");
        return;
    };
    let (digits, point) = significant(number.to_string().as_bytes());
    if value < 0.0 {
        out.push(b'-');
    }
    let count = digits.len() as i64;
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
        write_integer((point - 1).abs(), out);
    }
}

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
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(buffer.get(at..).unwrap_or_default());
}

/// Reads text that holds one decimal number, blanks around it allowed; anything else, empty text,
/// and what is too large for a double is `None`.
pub fn read_number(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let bytes = text.as_bytes();
    let mut rest = bytes
        .strip_prefix(b"-")
        .or_else(|| bytes.strip_prefix(b"+"))
        .unwrap_or(bytes);
    let whole = take_digits(&mut rest);
    let decimals = match rest.strip_prefix(b".") {
        Some(after) => {
            rest = after;
            take_digits(&mut rest)
        }
        None => 0,
    };
    if whole + decimals == 0 {
        return None;
    }
    if let Some((b'e' | b'E', after)) = rest.split_first() {
        rest = match after.split_first() {
            Some((b'+' | b'-', digits)) => digits,
            _ => after,
        };
        if take_digits(&mut rest) == 0 {
            return None;
        }
    }
    let value = nearest_double(bytes);
    (rest.is_empty() && value.is_finite()).then_some(value)
}

fn take_digits(rest: &mut &[u8]) -> usize {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    *rest = rest.get(count..).unwrap_or_default();
    count
}

/// More digits than these only say whether the number lies above or below what they say.
const DIGITS_MAX: usize = 800;

/// The significant digits of a decimal number, and how many of them (or of zeros, if negative)
/// stand before the decimal point.
fn significant(text: &[u8]) -> (Vec<u8>, i64) {
    let mut digits = Vec::new();
    let (mut point, mut seen_point, mut beyond) = (0i64, false, false);
    let mut bytes = text.iter();
    for byte in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                if !digits.is_empty() || *byte != b'0' {
                    point += i64::from(!seen_point);
                    if digits.len() < DIGITS_MAX {
                        digits.push(*byte);
                    } else {
                        beyond |= *byte != b'0';
                    }
                } else {
                    point -= i64::from(seen_point);
                }
            }
            b'.' => seen_point = true,
            b'e' | b'E' => break,
            _ => {}
        }
    }
    let exponent = bytes.as_slice();
    let negative = exponent.first() == Some(&b'-');
    let size = exponent
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0i64, |size, byte| {
            (size * 10 + i64::from(byte - b'0')).min(1 << 40)
        });
    point += if negative { -size } else { size };
    if beyond {
        digits.push(b'1');
    }
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    (digits, point)
}

/// The double that is nearest to a decimal number whose form has been checked; infinite when there
/// is none.
pub(crate) fn nearest_double(text: &[u8]) -> f64 {
    let (digits, point) = significant(text);
    let value = match digits.len() {
        0 => 0.0,
        _ if point > 310 => f64::INFINITY,
        _ if point < -330 => 0.0,
        count => {
            let exponent = point - count as i64;
            quick(&digits, exponent).unwrap_or_else(|| slow(&digits, exponent as i32))
        }
    };
    if text.first() == Some(&b'-') {
        -value
    } else {
        value
    }
}

/// Numbers that fit into 128 bits on their way.
fn quick(digits: &[u8], exponent: i64) -> Option<f64> {
    if digits.len() > 19 || exponent.abs() > 19 {
        return None;
    }
    let mantissa = digits
        .iter()
        .fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    let power = 10u128.pow(exponent.unsigned_abs() as u32);
    if exponent >= 0 {
        return Some(round(u128::from(mantissa) * power, false, 0));
    }
    let shift = u128::from(mantissa).leading_zeros();
    let shifted = u128::from(mantissa) << shift;
    // 128 bits by at most 64: enough bits remain to round by.
    Some(round(
        shifted / power,
        shifted % power != 0,
        -(shift as i32),
    ))
}

/// Any number: digits times a power of ten, as a quotient of whole numbers of any size.
fn slow(digits: &[u8], exponent: i32) -> f64 {
    let mut number = Big::default();
    for digit in digits {
        number.scale(10, u32::from(digit - b'0'));
    }
    let mut divisor = Big::default();
    divisor.scale(1, 1);
    for _ in 0..exponent.unsigned_abs() {
        let scaled = if exponent > 0 {
            &mut number
        } else {
            &mut divisor
        };
        scaled.scale(10, 0);
    }
    // So that the quotient has 66 or 67 bits.
    let shift = 66 - (number.bits() - divisor.bits());
    if shift > 0 {
        number.double(shift as u32);
    } else {
        divisor.double(shift.unsigned_abs());
    }
    divisor.double(67);
    let mut quotient = 0u128;
    for _ in 0..=67 {
        quotient <<= 1;
        if number.subtract(&divisor) {
            quotient |= 1;
        }
        divisor.halve();
    }
    round(quotient, number.bits() > 0, -shift)
}

/// The double nearest to `value * 2^exponent`, of two that are equally near the even one; `more`
/// when the true number lies a little above.
fn round(value: u128, more: bool, exponent: i32) -> f64 {
    let len = 128 - value.leading_zeros() as i32;
    // The exponent of the highest bit; below the least normal double, bits of the fraction are
    // lost.
    let top = len - 1 + exponent;
    let precision = if top >= -1022 { 53 } else { 53 + 1022 + top };
    let dropped = len - precision;
    if precision < 0 {
        return 0.0;
    }
    let mut fraction = if dropped <= 0 {
        (value << dropped.unsigned_abs()) as u64
    } else {
        let kept = value.checked_shr(dropped as u32).unwrap_or(0) as u64;
        let half = 1u128 << (dropped - 1);
        let rest = value & ((half - 1) | half);
        let up = rest > half || (rest == half && (more || kept & 1 == 1));
        kept + u64::from(up)
    };
    let mut top = top.max(-1022);
    if fraction >> 53 == 1 {
        fraction >>= 1;
        top += 1;
    }
    if top > 1023 {
        return f64::INFINITY;
    }
    // Without its highest bit, the number is one of the least exponent.
    let normal = (fraction >> 52) & 1;
    let biased = (top + 1022) as u64 + normal;
    f64::from_bits(biased << 52 | fraction & ((1 << 52) - 1))
}

/// A whole number of any size, the least 32 bits first, without zeros at the end.
#[derive(Default)]
struct Big(Vec<u32>);

impl Big {
    fn bits(&self) -> i32 {
        let top = self
            .0
            .last()
            .map_or(0, |top| 32 - top.leading_zeros() as i32);
        32 * (self.0.len() as i32 - 1).max(0) + top
    }

    fn scale(&mut self, by: u32, plus: u32) {
        let mut carry = u64::from(plus);
        for part in &mut self.0 {
            carry += u64::from(*part) * u64::from(by);
            *part = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn double(&mut self, times: u32) {
        let whole = core::iter::repeat_n(0, (times / 32) as usize);
        self.0.splice(0..0, whole);
        self.scale(1 << (times % 32), 0);
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for part in self.0.iter_mut().rev() {
            let low = *part & 1;
            *part = *part >> 1 | carry << 31;
            carry = low;
        }
        self.trim();
    }

    /// Subtracts what isn't more, and says whether it did.
    fn subtract(&mut self, other: &Self) -> bool {
        let sizes = self.0.len().cmp(&other.0.len());
        let ordering = sizes.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()));
        if ordering.is_lt() {
            return false;
        }
        let mut borrow = 0;
        let others = other.0.iter().copied().chain(core::iter::repeat(0));
        for (part, other) in self.0.iter_mut().zip(others) {
            let rest = i64::from(*part) - i64::from(other) - borrow;
            *part = rest as u32;
            borrow = i64::from(rest < 0);
        }
        self.trim();
        true
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::Rng;

    fn written(number: f64) -> String {
        let mut out = Vec::new();
        write_number(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn check(text: &str) {
        let nearest: f64 = text.parse().unwrap();
        let ours = nearest_double(text.as_bytes());
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
