//! When has enough been seen?
//!
//! Time proves nothing: a service that was silent for a week may open a new connection in the next minute. What can be
//! said honestly is an upper bound on the chance of that, and where no bound holds: right after a start, after a
//! deployment, in hours of the week that nobody has watched, and for services whose peers never end. This crate says it.
//!
//! - [`Learner`] takes workloads, sightings of edges and the passing of time, for a whole estate, keyed by service.
//! - [`Report`] is what it knows of one service: the bound, what limits it, one sentence.
//! - [`decide`] turns a report and the shadow verdicts into the next mode, with its reasons.
//! - [`replay`] learns from records of the past instead of from a sensor.
//! - [`Learner::hold`] names the strata that must not be enforced yet.
//!
//! The crate is pure: no I/O, no clock (time is a parameter), no unsafe code, and the same calls give the same state.
//! What the numbers mean and what they cannot promise is in `docs/learning.md`; `examples/backtest` measures them.

#![forbid(unsafe_code)]

mod calendar;
mod clock;
mod curve;
mod edges;
mod estate;
mod estimate;
mod expected;
mod fanout;
mod fleet;
mod gates;
mod generalise;
mod profile;
mod promotion;
mod proposal;
mod replay;
mod report;
mod saved;
mod service;
mod words;

pub use calendar::{Calendar, Phase};
pub use clock::Scale;
pub use curve::{CurvePoint, DiscoveryCurve};
pub use edges::{LearnedEdge, SetAside, Standing};
pub use estate::{Learned, Learner, Sensor, Settings, Sighting};
pub use estimate::Evidence;
pub use fanout::answered;
pub use fleet::Forecasts;
pub use gates::{Gates, Hold};
pub use generalise::generalise;
pub use profile::{Profile, UnknownProfile};
pub use promotion::{Automation, CanaryDenial, Decision, DenialKind, Shadow, Situation, Step, decide};
pub use proposal::Proposal;
pub use replay::{Past, replay};
pub use report::{Limit, Readiness, Report};
pub use saved::{SavedEstate, SavedService};
