//! Maps of numbers that this crate or the controller gave out: nobody chooses them, so their hash need not be a strong one.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map of identities, of numbers of rules, and of lists of them.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Multiplies and mixes, a word at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NumberHasher(u64);

impl NumberHasher {
    fn add(&mut self, word: u64) {
        // The odd number nearest to 2^64 divided by the golden ratio, after which neighbours are far apart.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.add(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // Tables look at the lowest bits and at the highest; the lowest of a product depend on few others.
        self.0 ^ (self.0 >> 32)
    }
}
