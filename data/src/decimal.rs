//! Doubles to decimal digits and back, both exact. The standard library does the same with tables
//! of powers that would make up a sixth of the whole module; here what is rare is slow instead:
//! numbers of people have few digits.

use crate::prelude::*;
use core::cmp::Ordering;

/// Powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Whole numbers of so many digits are doubles.
const EXACT_DIGITS: u32 = 15;

/// As many digits fit into 64 bits.
const WORD_DIGITS: u32 = 19;

/// Digits beyond these only tell a number from one in the middle between two doubles, which has no
/// more than 767.
const DIGITS_MAX: usize = 800;

/// `digits * 10^exponent`, where that can be computed without rounding twice.
#[inline]
pub(super) fn exact(digits: u64, count: u32, exponent: i32) -> Option<f64> {
    if count > EXACT_DIGITS {
        return None;
    }
    let power = POWERS.get(exponent.unsigned_abs() as usize)?;
    let digits = digits as i64 as f64;
    Some(if exponent < 0 {
        digits / power
    } else {
        digits * power
    })
}

/// Reads the whole text as a decimal number: sign, digits, point, exponent. The nearest double,
/// ties to even; what is too large is infinite. `None` when it is anything else.
pub fn parse(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let mut number = Decimal::default();
    let (mut any, mut after_point, mut rest) = (false, false, bytes);
    while let [byte, more @ ..] = rest {
        match byte {
            b'0'..=b'9' => {
                any = true;
                number.push(byte - b'0', after_point);
            }
            b'.' if !after_point => after_point = true,
            _ => break,
        }
        rest = more;
    }
    if let [b'e' | b'E', more @ ..] = rest {
        number.exponent = number.exponent.saturating_add(exponent(more)?);
    } else if !rest.is_empty() {
        return None;
    }
    let value = any.then(|| number.nearest())?;
    Some(if negative { -value } else { value })
}

fn exponent(bytes: &[u8]) -> Option<i32> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let mut value = 0i32;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value
            .saturating_mul(10)
            .saturating_add(i32::from(byte - b'0'));
    }
    // Far beyond all doubles, and far from overflows.
    let value = value.min(1 << 24);
    (!digits.is_empty()).then_some(if negative { -value } else { value })
}

/// A decimal number that is being read: its first digits in a word, all of them in a list once
/// there are more.
#[derive(Default)]
struct Decimal {
    word: u64,
    /// How many digits there are from the first that isn't zero on.
    count: u32,
    exponent: i32,
    more: Vec<u8>,
}

impl Decimal {
    #[inline(never)]
    fn push(&mut self, digit: u8, after_point: bool) {
        if after_point {
            self.exponent = self.exponent.saturating_sub(1);
        }
        if self.count == 0 && digit == 0 {
            return;
        }
        self.count = self.count.saturating_add(1);
        if self.count <= WORD_DIGITS {
            self.word = self.word * 10 + u64::from(digit);
        } else if self.more.len() < DIGITS_MAX {
            self.more.push(digit);
        } else {
            self.exponent = self.exponent.saturating_add(1);
            // Not exactly in the middle any more.
            if digit > 0
                && let Some(last) = self.more.last_mut()
            {
                *last |= 1;
            }
        }
    }

    fn nearest(&self) -> f64 {
        if let Some(value) = exact(self.word, self.count, self.exponent) {
            return value;
        }
        if self.count == 0 {
            return 0.0;
        }
        let power = 10u64.checked_pow(self.exponent.unsigned_abs());
        if let (true, Some(power)) = (self.more.is_empty(), power) {
            return match self.exponent < 0 {
                true => quotient(self.word, power),
                false => {
                    let product = u128::from(self.word) * u128::from(power);
                    assemble(product, 0, false)
                }
            };
        }
        self.slowly()
    }

