//! Pure. Who frees what librdkafka allocates, and how its strings and arrays become ours.

use std::ffi::{CStr, CString, c_char};
use std::ptr::NonNull;

use rdkafka_sys as sys;

use super::error::{NativeError, check};

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
