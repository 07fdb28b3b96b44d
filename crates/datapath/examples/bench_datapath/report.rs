//! Figures, each beside its baseline of the same run: a table for people, JSON for machines.

use std::fmt::Write as _;

struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    baseline: Option<f64>,
    /// Value by baseline, and between which ratios half of the turns lay.
    ratio: Option<f64>,
    spread: Option<(f64, f64)>,
    budget: Option<&'static str>,
}

#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        baseline: Option<f64>,
        budget: Option<&'static str>,
    ) {
        let ratio = baseline.map(|b| value / b);
        self.0.push(Row { what: what.into(), value, unit, baseline, ratio, spread: None, budget });
    }

    /// Turns beside those of the baseline that they were taken with: medians, and how far the ratios of single turns
    /// lie apart.
    pub(crate) fn add_turns(
        &mut self,
        what: impl Into<String>,
        turns: &[f64],
        unit: &'static str,
        baseline: &[f64],
        budget: Option<&'static str>,
    ) {
        let mut ratios: Vec<f64> = turns.iter().zip(baseline).map(|(value, base)| value / base).collect();
        ratios.sort_by(f64::total_cmp);
        self.0.push(Row {
            what: what.into(),
            value: median(turns),
            unit,
            baseline: Some(median(baseline)),
            ratio: Some(at(&ratios, 0.5)),
            spread: Some((at(&ratios, 0.25), at(&ratios, 0.75))),
            budget,
        });
    }

    pub(crate) fn print(&self) {
        println!("| what | value | unit | baseline | ratio | half of the turns | budget |");
        println!("|---|---:|---|---:|---:|---|---|");
        for row in &self.0 {
            let baseline = row.baseline.map_or(String::new(), |b| format!("{b:.1}"));
            let ratio = row.ratio.map_or(String::new(), |r| format!("{r:.3}"));
            let spread = row.spread.map_or(String::new(), |(low, high)| format!("{low:.3} to {high:.3}"));
            let budget = row.budget.unwrap_or("");
            let (what, value, unit) = (&row.what, row.value, row.unit);
            println!("| {what} | {value:.1} | {unit} | {baseline} | {ratio} | {spread} | {budget} |");
        }
    }

    pub(crate) fn json(&self) -> String {
        let number = |value: Option<f64>| value.map_or("null".to_owned(), |v| format!("{v:.4}"));
        let mut out = String::from("[\n");
        for (place, row) in self.0.iter().enumerate() {
            let comma = if place + 1 < self.0.len() { "," } else { "" };
            let _ = writeln!(
                out,
                "  {{\"what\": \"{}\", \"value\": {:.4}, \"unit\": \"{}\", \"baseline\": {}, \"ratio\": {}, \
                 \"low\": {}, \"high\": {}}}{comma}",
                row.what,
                row.value,
                row.unit,
                number(row.baseline),
                number(row.ratio),
                number(row.spread.map(|s| s.0)),
                number(row.spread.map(|s| s.1)),
            );
        }
        out + "]\n"
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    at(&sorted, 0.5)
}

fn at(sorted: &[f64], quantile: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}
