//! The door to ReductStore: nothing outside this folder names reduct-rs.

mod error;
mod store;
mod stores;

pub(crate) use error::StoreError;
pub(crate) use stores::Stores;
