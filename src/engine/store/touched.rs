//! The fields of one record that have layers. Most edits are of one field, or of a start and an
//! end: so many need no memory of their own.

use core::ops::{Deref, DerefMut};
use core::slice;

use super::layers::Touched;
use crate::engine::schema::FieldIx;
use crate::prelude::*;

/// So many fields are kept in place.
const FEW: usize = 2;

/// In the place of the length: there are more.
const MANY: u8 = 3;

/// A list of fields with layers. In this order, the first one stands next to the length.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Fields {
    /// All of them, once there were more.
    many: Vec<Touched>,
    len: u8,
    few: [Touched; FEW],
}

impl Fields {
    pub(super) const fn new() -> Self {
        Self {
            few: [Touched::new(FieldIx(0)); FEW],
            len: 0,
            many: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, touched: Touched) {
        if let Some(place) = self.few.get_mut(usize::from(self.len)) {
            *place = touched;
            self.len += 1;
            return;
        }
        if self.len == FEW as u8 {
            self.many.extend_from_slice(&self.few);
            self.len = MANY;
        }
        self.many.push(touched);
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Touched) -> bool) {
        let old = core::mem::replace(self, Self::new());
        old.iter()
            .filter(|it| keep(it))
            .for_each(|it| self.push(*it));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

impl Deref for Fields {
    type Target = [Touched];

    #[inline]
    fn deref(&self) -> &[Touched] {
        let [first, _] = &self.few;
        match self.len {
            0 => &[],
            1 => slice::from_ref(first),
            2 => &self.few,
            _ => &self.many,
        }
    }
}

impl DerefMut for Fields {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Touched] {
        let first = match self.len {
            0 => return &mut [],
            2 => return &mut self.few,
            1 => &mut self.few[0],
            _ => return &mut self.many,
        };
        slice::from_mut(first)
    }
}

impl From<Vec<Touched>> for Fields {
    fn from(list: Vec<Touched>) -> Self {
        let mut fields = Self::new();
        list.into_iter().for_each(|touched| fields.push(touched));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(fields: &Fields) -> Vec<u16> {
        fields.iter().map(|touched| touched.field.0).collect()
    }

    #[test]
    fn fields_keep_their_order_however_many_come_and_go() {
        let mut fields = Fields::new();
        for field in 0..5 {
            fields.push(Touched::new(FieldIx(field)));
            assert_eq!(numbers(&fields), (0..=field).collect::<Vec<_>>());
        }
        fields.retain(|touched| touched.field.0 % 2 == 0);
        assert_eq!(numbers(&fields), [0, 2, 4]);
        fields.retain(|touched| touched.field.0 == 4);
        assert_eq!(numbers(&fields), [4]);
        fields.push(Touched::new(FieldIx(9)));
        assert_eq!(numbers(&fields), [4, 9]);
        fields.retain(|_| false);
        assert!(fields.is_empty());
        fields.push(Touched::new(FieldIx(1)));
        fields.push(Touched::new(FieldIx(2)));
        fields.retain(|touched| touched.field.0 == 2);
        assert_eq!(numbers(&fields), [2]);
        fields
            .iter_mut()
            .for_each(|touched| touched.cascaded = true);
        assert!(fields[0].cascaded);
        fields.clear();
        assert!(fields.is_empty());
    }
}
