//! The bare pipeline: the fastest way from Kafka to the store that gives no guarantee. IO: Kafka, store.
//!
//! It is what the sink is measured against, so it must be as good as we can make it: no group, no commits, no
//! read-back, no memory limit worth the name, and no copy of a payload. It stores the same records: the label with the
//! offset, without which nobody could tell which message a record came from, costs the store a quarter of what it does
//! with small ones (`--without-labels` shows it). Each partition has a thread with a queue, a connection and one request
//! at a time (two at one entry lock the store up); buffers are so large that none waits for another.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use clap::Args;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _, DefaultConsumerContext};
use rdkafka::message::BorrowedMessage;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use reduct_rs::{Bucket, RecordBuilder, ReductClient};

/// Limits of a batch, those of the sink's defaults.
const RECORDS_MAX: usize = 80;
const BYTES_MAX: usize = 8 << 20;
/// Longest wait for a full batch; with a backlog there is none.
const LINGER: Duration = Duration::from_millis(100);
/// Longest wait for an answer of the broker or the store.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Settings of the consumer that let it fetch as fast as the broker gives. Larger buffers than these are slower: what
/// they hold has left the processor's cache when it is sent.
const CONSUMER: [(&str, &str); 8] = [
    ("group.id", "bare"), // the library wants one, nothing is ever committed
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "65536"),
    ("fetch.queue.backoff.ms", "1"), // the default of 1 s lets a queue run dry
    ("fetch.message.max.bytes", "2097152"),
    ("fetch.max.bytes", "16777216"),
];

/// What its process must find in its environment: else the C library gives every large buffer back to the kernel and
/// asks for the next anew, which costs a third of the pipeline's CPU.
pub(super) const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "1073741824"), ("MALLOC_TRIM_THRESHOLD_", "2147483648")];

/// What the bare pipeline moves, and where.
#[derive(Clone, Debug, Args)]
pub struct BareArgs {
    /// Kafka, `host:port`
    #[arg(long)]
    pub(super) bootstrap: String,
    /// The topic, read from its beginning to the end that it has now
    #[arg(long)]
    pub(super) topic: String,
    /// Number of its partitions
    #[arg(long)]
    pub(super) partitions: i32,
    /// URL of the store
    #[arg(long)]
    pub(super) url: String,
    /// Token of the store
    #[arg(long)]
    pub(super) token: String,
    /// The bucket
    #[arg(long)]
    pub(super) bucket: String,
    /// Leaves out the label with the offset
    #[arg(long)]
    pub(super) without_labels: bool,
}

/// A payload where librdkafka has put it.
struct Payload(BorrowedMessage<'static>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload().unwrap_or_default()
    }
}

/// Moves everything, says `reading` and `stored`, and waits for the end of its input.
///
/// # Errors
/// Kafka or the store fails.
pub fn run(args: &BareArgs) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &args.bootstrap);
    for (name, value) in CONSUMER {
        config.set(name, value);
    }
    let consumer: Arc<BaseConsumer> = Arc::new(config.create()?);
    let mut list = TopicPartitionList::new();
    let mut lanes: Vec<JoinHandle<anyhow::Result<()>>> = Vec::new();
    for partition in 0..args.partitions {
        list.add_partition_offset(&args.topic, partition, Offset::Beginning)?;
        lanes.push(start(&consumer, args, partition)?);
    }
    consumer.assign(&list)?;
    say("reading")?;
    while lanes.iter().any(|lane| !lane.is_finished()) {
        // Messages come by their own queues; here come errors.
        consumer.poll(LINGER).transpose().context("read")?;
    }
    for lane in lanes {
        lane.join().map_err(|_panic| anyhow!("a lane panicked"))??;
    }
    say("stored")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn start(
    consumer: &Arc<BaseConsumer>,
    args: &BareArgs,
    partition: i32,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let (_, end) = consumer.fetch_watermarks(&args.topic, partition, TIMEOUT)?;
    let queue = consumer.split_partition_queue(&args.topic, partition).context("split a queue off")?;
    // For ever, and so its messages need not be copied; the process ends with the last of them.
    let queue: &'static PartitionQueue<DefaultConsumerContext> = Box::leak(Box::new(queue));
    let args = args.clone();
    Ok(std::thread::spawn(move || lane(queue, &args, partition, end)))
}

/// Moves one partition; everything of it happens on this thread.
fn lane(
    queue: &'static PartitionQueue<DefaultConsumerContext>,
    args: &BareArgs,
    partition: i32,
    end: i64,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = ReductClient::builder().url(&args.url).api_token(&args.token).timeout(TIMEOUT);
    let client = client.http1_only().try_build()?;
    let bucket: Bucket = runtime.block_on(client.get_bucket(&args.bucket))?;
    let entry = format!("{}/{partition}", args.topic);
    let (mut next, mut last_us) = (0, 0);
    while next < end {
        let mut request = bucket.write_record_batch();
        let (mut records, mut bytes) = (0, 0);
        while next < end && records < RECORDS_MAX && bytes < BYTES_MAX {
            let Some(message) = queue.poll(LINGER).transpose().context("read")? else { break };
            let source_us = message.timestamp().to_millis().unwrap_or(0).unsigned_abs() * 1_000;
            last_us = source_us.max(last_us + 1);
            next = message.offset() + 1;
            records += 1;
            bytes += message.payload_len();
            let mut record = RecordBuilder::new().entry(&entry).timestamp_us(last_us);
            if !args.without_labels {
                record = record.add_label("kafka_offset", &message.offset().to_string());
            }
            request.append_record(record.data(Bytes::from_owner(Payload(message))).build());
        }
        if records > 0 {
            let errors = runtime.block_on(request.send()).context("write")?;
            ensure!(errors.is_empty(), "records were refused: {errors:?}");
        }
    }
    Ok(())
}

fn say(word: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{word}")?;
    Ok(output.flush()?)
}
