//! IO: Kafka. One admin request: its options, the queue its answer arrives on, and how long it is waited for.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, check_owned, text};

/// Longer than any message librdkafka writes into an error buffer.
pub(super) const ERROR_TEXT_BYTES: usize = 512;

/// The library itself keeps the request's time-out; this is the margin before we stop believing it.
const POLL_MARGIN: Duration = Duration::from_secs(5);

/// One admin request: its options, the queue its answer arrives on, and how to wait for it.
pub(super) struct Request {
    pub(super) client: *mut sys::rd_kafka_t,
    pub(super) options: Guard<sys::rd_kafka_AdminOptions_t>,
    pub(super) queue: Guard<sys::rd_kafka_queue_t>,
    timeout: Duration,
}

impl Request {
    pub(super) fn new<C: ClientContext>(
        client: &Client<C>,
        operation: sys::rd_kafka_admin_op_t,
        timeout: Duration,
    ) -> Result<Self, NativeError> {
        let client = client.native_ptr();
        // SAFETY: `client` belongs to a live `Client`, which the caller borrows for longer than this request.
        let options = Guard::own(
            unsafe { sys::rd_kafka_AdminOptions_new(client, operation) },
            sys::rd_kafka_AdminOptions_destroy,
        )?;
        // SAFETY: as above.
        let queue = Guard::own(unsafe { sys::rd_kafka_queue_new(client) }, sys::rd_kafka_queue_destroy)?;
        set_timeout(&options, timeout)?;
        Ok(Self { client, options, queue, timeout })
    }

    /// Asks the brokers also for what they let us do.
    pub(super) fn include_operations(&self) -> Result<(), NativeError> {
        // SAFETY: the options are live; the error is ours.
        unsafe {
            let refusal =
                sys::rd_kafka_AdminOptions_set_include_authorized_operations(self.options.as_ptr(), 1);
            check_owned(refusal)
        }
    }

    /// Waits for the answer that a call made with this request's queue has asked for.
    pub(super) fn wait(&self) -> Result<Guard<sys::rd_kafka_event_t>, NativeError> {
        let limit = i32::try_from((self.timeout + POLL_MARGIN).as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is live and polled by this thread only.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), limit) };
        let Some(event) = NonNull::new(event) else {
            return Err(NativeError {
                code: sys::RDKafkaErrorCode::OperationTimedOut,
                message: "no answer within the time-out".to_owned(),
            });
        };
        let event = Guard { pointer: event, destroy: sys::rd_kafka_event_destroy };
        // SAFETY: the event is live; the text belongs to it and is copied before it is freed.
        let (code, message) = unsafe {
            (
                sys::rd_kafka_event_error(event.as_ptr()),
                text(sys::rd_kafka_event_error_string(event.as_ptr())),
            )
        };
        check(code, message)?;
        Ok(event)
    }
}

fn set_timeout(options: &Guard<sys::rd_kafka_AdminOptions_t>, timeout: Duration) -> Result<(), NativeError> {
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut buffer = ErrorText::new();
    // SAFETY: the options are live and the buffer is as long as we say.
    let code = unsafe {
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options.as_ptr(),
            milliseconds,
            buffer.as_mut_ptr(),
            ERROR_TEXT_BYTES,
        )
    };
    check(code, Some(buffer.read()))
}

/// A buffer for the text of an error that librdkafka writes.
pub(super) struct ErrorText([c_char; ERROR_TEXT_BYTES]);

impl ErrorText {
    pub(super) fn new() -> Self {
        Self([0; ERROR_TEXT_BYTES])
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    pub(super) fn read(&self) -> String {
        let bytes = self.0.map(c_char::cast_unsigned);
        CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
