//! Reads the configuration and checks all of it before anything begins.

mod check;
mod error;
mod load;
mod mapping;

pub use error::ConfigError;
pub use load::{load, reload};
