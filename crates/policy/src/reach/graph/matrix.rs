//! Sets of small numbers as bits, and tables of them.

/// So many rows of so many bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matrix {
    columns: usize,
    /// Words of one row.
    width: usize,
    words: Vec<u64>,
}

impl Matrix {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let width = columns.div_ceil(64);
        Self { columns, width, words: vec![0; rows * width] }
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.width..][..self.width]
    }

    pub(crate) fn get(&self, row: usize, column: usize) -> bool {
        contains(self.row(row), column)
    }

    pub(crate) fn put(&mut self, row: usize, column: usize, value: bool) {
        put(self.row_mut(row), column, value);
    }
}

pub(crate) fn contains(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

pub(crate) fn put(bits: &mut [u64], at: usize, value: bool) {
    let bit = 1 << (at % 64);
    if value {
        bits[at / 64] |= bit;
    } else {
        bits[at / 64] &= !bit;
    }
}

/// The first `count` bits.
pub(crate) fn ones(count: usize) -> Vec<u64> {
    let mut bits = vec![u64::MAX; count.div_ceil(64)];
    if let Some(last) = bits.last_mut()
        && !count.is_multiple_of(64)
    {
        *last = (1 << (count % 64)) - 1;
    }
    bits
}

pub(crate) fn add(bits: &mut [u64], more: &[u64]) {
    bits.iter_mut().zip(more).for_each(|(a, b)| *a |= b);
}

pub(crate) fn count(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

/// The positions of set bits, ascending.
pub(crate) fn members(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(index, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                index * 64 + bit
            })
        })
    })
}
