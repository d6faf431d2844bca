//! Pure. A message of the client library becomes one of ours: one copy, then its fetch buffer is free.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Timestamp};

use crate::budget::{Hold, Share};
use crate::record::{Header, Headers, Message, Offset};

/// Returns the message with its bytes taken out of the partition's share.
pub(super) fn to_message(borrowed: &BorrowedMessage<'_>, share: &Share) -> Message {
    let copy = Bytes::copy_from_slice;
    let timestamp_ms = match borrowed.timestamp() {
        Timestamp::NotAvailable => None,
        Timestamp::CreateTime(milliseconds) | Timestamp::LogAppendTime(milliseconds) => Some(milliseconds),
    };
    let mut message = Message {
        offset: Offset(borrowed.offset()),
        timestamp_ms,
        key: borrowed.key().map(copy),
        value: borrowed.payload().map(copy),
        headers: borrowed.headers().map_or(Headers::Readable(Vec::new()), to_headers),
        hold: Hold::none(),
    };
    message.hold = share.hold(message.size());
    message
}

/// The client library panics at a name that is not UTF-8; one bad header must not end the program.
fn to_headers(borrowed: &BorrowedHeaders) -> Headers {
    let read = || {
        (0..borrowed.count())
            .filter_map(|index| borrowed.try_get(index))
            .map(|header| to_header(&header))
            .collect()
    };
    catch_unwind(AssertUnwindSafe(read)).map_or(Headers::Unreadable, Headers::Readable)
}

fn to_header(borrowed: &rdkafka::message::Header<'_, &[u8]>) -> Header {
    Header { name: borrowed.key.to_owned(), value: borrowed.value.map(Bytes::copy_from_slice) }
}
