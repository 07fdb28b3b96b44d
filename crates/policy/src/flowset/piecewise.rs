use super::Point;

/// A set that can be the value of a [`Piecewise`] set: one more dimension.
pub trait Algebra: Clone + PartialEq {
    fn empty() -> Self;
    fn is_empty(&self) -> bool;
    fn union(&self, other: &Self) -> Self;
    fn intersection(&self, other: &Self) -> Self;
    /// What is in this set and not in `other`.
    fn difference(&self, other: &Self) -> Self;
}

/// A set of pairs (integer, element of a `V`) as ranges of integers that have the same `V`: sorted, disjoint, never
/// empty, and neighbours with equal values joined, so that equal sets are equal values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piecewise<K, V>(Vec<(K, K, V)>);

impl<K, V> Default for Piecewise<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Point, V: Algebra> Piecewise<K, V> {
    /// The product of a set of integers and a value.
    pub fn product(ranges: impl IntoIterator<Item = (K, K)>, value: &V) -> Self {
        let mut product = Self(Vec::new());
        if !value.is_empty() {
            for (first, last) in ranges {
                product.push(first, last, value.clone());
            }
        }
        product
    }

    pub fn pieces(&self) -> impl ExactSizeIterator<Item = (K, K, &V)> + '_ {
        self.0.iter().map(|(first, last, value)| (*first, *last, value))
    }

    pub fn get(&self, key: K) -> Option<&V> {
        let after = self.0.partition_point(|(first, ..)| *first <= key);
        let (_, last, value) = self.0.get(after.checked_sub(1)?)?;
        (key <= *last).then_some(value)
    }

    /// Both sets piece by piece: `combine` says what stands where only the left, only the right or both have a value.
    fn merge(&self, other: &Self, combine: impl Fn(Option<&V>, Option<&V>) -> Option<V>) -> Self {
        let mut merged = Self(Vec::with_capacity(self.0.len() + other.0.len()));
        let (mut i, mut j) = (0, 0);
        let mut start = K::MIN;
        loop {
            let (left, right) = (self.0.get(i), other.0.get(j));
            // The next change of either side at or after `start`, and what holds until there.
            let Some(begin) = [left, right].into_iter().flatten().map(|piece| piece.0.max(start)).min()
            else {
                return merged;
            };
            let (in_left, in_right) =
                (left.filter(|piece| piece.0 <= begin), right.filter(|piece| piece.0 <= begin));
            let ends = [
                in_left.map(|piece| piece.1),
                in_right.map(|piece| piece.1),
                left.filter(|piece| piece.0 > begin).and_then(|piece| piece.0.previous()),
                right.filter(|piece| piece.0 > begin).and_then(|piece| piece.0.previous()),
            ];
            let Some(end) = ends.into_iter().flatten().min() else { return merged };
            if let Some(value) = combine(in_left.map(|piece| &piece.2), in_right.map(|piece| &piece.2))
                && !value.is_empty()
            {
                merged.push(begin, end, value);
            }
            i += usize::from(in_left.is_some_and(|piece| piece.1 == end));
            j += usize::from(in_right.is_some_and(|piece| piece.1 == end));
            match end.next() {
                Some(next) => start = next,
                None => return merged,
            }
        }
    }

    /// Appends a piece behind all others.
    fn push(&mut self, first: K, last: K, value: V) {
        match self.0.last_mut() {
            Some(before) if before.1.next() == Some(first) && before.2 == value => before.1 = last,
            _ => self.0.push((first, last, value)),
        }
    }
}

impl<K: Point, V: Algebra> Algebra for Piecewise<K, V> {
    fn empty() -> Self {
        Self(Vec::new())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn union(&self, other: &Self) -> Self {
        self.merge(other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Some(left.union(right)),
            (one, none) => one.or(none).cloned(),
        })
    }

    fn intersection(&self, other: &Self) -> Self {
        self.merge(other, |left, right| Some(left?.intersection(right?)))
    }

    fn difference(&self, other: &Self) -> Self {
        self.merge(other, |left, right| match right {
            Some(right) => Some(left?.difference(right)),
            None => left.cloned(),
        })
    }
}
