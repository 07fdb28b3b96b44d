use super::Algebra;
use std::{fmt::Debug, hash::Hash};

/// An integer that can be an element of an [`IntervalSet`].
pub trait Point: Copy + Ord + Hash + Debug + Into<u128> {
    const MIN: Self;
    const MAX: Self;
    const BITS: u8;

    /// The next greater integer, none after the greatest.
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
    /// The integer with this value; the low bits where it does not fit.
    fn truncate(value: u128) -> Self;
}

macro_rules! point {
    ($($type:ty),*) => {$(
        impl Point for $type {
            const MIN: Self = <$type>::MIN;
            const MAX: Self = <$type>::MAX;
            const BITS: u8 = <$type>::BITS as u8;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn truncate(value: u128) -> Self {
                value as $type
            }
        }
    )*};
}

point!(u8, u16, u32, u64, u128);

/// A set of integers as ranges that are sorted, disjoint and not adjacent, so that equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalSet<T>(Vec<(T, T)>);

impl<T> Default for IntervalSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Point> IntervalSet<T> {
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    pub fn full() -> Self {
        Self(vec![(T::MIN, T::MAX)])
    }

    pub fn single(point: T) -> Self {
        Self(vec![(point, point)])
    }

    /// All from `first` to `last`, both included; empty where `first > last`.
    pub fn range(first: T, last: T) -> Self {
        if first > last { Self::empty() } else { Self(vec![(first, last)]) }
    }

    /// The union of ranges in any order, which may overlap; those with `first > last` are empty.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<(T, T)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut canonical = Self(Vec::with_capacity(ranges.len()));
        for (first, last) in ranges {
            canonical.push(first, last);
        }
        canonical
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.0 == [(T::MIN, T::MAX)]
    }

    /// The ranges, ascending, both ends included.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (T, T)> + '_ {
        self.0.iter().copied()
    }

    /// The smallest element.
    pub fn first(&self) -> Option<T> {
        self.0.first().map(|(first, _)| *first)
    }

    /// Number of elements, at most `u128::MAX` (the full set of `u128` has one more).
    pub fn count(&self) -> u128 {
        self.0.iter().fold(0u128, |sum, (first, last)| {
            let (first, last): (u128, u128) = ((*first).into(), (*last).into());
            sum.saturating_add((last - first).saturating_add(1))
        })
    }

    pub fn contains(&self, point: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= point);
        after > 0 && point <= self.0[after - 1].1
    }

    pub fn union(&self, other: &Self) -> Self {
        if self.0.is_empty() {
            return other.clone();
        }
        if other.0.is_empty() {
            return self.clone();
        }
        let mut union = Self(Vec::with_capacity(self.0.len() + other.0.len()));
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let take_left = match (left.peek(), right.peek()) {
                (Some(l), Some(r)) => l.0 <= r.0,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return union,
            };
            let next = if take_left { left.next() } else { right.next() };
            if let Some((first, last)) = next {
                union.push(*first, *last);
            }
        }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut i, mut j) = (0, 0);
        while let (Some(l), Some(r)) = (self.0.get(i), other.0.get(j)) {
            let (first, last) = (l.0.max(r.0), l.1.min(r.1));
            if first <= last {
                both.push((first, last));
            }
            if l.1 < r.1 {
                i += 1;
            } else {
                j += 1;
            }
        }
        // Adjacent results would need adjacent ranges in both operands, which canonical operands do not have.
        Self(both)
    }

    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        if other.0.is_empty() || self.0.is_empty() {
            self.clone()
        } else {
            self.intersection(&other.complement())
        }
    }

    pub fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(T::MIN);
        for (first, last) in &self.0 {
            if let (Some(start), Some(end)) = (next, first.previous())
                && start <= end
            {
                gaps.push((start, end));
            }
            next = last.next();
        }
        if let Some(start) = next {
            gaps.push((start, T::MAX));
        }
        Self(gaps)
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|(first, last)| {
            let after = other.0.partition_point(|(start, _)| start <= first);
            after > 0 && *last <= other.0[after - 1].1
        })
    }

    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }

    /// The set as aligned blocks `(first, prefix length)`: the fewest of them, ascending. So ports become what the
    /// compiled tables hold, and addresses become networks.
    pub fn prefixes(&self) -> Vec<(T, u8)> {
        let mut blocks = Vec::new();
        for (first, last) in &self.0 {
            let (mut first, last): (u128, u128) = ((*first).into(), (*last).into());
            loop {
                // The largest aligned block that starts here and does not pass the end.
                let aligned =
                    if first == 0 { u32::from(T::BITS) } else { first.trailing_zeros().min(T::BITS.into()) };
                let length = last - first;
                let fits = if length == u128::MAX { 128 } else { (length + 1).ilog2() };
                let bits = aligned.min(fits);
                blocks.push((T::truncate(first), T::BITS - bits as u8));
                let Some(next) = 1u128.checked_shl(bits).and_then(|size| first.checked_add(size)) else {
                    break;
                };
                if next > last {
                    break;
                }
                first = next;
            }
        }
        blocks
    }

    /// Appends a range that starts no earlier than all before it.
    fn push(&mut self, first: T, last: T) {
        match self.0.last_mut() {
            Some(before) if before.1.next().is_none_or(|next| first <= next) => before.1 = before.1.max(last),
            _ => self.0.push((first, last)),
        }
    }
}

impl<T: Point> FromIterator<T> for IntervalSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(points: I) -> Self {
        Self::from_ranges(points.into_iter().map(|point| (point, point)))
    }
}

delegate_algebra!([T: Point] IntervalSet<T>);
