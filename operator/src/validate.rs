//! Pure. Step 2: a `KafkaSink` becomes a `ValidatedSink`, or the reason why it cannot be honoured.
//!
//! The API server has refused what is wrong by itself; what is left is what it cannot see: fields that do not work
//! yet, Secrets that are not there, objects of somebody else, and resources that were stored under older rules.

mod binding;
mod credentials;
mod delivery;
mod kafka;
mod mapping;
mod pod_template;
mod sink;
mod store;
mod topics;
mod unsupported;

pub(crate) use binding::recognise;
pub(crate) use sink::validate;
