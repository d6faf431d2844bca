//! IO: Kafka. One admin request: its options, the queue its answer arrives on, and what librdkafka allocates for it,
//! owned by a [`Guard`], which frees it on every path.

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

/// Longer than any message librdkafka writes into an error buffer.
pub(super) const ERROR_TEXT_BYTES: usize = 512;

/// The library itself keeps the request's time-out; this is the margin before we stop believing it.
const POLL_MARGIN: Duration = Duration::from_secs(5);

/// An error of librdkafka or of a broker, with the text that came with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct NativeError {
    /// What kind of error it is.
    pub(crate) code: sys::RDKafkaErrorCode,
    /// The broker's or the library's own words.
    pub(crate) message: String,
}

impl NativeError {
    fn invalid(message: &str) -> Self {
        Self { code: sys::RDKafkaErrorCode::InvalidArgument, message: message.to_owned() }
    }
}

/// Owns one object of librdkafka and frees it with the function that belongs to it.
pub(super) struct Guard<T> {
    pub(super) pointer: NonNull<T>,
    pub(super) destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Guard<T> {
    /// Takes ownership of `pointer`; an error where the library could not allocate.
    pub(super) fn own(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Self, NativeError> {
        let pointer =
            NonNull::new(pointer).ok_or_else(|| NativeError::invalid("librdkafka refused the arguments"))?;
        Ok(Self { pointer, destroy })
    }

    pub(super) fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: `own` took sole ownership of a live object and `destroy` is the function librdkafka pairs with
        // its constructor; nobody uses the pointer after this.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}

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

/// An error unless `code` says success; `message` is the text that came with it.
pub(super) fn check(code: sys::rd_kafka_resp_err_t, message: Option<String>) -> Result<(), NativeError> {
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    let code = sys::RDKafkaErrorCode::from(code);
    Err(NativeError { code, message: message.filter(|text| !text.is_empty()).unwrap_or(code.to_string()) })
}

/// The outcome that an `rd_kafka_error_t` stands for; null is success. The error stays with its owner.
///
/// # Safety
/// `error` is null or alive for the duration of the call.
pub(super) unsafe fn check_borrowed(error: *const sys::rd_kafka_error_t) -> Result<(), NativeError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and alive by the contract above.
    let (code, message) =
        unsafe { (sys::rd_kafka_error_code(error), text(sys::rd_kafka_error_string(error))) };
    check(code, message)
}

/// The outcome that an `rd_kafka_error_t` stands for, which is ours and is freed here; null is success.
///
/// # Safety
/// `error` is null or a live error that nobody else owns.
pub(super) unsafe fn check_owned(error: *mut sys::rd_kafka_error_t) -> Result<(), NativeError> {
    let Some(pointer) = NonNull::new(error) else { return Ok(()) };
    let owned = Guard { pointer, destroy: sys::rd_kafka_error_destroy };
    // SAFETY: the guard keeps the error alive until the end of the function.
    unsafe { check_borrowed(owned.as_ptr()) }
}

/// Copies a C string; `None` for null.
///
/// # Safety
/// `pointer` is null or points to a terminated string that is alive for the duration of the call.
pub(super) unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and a live terminated string by the contract above.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// The items of a C array.
///
/// # Safety
/// `first` and `count` were returned together by librdkafka, and the answer that owns the items outlives `'a`.
pub(super) unsafe fn array<'a, T>(first: *mut T, count: usize) -> &'a [T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: not null, and `count` live items by the contract above.
    unsafe { std::slice::from_raw_parts(first, count) }
}

pub(super) fn c_string(value: &str) -> Result<CString, NativeError> {
    CString::new(value).map_err(|error| NativeError::invalid(&format!("{value:?}: {error}")))
}
