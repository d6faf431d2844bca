//! Pure. A message of the client library becomes one of ours: copied, or kept where it is.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Once};

use bytes::Bytes;
use kafkasink_kafka_ffi::{KeptMessage, QueuedMessage};
use rdkafka::Message as _;
use rdkafka::message::{BorrowedHeaders, Headers as _, Timestamp};

use super::consumer_context::Context;
use super::responses::Responses;
use crate::budget::{Hold, Share};
use crate::record::{Header, Headers, Message, Offset, SealedHeaders};

thread_local! {
    /// A panic of this thread is caught and expected.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Returns the message with its bytes taken out of the partition's share.
pub(super) fn to_message(
    queued: QueuedMessage<'_, Context>,
    responses: &mut Responses,
    share: &Share,
) -> Message {
    let timestamp_ms = match queued.timestamp() {
        Timestamp::NotAvailable => None,
        Timestamp::CreateTime(milliseconds) | Timestamp::LogAppendTime(milliseconds) => Some(milliseconds),
    };
    let mut message = Message {
        offset: Offset(queued.offset()),
        timestamp_ms,
        key: queued.key().map(Bytes::copy_from_slice),
        value: None,
        headers: queued.headers().map_or(Headers::Readable(Vec::new()), to_headers),
        hold: Hold::none(),
    };
    let others = message.size();
    let Some(value) = queued.payload() else {
        message.hold = share.hold(others);
        return message;
    };
    let addresses = value.as_ptr_range();
    let addresses = addresses.start.addr()..addresses.end.addr();
    if let Some(response) = responses.next(&addresses, others, share) {
        message.hold = share.hold(others);
        let kept = queued.keep();
        message.value = Some(Bytes::from_owner(Kept { message: kept, _response: response }));
    } else {
        message.hold = share.hold(others + value.len());
        message.value = Some(Bytes::copy_from_slice(value));
    }
    message
}

/// A value that lies in its response.
struct Kept {
    message: KeptMessage<Context>,
    _response: Arc<Hold>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        self.message.as_ref()
    }
}

/// The client library panics at a name that is not UTF-8; one bad header must not end the program, nor get lost.
fn to_headers(borrowed: &BorrowedHeaders) -> Headers {
    let all = 0..borrowed.count();
    if let Some(headers) = quietly(|| all.clone().filter_map(|index| to_header(borrowed, index)).collect()) {
        return Headers::Readable(headers);
    }
    let readable = all.filter_map(|index| quietly(|| to_header(borrowed, index)).flatten());
    let bytes = readable.map(|header| header.size()).sum();
    Headers::Unreadable(SealedHeaders::new(borrowed.detach(), bytes))
}

fn to_header(borrowed: &BorrowedHeaders, index: usize) -> Option<Header> {
    let header = borrowed.try_get(index)?;
    Some(Header { name: header.key.to_owned(), value: header.value.map(Bytes::copy_from_slice) })
}

/// Returns what `read` returns, or none where it panics, which is not written to standard error.
fn quietly<T>(read: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                tell(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    IS_QUIET.set(false);
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};

    use super::to_headers;
    use crate::record::{Header, Headers};

    #[test]
    fn headers_are_read_in_order_with_empty_and_absent_values() {
        let headers = OwnedHeaders::new()
            .insert(KafkaHeader { key: "a", value: Some("1") })
            .insert(KafkaHeader { key: "a", value: Some("") })
            .insert(KafkaHeader::<&str> { key: "", value: None });
        let header = |name: &str, value: Option<&'static str>| Header {
            name: name.to_owned(),
            value: value.map(bytes::Bytes::from),
        };
        let expected = vec![header("a", Some("1")), header("a", Some("")), header("", None)];
        assert_eq!(to_headers(headers.as_borrowed()), Headers::Readable(expected));
    }

    #[test]
    fn panic_of_the_client_library_is_caught_and_others_are_told() {
        assert_eq!(super::quietly(|| 1), Some(1));
        assert_eq!(super::quietly(|| panic!("expected")), None::<u8>);
        assert!(!super::IS_QUIET.get());
    }
}