    #[inline(never)]
    fn slowly(&self) -> f64 {
        let magnitude = self
            .exponent
            .saturating_add(self.count.min(DIGITS_MAX as u32 + 20) as i32);
        if magnitude > 310 {
            return f64::INFINITY;
        }
        if magnitude < -330 {
            return 0.0;
        }
        let mut value = Big::from(self.word);
        for digit in &self.more {
            value.multiply_add(10, u32::from(*digit));
        }
        let mut divisor = Big::from(1);
        let scaled = if self.exponent < 0 {
            &mut divisor
        } else {
            &mut value
        };
        scaled.scale(self.exponent.unsigned_abs());
        // The quotient gets 63 or 64 bits.
        let shift = 63 - (value.bits() as i32 - divisor.bits() as i32);
        if shift > 0 {
            value.shift(shift as u32);
        } else {
            divisor.shift(shift.unsigned_abs());
        }
        divisor.shift(64);
        let mut quotient = 0u128;
        for _ in 0..65 {
            quotient <<= 1;
            if value.compare(&divisor) != Ordering::Less {
                value.subtract(&divisor);
                quotient |= 1;
            }
            value.shift(1);
        }
        assemble(quotient, -shift, !value.words.is_empty())
    }
}

/// The nearest double of a quotient.
#[inline(never)]
fn quotient(value: u64, divisor: u64) -> f64 {
    // Then at least half of the divisor, so that all 64 bits below the point count.
    let zeros = value.leading_zeros();
    let value = value << zeros;
    let (mut low, mut rest) = (0u64, value % divisor);
    for _ in 0..64 {
        let carry = rest >> 63 == 1;
        rest <<= 1;
        low <<= 1;
        if carry || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            low |= 1;
        }
    }
    let both = u128::from(value / divisor) << 64 | u128::from(low);
    assemble(both, -64 - zeros as i32, rest != 0)
}

/// The nearest double of `value * 2^exponent`, and a bit more than that when it is `inexact`.
#[inline(never)]
fn assemble(value: u128, exponent: i32, inexact: bool) -> f64 {
    if value == 0 {
        return 0.0;
    }
    let zeros = value.leading_zeros();
    let value = value << zeros;
    let (mut word, inexact) = ((value >> 64) as u64, inexact || value as u64 != 0);
    // What the lowest of the 53 bits counts.
    let mut unit = exponent - zeros as i32 + 64 + 11;
    let mut shift = 11;
    if unit < -1074 {
        shift += (-1074 - unit).unsigned_abs();
        unit = -1074;
    }
    if shift > 64 {
        return 0.0;
    }
    let (half, below) = (1u64 << (shift - 1), word & ((1u64 << (shift - 1)) - 1));
    let up = word & half != 0;
    word = word.checked_shr(shift).unwrap_or(0);
    if up && (below != 0 || inexact || word & 1 == 1) {
        word += 1;
    }
    let biased = (unit + 1075) as u64;
    if biased >= 2047 {
        return f64::INFINITY;
    }
    // A carry out of the fraction goes into the exponent.
    f64::from_bits(((biased - 1) << 52) + word)
}

/// The shortest digits that read back as the same number, which must be finite and positive, and
/// before which of them the decimal point stands.
pub(super) fn shortest(value: f64) -> (Vec<u8>, i32) {
    for (decimals, power) in POWERS.iter().enumerate().take(EXACT_DIGITS as usize) {
        let whole = value * power + 0.5;
        if whole >= 1e15 {
            break;
        }
        let whole = whole as u64;
        if whole as f64 / power == value {
            let mut digits = Vec::new();
            let mut rest = whole;
            while rest > 0 {
                digits.insert(0, b'0' + (rest % 10) as u8);
                rest /= 10;
            }
            let point = digits.len() as i32 - decimals as i32;
            return (digits, point);
        }
    }
    shortest_slowly(value)
}

