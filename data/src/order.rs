//! The sorts of the engine. Those of the library are compiled anew for every type, and weigh
//! kilobytes each.

use crate::prelude::*;

/// The places `0..len` in the order that `before` gives. Stable: places of equal rank keep theirs.
pub fn order(len: usize, before: &mut dyn FnMut(usize, usize) -> bool) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..len).collect();
    let mut merged = Vec::with_capacity(len);
    let mut width = 1;
    while width < len {
        merged.clear();
        for pair in sorted.chunks(width * 2) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, before, &mut merged);
        }
        core::mem::swap(&mut sorted, &mut merged);
        width *= 2;
    }
    sorted
}

fn merge(
    mut left: &[usize],
    mut right: &[usize],
    before: &mut dyn FnMut(usize, usize) -> bool,
    merged: &mut Vec<usize>,
) {
    while let ([a, rest_of_left @ ..], [b, rest_of_right @ ..]) = (left, right) {
        if before(*b, *a) {
            merged.push(*b);
            right = rest_of_right;
        } else {
            merged.push(*a);
            left = rest_of_left;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
}

const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Sorts words by their bits from `shift` on; words that are equal there stay in their order.
/// `room` lends its memory.
pub fn sort_words(words: &mut Vec<u64>, room: &mut Vec<u64>, mut shift: u32) {
    let any = words.iter().fold(0, |any, word| any | word) >> shift;
    room.clear();
    room.resize(words.len(), 0);
    let digits = (u64::BITS - any.leading_zeros()).div_ceil(DIGIT_BITS);
    let mut counts = vec![[0u32; DIGITS]; digits as usize];
    for word in words.iter() {
        let mut rest = *word >> shift;
        for counts in &mut counts {
            counts[rest as usize & (DIGITS - 1)] += 1;
            rest >>= DIGIT_BITS;
        }
    }
    for places in &mut counts {
        let mut sum = 0;
        for place in places.iter_mut() {
            sum += core::mem::replace(place, sum);
        }
        for word in words.iter() {
            let place = &mut places[(*word >> shift) as usize & (DIGITS - 1)];
            if let Some(to) = room.get_mut(*place as usize) {
                *to = *word;
            }
            *place += 1;
        }
        core::mem::swap(words, room);
        shift += DIGIT_BITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_and_equals_stay_as_they_were() {
        let mut seed = 7u32;
        for len in 0..70 {
            let keys: Vec<u32> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 28
                })
                .collect();
            let mut expected: Vec<usize> = (0..len).collect();
            expected.sort_by_key(|&at| keys[at]);
            assert_eq!(order(len, &mut |a, b| keys[a] < keys[b]), expected);
        }
    }
}
