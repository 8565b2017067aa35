//! What is to be written to a `current`: a buffer that never grows, so that refused memory loses nothing.
#![forbid(unsafe_code)]

use std::mem::MaybeUninit;

/// Bytes that wait to be written.
#[derive(Debug)]
pub struct Pending {
    bytes: Vec<u8>,
    /// How many of the first have been written.
    written: usize,
}

impl Pending {
    /// Nothing, in this memory.
    pub fn new(mut memory: Vec<u8>) -> Self {
        memory.clear();
        Self { bytes: memory, written: 0 }
    }

    /// Adds bytes, for which there must be [`Self::room`].
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes can be added.
    pub fn room(&self) -> usize {
        self.bytes.capacity().saturating_sub(self.bytes.len())
    }

    /// What is not written yet.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Whether everything is written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// So many more bytes are written. There is room again when all are.
    pub fn wrote(&mut self, length: usize) {
        self.written = self.written.saturating_add(length);
        if self.written >= self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        }
    }

    /// The memory that holds nothing.
    pub fn unused(&mut self) -> &mut [MaybeUninit<u8>] {
        self.bytes.spare_capacity_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_makes_room_when_all_is() {
        let mut pending = Pending::new(vec![0; 10]);
        assert!(pending.is_empty());
        assert_eq!(pending.room(), 10);
        pending.add(b"abcdefgh");
        assert_eq!((pending.room(), pending.rest()), (2, b"abcdefgh".as_slice()));
        pending.wrote(3);
        assert_eq!((pending.room(), pending.rest()), (2, b"defgh".as_slice()));
        pending.wrote(5);
        assert!(pending.is_empty());
        assert_eq!((pending.room(), pending.rest()), (10, b"".as_slice()));
    }
}
