//! Learning from outside: an estate over days, decisions, properties, and whether the numbers are true.

mod calibration;
mod estate;
mod promotion;
mod properties;
mod watch;