/// Free-format printing after Steele and White: digits are made until what is left lies within half
/// the distance to both neighbours.
#[inline(never)]
fn shortest_slowly(value: f64) -> (Vec<u8>, i32) {
    let bits = value.to_bits();
    let (fraction, biased) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let (mantissa, exponent) = match biased {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, biased - 1075),
    };
    // At a power of two, the lower neighbour is only half as far away.
    let narrow = fraction == 0 && biased > 1;
    let inclusive = mantissa & 1 == 0;
    let extra = 1 + u32::from(narrow);
    let (mut rest, mut scale) = (Big::from(mantissa), Big::from(1));
    let (mut low, mut high) = (Big::from(1), Big::from(1));
    rest.shift(extra);
    scale.shift(extra);
    high.shift(extra - 1);
    if exponent > 0 {
        rest.shift(exponent as u32);
        low.shift(exponent as u32);
        high.shift(exponent as u32);
    } else {
        scale.shift(exponent.unsigned_abs());
    }
    let magnitude = 63 - mantissa.leading_zeros() as i32 + exponent;
    // log10(2) as a fraction, rounded down: at most one too low.
    let mut point = (magnitude * 1233) >> 12;
    if point > 0 {
        scale.scale(point as u32);
    } else {
        for big in [&mut rest, &mut low, &mut high] {
            big.scale(point.unsigned_abs());
        }
    }
    let reaches = |rest: &Big, high: &Big, scale: &Big| match rest.plus(high).compare(scale) {
        Ordering::Equal => inclusive,
        order => order == Ordering::Greater,
    };
    while reaches(&rest, &high, &scale) {
        scale.multiply_add(10, 0);
        point += 1;
    }
    let mut digits = Vec::new();
    loop {
        let mut digit = b'0';
        for big in [&mut rest, &mut low, &mut high] {
            big.multiply_add(10, 0);
        }
        while rest.compare(&scale) != Ordering::Less {
            rest.subtract(&scale);
            digit += 1;
        }
        let near_low = match rest.compare(&low) {
            Ordering::Equal => inclusive,
            order => order == Ordering::Less,
        };
        let near_high = reaches(&rest, &high, &scale);
        if !near_low && !near_high {
            digits.push(digit);
            continue;
        }
        rest.shift(1);
        let up = near_high && (!near_low || rest.compare(&scale) != Ordering::Less);
        digits.push(digit + u8::from(up));
        return (digits, point);
    }
}

/// A whole number of any size; its words from the lowest, none of the highest zero.
struct Big {
    words: Vec<u32>,
}

impl Big {
    fn from(value: u64) -> Self {
        let mut big = Self {
            words: vec![value as u32, (value >> 32) as u32],
        };
        big.trim();
        big
    }

    #[inline(never)]
    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    fn bits(&self) -> u32 {
        let last = self.words.last().map_or(0, |word| word.leading_zeros());
        self.words.len() as u32 * 32 - last
    }

    #[inline(never)]
    fn multiply_add(&mut self, factor: u32, add: u32) {
        let mut carry = u64::from(add);
        for word in &mut self.words {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.words.push(carry as u32);
        }
    }

    /// Times a power of ten.
    #[inline(never)]
    fn scale(&mut self, power: u32) {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        for _ in 0..power % 9 {
            self.multiply_add(10, 0);
        }
    }

    /// Times a power of two.
    #[inline(never)]
    fn shift(&mut self, bits: u32) {
        if self.words.is_empty() {
            return;
        }
        self.multiply_add(1 << (bits % 32), 0);
        let zeros = core::iter::repeat_n(0, (bits / 32) as usize);
        self.words.splice(0..0, zeros);
    }

    #[inline(never)]
    fn compare(&self, other: &Self) -> Ordering {
        let order = self.words.len().cmp(&other.words.len());
        order.then_with(|| self.words.iter().rev().cmp(other.words.iter().rev()))
    }

    fn plus(&self, other: &Self) -> Self {
        let (long, short) = match self.words.len() < other.words.len() {
            true => (other, self),
            false => (self, other),
        };
        let mut words = Vec::with_capacity(long.words.len() + 1);
        let mut carry = 0;
        for (at, word) in long.words.iter().enumerate() {
            carry += u64::from(*word) + u64::from(short.words.get(at).copied().unwrap_or(0));
            words.push(carry as u32);
            carry >>= 32;
        }
        words.push(carry as u32);
        let mut sum = Self { words };
        sum.trim();
        sum
    }

