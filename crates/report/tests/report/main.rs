//! Reports on a small shop with a cardholder zone, and on estates that want to deceive.

mod agrees;
mod claims;
mod golden;
mod hostile;
mod scale;
mod seals;
mod shop;
