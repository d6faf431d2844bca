//! IO: none but librdkafka's own memory. Tells a client where its brokers are, once more.

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::NativeError;
use super::memory::c_string;

/// Tells a client of brokers that it is to connect to, besides those that it knows; `addresses` are separated by commas.
///
/// # Errors
/// None of the addresses can be read.
pub fn add_brokers<C: ClientContext>(client: &Client<C>, addresses: &str) -> Result<(), NativeError> {
    let list = c_string(addresses)?;
    // SAFETY: the client is live and the list is terminated; the call copies it.
    let added = unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), list.as_ptr()) };
    if added > 0 { Ok(()) } else { Err(NativeError::invalid("no address of a broker can be read")) }
}
