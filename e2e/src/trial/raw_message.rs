//! Produces what no client library would: a message whose header names are any bytes. IO: Kafka's protocol over TCP.
//!
//! One Produce request (version 3) with one batch (format 2) of one record, to the leader of the partition.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PRODUCE: i16 = 0;
const PRODUCE_VERSION: i16 = 3;
const TIMEOUT_MS: i32 = 30_000;

/// A message of raw bytes.
#[derive(Clone, Debug, Default)]
pub struct RawMessage {
    /// The value.
    pub value: Vec<u8>,
    /// The headers, names and values.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Produces a message to a broker that leads the partition; returns its offset.
///
/// # Errors
/// The broker refuses it or does not answer.
pub async fn produce(broker: &str, topic: &str, partition: i32, message: &RawMessage) -> anyhow::Result<i64> {
    let request = request(topic, partition, &batch(message));
    let mut stream = TcpStream::connect(broker).await.context("connect to the broker")?;
    stream.write_all(&sized(&request)).await?;
    let length = stream.read_i32().await?;
    let mut response = vec![0; usize::try_from(length)?];
    stream.read_exact(&mut response).await?;
    // Correlation id, one topic with its name, one partition with its number, then the error and the offset.
    let at = 4 + 4 + 2 + topic.len() + 4 + 4;
    let answer = response.get(at..at + 10).context("read the answer of the broker")?;
    let (error, offset) = answer.split_at(2);
    ensure!(error == [0, 0], "the broker refuses a raw message with the error {error:?}");
    Ok(i64::from_be_bytes(offset.try_into()?))
}

fn request(topic: &str, partition: i32, batch: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(PRODUCE.to_be_bytes());
    request.extend(PRODUCE_VERSION.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    string(&mut request, Some("raw"));
    string(&mut request, None);
    request.extend((-1_i16).to_be_bytes());
    request.extend(TIMEOUT_MS.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    string(&mut request, Some(topic));
    request.extend(1_i32.to_be_bytes());
    request.extend(partition.to_be_bytes());
    request.extend(sized(batch));
    request
}

fn batch(message: &RawMessage) -> Vec<u8> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes());
    checked.extend(0_i32.to_be_bytes());
    checked.extend(now_ms.to_be_bytes());
    checked.extend(now_ms.to_be_bytes());
    checked.extend((-1_i64).to_be_bytes());
    checked.extend((-1_i16).to_be_bytes());
    checked.extend((-1_i32).to_be_bytes());
    checked.extend(1_i32.to_be_bytes());
    checked.extend(record(message));
    let mut rest = Vec::new();
    rest.extend((-1_i32).to_be_bytes());
    rest.push(2);
    rest.extend(crc32c(&checked).to_be_bytes());
    rest.extend(checked);
    [0_i64.to_be_bytes().to_vec(), sized(&rest)].concat()
}

fn record(message: &RawMessage) -> Vec<u8> {
    let mut record = vec![0];
    varint(&mut record, 0);
    varint(&mut record, 0);
    varint(&mut record, -1);
    bytes(&mut record, &message.value);
    varint(&mut record, i64::try_from(message.headers.len()).unwrap_or(i64::MAX));
    for (name, value) in &message.headers {
        bytes(&mut record, name);
        bytes(&mut record, value);
    }
    let mut sized = Vec::new();
    bytes(&mut sized, &record);
    sized
}

fn sized(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).unwrap_or(i32::MAX);
    [length.to_be_bytes().as_slice(), body].concat()
}

fn string(into: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(-1, |text| i16::try_from(text.len()).unwrap_or(i16::MAX));
    into.extend(length.to_be_bytes());
    into.extend(text.unwrap_or_default().as_bytes());
}

fn bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    varint(into, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    into.extend(bytes);
}

/// Seven bits in each byte, the sign in the lowest.
fn varint(into: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7F).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            return into.push(low);
        }
        into.push(low | 0x80);
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::{crc32c, varint};

    #[test]
    fn checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn numbers_are_written_as_the_format_has_them() {
        let check = |number: i64, expected: &[u8]| {
            let mut bytes = Vec::new();
            varint(&mut bytes, number);
            assert_eq!(bytes, expected, "{number}");
        };
        check(0, &[0]);
        check(-1, &[1]);
        check(63, &[126]);
        check(64, &[128, 1]);
        check(300, &[216, 4]);
    }
}
