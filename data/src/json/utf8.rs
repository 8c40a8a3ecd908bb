//! Whether text is UTF-8, sixteen bytes at a time.

/// Which of sixteen bytes are of which kind, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    /// They go on with a character: 80 to BF.
    following: u32,
    /// They begin one of two bytes at least: C2 to DF, and those of three.
    of_two: u32,
    /// They begin one of three bytes, of which any two can follow.
    of_three: u32,
    /// Anything else that isn't ASCII.
    other: u32,
}

/// Whether text is UTF-8 of characters of up to three bytes, without those whose second byte can't
/// be any (E0, ED). When it says no, it may be UTF-8 all the same.
pub(super) fn is_usual(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    let mut last = [0; 16];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let (mut expected, mut wrong) = (0, 0);
    for block in blocks.iter().chain([&last]) {
        let kinds = kinds(block);
        expected |= kinds.of_two << 1 | kinds.of_three << 2;
        wrong |= (expected & 0xFFFF ^ kinds.following) | kinds.other;
        expected >>= 16;
    }
    // A last block always has room for what has to follow, unless it is full.
    wrong | expected == 0
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
fn kinds(block: &[u8; 16]) -> Kinds {
    use core::arch::wasm32::{
        u8x16_bitmask, u8x16_eq, u8x16_ge, u8x16_lt, u8x16_splat, u64x2, v128_and, v128_andnot,
        v128_or,
    };
    let (low, high) = super::plan::halves(block);
    let bytes = u64x2(low, high);
    let from = |limit: u8| u8x16_ge(bytes, u8x16_splat(limit));
    let below = |limit: u8| u8x16_lt(bytes, u8x16_splat(limit));
    let is = |byte: u8| u8x16_eq(bytes, u8x16_splat(byte));
    let mask = |lanes| u32::from(u8x16_bitmask(lanes));
    let (any, begins) = (from(0x80), from(0xC0));
    let of_three = v128_andnot(v128_and(from(0xE1), below(0xF0)), is(0xED));
    let of_two = v128_or(of_three, v128_and(from(0xC2), below(0xE0)));
    Kinds {
        following: mask(v128_andnot(any, begins)),
        of_two: mask(of_two),
        of_three: mask(of_three),
        other: mask(v128_andnot(begins, of_two)),
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn kinds(block: &[u8; 16]) -> Kinds {
    let mut kinds = Kinds {
        following: 0,
        of_two: 0,
        of_three: 0,
        other: 0,
    };
    for (at, byte) in block.iter().enumerate() {
        let bit = 1 << at;
        match byte {
            0..0x80 => {}
            0x80..=0xBF => kinds.following |= bit,
            0xC2..=0xDF => kinds.of_two |= bit,
            0xE1..=0xEC | 0xEE..=0xEF => {
                kinds.of_two |= bit;
                kinds.of_three |= bit;
            }
            _ => kinds.other |= bit,
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::rng::Rng;

    #[test]
    fn what_it_takes_for_utf8_is_utf8_and_usual_text_is_taken() {
        let mut rng = Rng::new(31);
        let pieces = ["a", "é", "ß", "я", "東", "ひ", "€", "ﬁ", "Müller"];
        let mut taken = 0;
        for _ in 0..100_000 {
            let mut text = String::new();
            for _ in 0..rng.below(20) {
                text.push_str(pieces[rng.below(pieces.len() as u64) as usize]);
            }
            assert!(is_usual(text.as_bytes()), "{text}");
            let mut bytes = text.into_bytes();
            if bytes.is_empty() {
                continue;
            }
            match rng.below(3) {
                0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
                _ => {
                    let at = rng.below(bytes.len() as u64) as usize;
                    bytes[at] = rng.bits() as u8;
                }
            }
            let is_utf8 = str::from_utf8(&bytes).is_ok();
            taken += u32::from(is_usual(&bytes));
            assert!(is_utf8 || !is_usual(&bytes), "{}", bytes.escape_ascii());
        }
        assert!(taken > 20_000);
    }
}
