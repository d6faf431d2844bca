//! `make bench`: what the sink costs beside the fastest pipeline without guarantees, in one run on real parts. Pure: only the map.
//!
//! ```text
//!  options ─► suite ─► stage (a lab of its own) ─► throughput, latency ─► floors ─► table, results.json
//!             (cases    topic, bucket              │  samples, growth
//!              in turn)                            └─ sink │ bare │ python: processes, measured alike by usage
//! ```
//!
//! Every contender reads the same messages from the same topic into a bucket of its own with the same settings; its
//! records are counted by query afterwards. Contenders take turns, since machines have moods, and the run with the
//! median time stands for all.

pub mod bare;
mod bucket;
mod case;
mod child;
mod findings;
mod floors;
mod growth;
mod latency;
pub mod options;
mod python;
mod row;
mod sampler;
mod samples;
mod scrape;
mod sink;
mod sink_config;
mod stage;
mod statistics;
pub mod suite;
mod table;
mod throughput;
mod topic;

pub use stage::Stage;
