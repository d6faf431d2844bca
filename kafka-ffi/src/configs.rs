//! IO: Kafka. `IncrementalAlterConfigs`: sets or resets the named keys of a topic and leaves every other key alone,
//! which the legacy call behind `AdminClient::alter_configs` does not.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, array, c_string, check_owned, text};
use super::request::Request;

/// Sets `entries` on `topic`; a key without a value falls back to the broker's default, and keys that are not named keep
/// their value.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse a key or value; their text names it.
pub fn incremental_alter_configs<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    entries: &[(&str, Option<&str>)],
    timeout: Duration,
) -> Result<(), NativeError> {
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
    let request = Request::new(client, operation, timeout)?;
    let resource = resource(topic, entries)?;
    let mut resources = [resource.as_ptr()];
    // SAFETY: client, options, queue and the one resource are live; the call copies what it needs.
    unsafe {
        sys::rd_kafka_IncrementalAlterConfigs(
            request.client,
            resources.as_mut_ptr(),
            resources.len(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function.
    let answered = unsafe {
        let answer = sys::rd_kafka_event_IncrementalAlterConfigs_result(event.as_ptr());
        array(sys::rd_kafka_IncrementalAlterConfigs_result_resources(answer, &raw mut count), count)
    };
    answered.iter().try_for_each(|altered| outcome(*altered))
}

fn resource(
    topic: &str,
    entries: &[(&str, Option<&str>)],
) -> Result<Guard<sys::rd_kafka_ConfigResource_t>, NativeError> {
    let topic = c_string(topic)?;
    let kind = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
    // SAFETY: the name is a terminated string, which the constructor copies.
    let resource = Guard::own(
        unsafe { sys::rd_kafka_ConfigResource_new(kind, topic.as_ptr()) },
        sys::rd_kafka_ConfigResource_destroy,
    )?;
    for (key, value) in entries {
        let (key, value) = (c_string(key)?, value.map(c_string).transpose()?);
        let operation = match value {
            Some(_) => sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
            None => sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE,
        };
        // SAFETY: the resource is live; key and value are terminated strings, which the call copies, or no value, which
        // resetting takes; the error it returns is ours.
        unsafe {
            check_owned(sys::rd_kafka_ConfigResource_add_incremental_config(
                resource.as_ptr(),
                key.as_ptr(),
                operation,
                value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr()),
            ))?;
        }
    }
    Ok(resource)
}

fn outcome(resource: *const sys::rd_kafka_ConfigResource_t) -> Result<(), NativeError> {
    // SAFETY: the resource belongs to the answer that the caller holds; the text is copied.
    let (code, message) = unsafe {
        (
            sys::rd_kafka_ConfigResource_error(resource),
            text(sys::rd_kafka_ConfigResource_error_string(resource)),
        )
    };
    check(code, message)
}