    /// Takes away what is not greater.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0i64;
        for (at, word) in self.words.iter_mut().enumerate() {
            let taken = other.words.get(at).copied().unwrap_or(0);
            borrow += i64::from(*word) - i64::from(taken);
            *word = borrow as u32;
            borrow >>= 32;
        }
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random bits, the same ones every time.
    fn random(count: usize) -> impl Iterator<Item = u64> {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        core::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
        .take(count)
    }

    fn doubles() -> Vec<f64> {
        let mut doubles: Vec<f64> = random(3_000).map(f64::from_bits).collect();
        doubles.extend(random(3_000).map(|bits| (bits % 1_000_000_007) as f64 / 1e4));
        doubles.extend(random(3_000).map(|bits| bits as f64 / 1e17));
        doubles.extend(random(1_000).map(|bits| f64::from_bits(bits >> 12)));
        doubles.extend(random(1_000).map(|bits| bits as f64));
        doubles.extend((1..2046u64).step_by(3).flat_map(|biased| {
            let power = biased << 52;
            [power - 1, power, power + 1].map(f64::from_bits)
        }));
        doubles.extend([
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE,
            0.1,
            9.5,
            1e21,
            1e22,
            1e23,
        ]);
        doubles.retain(|value| value.is_finite() && *value != 0.0);
        doubles
    }

    #[test]
    fn digits_are_the_shortest_that_read_back() {
        for value in doubles() {
            let value = value.abs();
            let text = format!("{value:e}");
            let (mantissa, exponent) = text.split_once('e').unwrap();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            let point = exponent.parse::<i32>().unwrap() + 1;
            let (ours, our_point) = shortest(value);
            let ours = String::from_utf8(ours).unwrap();
            assert_eq!(
                (ours.trim_end_matches('0'), our_point),
                (digits.as_str(), point),
                "{text}"
            );
            let (slow, slow_point) = shortest_slowly(value);
            assert_eq!((slow, slow_point), (digits.into_bytes(), point), "{text}");
        }
    }

    #[test]
    fn text_is_read_as_the_nearest_double() {
        for value in doubles() {
            for text in [
                format!("{value:e}"),
                format!("{value}"),
                format!("{value:.3e}"),
                format!("{value:.15e}"),
                format!("{value:.18e}"),
                format!("{value:.25e}"),
            ] {
                let expected = text.parse::<f64>().unwrap();
                assert_eq!(
                    parse(&text).unwrap().to_bits(),
                    expected.to_bits(),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn the_middle_between_two_doubles_goes_to_the_even_one() {
        for middle in [
            "9007199254740993",
            "9007199254740995",
            "9007199254740993.0000000000000000000000000000000000000001",
            "9007199254740992.9999999999999999999999999999999999999999",
            "0.500000000000000166533453693773481063544750213623046875",
            "0.500000000000000166533453693773481063544750213623046874",
            "0.500000000000000166533453693773481063544750213623046876",
            "2.4703282292062327208299439634110e-324",
            "2.4703282292062328e-324",
            "1.7976931348623158e308",
            "1.797693134862315807e308",
            "1.7976931348623159e308",
        ] {
            let expected: f64 = middle.parse().unwrap();
            assert_eq!(parse(middle), Some(expected), "{middle}");
        }
        let long = format!(
            "0.5000000000000000555111512312578270211815834045410156{}1",
            "0".repeat(900)
        );
        assert_eq!(parse(&long), long.parse().ok());
        assert_eq!(parse(&"1".repeat(400)), Some(f64::INFINITY));
        assert_eq!(parse(&format!("0.{}1", "0".repeat(5000))), Some(0.0));
    }

    #[test]
    fn only_decimal_numbers_are_read() {
        for text in [
            "0",
            "-0",
            "+5",
            ".5",
            "5.",
            "1e5",
            "1E+05",
            "-1.5e-3",
            "1e99999999999",
        ] {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(
                parse(text).map(f64::to_bits),
                Some(expected.to_bits()),
                "{text}"
            );
        }
        for text in [
            "", "-", ".", "e5", "1e", "1e+", "1.2.3", "1x", " 1", "inf", "nan", "0x1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
