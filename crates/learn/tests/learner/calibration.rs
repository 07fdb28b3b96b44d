//! The promise of the number: a stated 95 % bound is missed in at most 5 % of cases, in every class of service.

#[allow(dead_code, reason = "the bench prints what the test does not need")]
#[path = "../../examples/backtest/calibration.rs"]
mod measure;
#[path = "../../examples/backtest/random.rs"]
mod random;
#[allow(dead_code, reason = "the bench prints what the test does not need")]
#[path = "../../examples/backtest/run.rs"]
mod run;
#[path = "../../examples/backtest/world.rs"]
mod world;

use measure::Calibration;
use world::{Class, MIXES, Service};

#[test]
fn the_bound_is_calibrated_in_every_class_of_both_mixes() {
    const SERVICES: usize = 100;
    for mix in MIXES {
        let tracks: Vec<_> = (0..SERVICES)
            .map(|index| {
                let service = Service::generate(mix, 20_260_105, index);
                (service.class, run::run(&service, index as u64, false))
            })
            .collect();
        for class in Class::ALL {
            for (horizon, name) in ["hour", "day"].into_iter().enumerate() {
                let calibration = Calibration::of(&tracks, Some(class), horizon);
                let rate = calibration.miss_rate();
                assert!(calibration.checks >= 36 * 5, "{} {}", mix.name, class.name());
                assert!(
                    rate <= 0.05,
                    "mix {}, {}, next {name}: missed in {:.1} %",
                    mix.name,
                    class.name(),
                    100.0 * rate
                );
            }
        }
        let all = Calibration::of(&tracks, None, 0);
        assert!(2 * all.stated > all.checks, "a bound that is seldom stated is easily kept");
        let scans: usize = tracks.iter().map(|(_, track)| track.scan_edges).sum();
        let learned: usize = tracks.iter().map(|(_, track)| track.scan_learned).sum();
        assert!(learned * 50 <= scans, "{learned} of {scans} scanned edges were learned");
    }
}
