//! The fleet's own past forecasts recalibrate the point estimate.
//!
//! Every service forecasts, once a day of the estimator's clock, how many discoveries the next day will bring (μ); a day
//! later the outcome is known. γ is the factor for which the forecasts were right on average: Σ(1 − e^(−γμ)) = Σ
//! outcomes. Young services forecast differently from old ones, so every age has its γ: what older services forecast at
//! that age. It is a promise about the average of the fleet and none about a service, so the bound is left alone.

use serde::{Deserialize, Serialize};

/// μ is kept in classes of equal ratio, from e^-8 on.
const CLASSES: usize = 48;
const FIRST: f64 = -8.0;
const STEP: f64 = 0.25;
/// Ages are classes as well: 1, 2, 4, 8, 16 days observed and more.
const AGES: usize = 5;
/// Fewer forecasts of an age say nothing.
const FORECASTS: u64 = 100;

/// Past forecasts and what became of them, in constant memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecasts {
    ages: Vec<Age>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Age {
    forecasts: Vec<u32>,
    outcomes: Vec<u32>,
    /// Of these forecasts; asked for more often than they change.
    gamma: f64,
}

impl Default for Forecasts {
    fn default() -> Self {
        Self { ages: vec![Age { forecasts: vec![0; CLASSES], outcomes: vec![0; CLASSES], gamma: 1.0 }; AGES] }
    }
}

impl Forecasts {
    /// A service that had been observed for `hours` expected so many discoveries of its next day, and `happened` says
    /// whether there was any.
    pub fn record(&mut self, hours: f64, expected: f64, happened: bool) {
        let place = ((expected.max(1e-9).ln() - FIRST) / STEP).clamp(0.0, (CLASSES - 1) as f64) as usize;
        let age = &mut self.ages[age(hours)];
        if age.forecasts[place] < u32::MAX {
            age.forecasts[place] += 1;
            age.outcomes[place] += u32::from(happened);
            age.gamma = age.solve();
        }
    }

    /// Whether it has the shape of this version; stored state may not.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |age: &Age| age.forecasts.len() == CLASSES && age.outcomes.len() == CLASSES;
        self.ages.len() == AGES && self.ages.iter().all(whole)
    }

    /// The factor by which the expected discoveries of a service that has been observed for `hours` have to be
    /// multiplied to be right on average; 1 until enough forecasts are known. Between 1/16 and 16.
    pub fn gamma(&self, hours: f64) -> f64 {
        self.ages[age(hours)].gamma
    }
}

impl Age {
    fn solve(&self) -> f64 {
        let known: u64 = self.forecasts.iter().map(|n| u64::from(*n)).sum();
        if known < FORECASTS {
            return 1.0;
        }
        let outcomes: f64 = self.outcomes.iter().map(|n| f64::from(*n)).sum();
        let forecast = |gamma: f64| -> f64 {
            let classes = self.forecasts.iter().enumerate();
            classes.map(|(place, n)| f64::from(*n) * (1.0 - (-gamma * middle(place)).exp())).sum()
        };
        // The sum grows with γ: halve the logarithm of the interval until it is narrow.
        let (mut low, mut high) = (-16.0f64.ln(), 16.0f64.ln());
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if forecast(middle.exp()) < outcomes { low = middle } else { high = middle }
        }
        ((low + high) / 2.0).exp()
    }
}

fn age(hours: f64) -> usize {
    (hours / 24.0).max(1.0).log2().min((AGES - 1) as f64) as usize
}

fn middle(place: usize) -> f64 {
    (FIRST + STEP * (place as f64 + 0.5)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_that_are_twice_too_high_are_halved_at_that_age_only() {
        let mut forecasts = Forecasts::default();
        // μ = 0.4 is forecast, but only 1 − e^-0.2 = 18 % of the days bring something.
        for n in 0..1000 {
            forecasts.record(72.0, 0.4, n % 1000 < 181);
        }
        assert!((forecasts.gamma(80.0) - 0.5).abs() < 0.07, "{}", forecasts.gamma(80.0));
        assert_eq!(forecasts.gamma(30.0), 1.0);
    }

    #[test]
    fn a_few_forecasts_change_nothing() {
        let mut forecasts = Forecasts::default();
        (0..99).for_each(|_| forecasts.record(50.0, 2.0, false));
        assert_eq!(forecasts.gamma(50.0), 1.0);
    }

    #[test]
    fn gamma_is_bounded_whatever_happened() {
        let mut never = Forecasts::default();
        let mut always = Forecasts::default();
        for n in 0..500 {
            never.record(900.0, f64::from(n), false);
            always.record(0.0, 0.0, true);
        }
        assert!(never.gamma(1e9) >= 1.0 / 16.1 && always.gamma(1.0) <= 16.1);
    }
}
