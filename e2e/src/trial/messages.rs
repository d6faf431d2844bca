//! Pure. What is produced: numbered messages that tell each other apart, and awkward ones.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Largest value of a topic that takes messages of 4 MiB: what lies around it needs some room.
const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024 - 1_024;
/// The last second of the year 9999, in milliseconds since 1970-01-01 UTC.
const YEAR_9999_MS: i64 = 253_402_300_799_000;

/// A message to be produced.
#[derive(Clone, Debug, Default)]
pub struct Produce {
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; absent in a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers in order; a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Absent: the time of production.
    pub timestamp_ms: Option<i64>,
    /// Absent: by number, in turn.
    pub partition: Option<i32>,
}

impl Produce {
    /// A message of this value alone.
    pub fn value(value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: &[u8]) -> Self {
        self.key = Some(key.to_vec());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Adds a header without a value.
    #[must_use]
    pub fn null_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// Sets the time, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn at(mut self, timestamp_ms: i64) -> Self {
        self.timestamp_ms = Some(timestamp_ms);
        self
    }

    /// Sets the partition.
    #[must_use]
    pub fn on(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }
}

/// Returns a message of which a tenth cannot be compressed, as with the readings of a sensor. The number tells it from
/// others.
#[must_use]
pub fn compressible(number: u64, bytes: usize) -> Produce {
    let mut value = vec![0; bytes / 10];
    SmallRng::seed_from_u64(number).fill(value.as_mut_slice());
    value.resize(bytes, 0);
    Produce::value(value)
}

/// Messages whose value is their number; every second one has another set of headers.
pub fn numbered(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Produce> {
    numbers.map(|number| {
        let message = Produce::value(number.to_string()).header("number", number.to_string());
        if number % 2 == 0 { message.header("even", "1") } else { message }
    })
}

/// Everything that has broken a sink before.
pub fn awkward() -> impl Iterator<Item = Produce> {
    odd_headers().chain(odd_bodies()).chain(odd_times())
}

fn odd_headers() -> impl Iterator<Item = Produce> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let many =
        (0..300).fold(Produce::value("many"), |message, index| message.header(&format!("h{index}"), "v"));
    [
        Produce::value("binary").header("bytes", all_bytes.clone()).key(&all_bytes),
        Produce::value("repeated").header("a", "1").header("A", "2").header("a", "3").header("a.2", "4"),
        Produce::value("empty").header("e", "").null_header("n").header("e", "x").null_header("kafka_offset"),
        Produce::value("ours").header("kafka_offset", "7").header("KAFKA_x", "8").header("site", "9"),
        Produce::value("names")
            .header("trace id", "1")
            .header("grün", "2")
            .header("42", "3")
            .header("a,b=\"c\"", "4"),
        Produce::value("values")
            .header("q", "\"a\",b")
            .header("s", "  a b ")
            .header("p", "%41")
            .header("l", "a\nb"),
        Produce::value("long").header("long", vec![b'x'; 10_240]),
        Produce::value("type").header("content-type", "image/png"),
        Produce::value("no type").header("content-type", "a,\"b\""),
        Produce::value("empty key").key(b""),
        many,
    ]
    .into_iter()
}

fn odd_bodies() -> impl Iterator<Item = Produce> {
    let large = |size: usize| {
        Produce::value((0..size).map(|i| u8::try_from(i % 251).unwrap_or(0)).collect::<Vec<_>>())
    };
    [
        Produce::value(""),
        Produce { value: None, ..Produce::default() }.key(b"tombstone"),
        large(100_000),
        large(900_000),
        large(1_000),
    ]
    .into_iter()
}

/// Values of the broker's limit, a thousand headers, and times before 1970 and far from now; all can be stored.
pub fn extreme() -> impl Iterator<Item = Produce> {
    let thousand = (0..1_000)
        .fold(Produce::value("thousand"), |message, index| message.header(&format!("h{index}"), "v"));
    let largest = vec![b'x'; VALUE_BYTES_MAX];
    let times = [YEAR_9999_MS, -1, 1, 0x7FFF_FFFF_FFFF, 5];
    [thousand, Produce::value(largest)]
        .into_iter()
        .chain(times.map(|time| Produce::value(format!("at {time}")).at(time).on(1)))
}

/// What no record can hold: more labels than the store reads, and a time behind its last one.
pub fn impossible() -> impl Iterator<Item = Produce> {
    let long = |message: Produce, index| message.header(&format!("h{index}"), vec![b'x'; 10_240]);
    [(0..60).fold(Produce::value("too many labels"), long), Produce::value("too late").at(i64::MAX / 2)]
        .into_iter()
}

/// A burst of more than 1,000 in one millisecond, late ones, very late ones, and the beginning of time.
fn odd_times() -> impl Iterator<Item = Produce> {
    let at = |timestamp_ms: i64| Produce::value(format!("at {timestamp_ms}")).at(timestamp_ms).on(0);
    let burst = (0..1_500).map(move |_| at(1_700_000_000_000));
    let after =
        [1_700_000_000_001, 1_700_000_000_002, 1_700_000_005_000, 1_700_000_001_000, 1_700_000_001_000];
    let backwards = [1_600_000_000_000, 1_600_000_000_000, 1_600_000_000_500, 1_600_000_000_100, 1, 1, 2];
    burst.chain(after.into_iter().map(at)).chain(backwards.into_iter().map(at))
}
