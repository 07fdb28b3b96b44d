use serde::{Deserialize, Serialize};

/// Most points that are kept.
const LIMIT: usize = 64;

/// A point of the discovery curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Hours of the estimator's clock since the service was first seen.
    pub hours: f64,
    /// Edges known then.
    pub edges: u32,
}

/// Known edges over time, in bounded memory: when the points run out, every other one is dropped and new ones are kept
/// at twice the distance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DiscoveryCurve {
    points: Vec<CurvePoint>,
    spacing: f64,
}

impl DiscoveryCurve {
    pub(crate) fn push(&mut self, hours: f64, edges: u32) {
        let spacing = self.spacing.max(1.0 / 60.0);
        let point = CurvePoint { hours, edges };
        match self.points.as_mut_slice() {
            [.., before, last] if hours - before.hours < spacing => *last = point,
            _ => self.points.push(point),
        }
        if self.points.len() > LIMIT {
            let last = self.points.len() - 1;
            let mut index = 0;
            self.points.retain(|_| {
                let keep = index % 2 == 0 || index == last;
                index += 1;
                keep
            });
            self.spacing = 2.0 * spacing;
        }
    }

    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_stays_small_and_ends_with_the_truth() {
        let mut curve = DiscoveryCurve::default();
        for n in 0..100_000u32 {
            curve.push(f64::from(n) * 0.1, n / 7);
            assert!(curve.points().len() <= LIMIT);
        }
        let last = curve.points().last().copied().unwrap();
        assert_eq!(last.edges, 99_999 / 7);
        assert!(curve.points().windows(2).all(|w| w[0].hours <= w[1].hours && w[0].edges <= w[1].edges));
    }
}
