//! Bytes of text and raw JSON, referred to by cells.

/// Bytes that cells refer to.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    #[allow(dead_code)]
    bytes: Vec<u8>,
}
