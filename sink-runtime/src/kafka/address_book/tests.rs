//! A client that was told that there are no brokers, once, by one of a few lines of this process: no real one says so at the
//! moment that matters. IO: sockets.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use kafkasink_crds::runtime_config::{KafkaConfig, StartFrom};
use prometheus_client::metrics::counter::Counter;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::{ClientConfig, ClientContext};
use tokio::time::Instant;

use super::{AddressBook, Memory, REMIND_EVERY};
use crate::kafka::statistics;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// Metadata, as the protocol numbers it.
const METADATA: i16 = 3;

/// Topics of the cluster. The client drops its brokers first and takes in the topics then. Meanwhile the brokers' threads end,
/// and the last of them has the addresses looked up once more; but what begins that is called off when all is taken in, and
/// never begun again. With few topics the client is quicker than its threads, most of the time.
const TOPICS: i32 = 5_000;

/// How many answers running tell that the client goes on.
const STEADY: u32 = 5;

/// What the broker goes by: until the client is reminded, every other answer tells of no brokers. Told so only once, some
/// clients find back by themselves; told so always, they do for ever.
#[derive(Clone, Default)]
struct Course {
    answers: Arc<AtomicU64>,
    reminders: Counter,
}

impl Course {
    /// Counts an answer; tells whether it names no brokers.
    fn is_next_blank(&self) -> bool {
        self.answers.fetch_add(1, Ordering::Relaxed) % 2 == 1 && self.reminders.get() == 0
    }
}

#[test]
fn client_is_reminded_when_two_reports_show_no_broker_and_not_too_often() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let mut report = |is_blank, at| {
        memory.note(is_blank);
        memory.is_due(at)
    };
    assert!(!report(true, now) && !report(false, now), "one broker was exchanged for another");
    assert!(!report(true, now) && report(true, now));
    assert!(!report(true, now) && !report(true, now), "it was reminded just now");
    assert!(report(true, now + REMIND_EVERY));
}

/// Returns what is told of the cluster, in the first version of the answer.
fn metadata(port: Option<u16>) -> Vec<u8> {
    let text = |text: &str| [&[0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let mut body = i32::from(port.is_some()).to_be_bytes().to_vec();
    if let Some(port) = port {
        body.extend(1_i32.to_be_bytes());
        body.extend(text("127.0.0.1"));
        body.extend(i32::from(port).to_be_bytes());
    }
    body.extend(TOPICS.to_be_bytes());
    for number in 0..TOPICS {
        body.extend(0_i16.to_be_bytes());
        // The library reckons the memory for what it has read by the bytes of the answer: names must not be short.
        body.extend(text(&format!("cameras-{number:0100}")));
        body.extend(0_i32.to_be_bytes());
    }
    body
}

/// Answers the requests of one connection until it ends.
fn serve(mut stream: TcpStream, port: u16, course: &Course) -> std::io::Result<()> {
    loop {
        // Size, kind, version and number of the request; the rest says who asks for what.
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let [a, b, c, d, key_high, key_low, _, _, number @ ..] = head;
        let rest = u64::try_from(i32::from_be_bytes([a, b, c, d]) - 8).unwrap_or(0);
        std::io::copy(&mut (&mut stream).take(rest), &mut std::io::sink())?;
        if i16::from_be_bytes([key_high, key_low]) != METADATA {
            continue;
        }
        let body = metadata((!course.is_next_blank()).then_some(port));
        stream.write_all(&i32::try_from(body.len() + 4).unwrap().to_be_bytes())?;
        stream.write_all(&number)?;
        stream.write_all(&body)?;
    }
}

/// Starts the broker; returns its port.
fn listen(course: &Course) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, course) = (listener.local_addr().unwrap().port(), course.clone());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let course = course.clone();
            thread::spawn(move || serve(stream, port, &course));
        }
    });
    port
}

/// Passes reports on, as the clients of a member do.
struct Reports(Arc<AddressBook>);

impl ClientContext for Reports {
    fn stats_raw(&self, json: &[u8]) {
        self.0.note(statistics::read(json).is_blank);
    }
}

impl ConsumerContext for Reports {}

fn client(port: u16, reminders: Counter) -> BaseConsumer<Reports> {
    let config = KafkaConfig {
        bootstrap_servers: vec![format!("127.0.0.1:{port}")],
        group_id: "cameras".to_owned(),
        properties: std::collections::BTreeMap::new(),
        start_from: StartFrom::Earliest,
        tls: None,
        authentication: None,
    };
    let book = AddressBook::new(&config, reminders);
    ClientConfig::new()
        .set("bootstrap.servers", config.bootstrap_servers.join(","))
        .set("statistics.interval.ms", "100")
        // The oldest answers are the shortest.
        .set("api.version.request", "false")
        .set("broker.version.fallback", "0.9.0")
        .create_with_context(Reports(book))
        .unwrap()
}

#[test]
fn client_that_was_told_of_no_brokers_finds_them_again() {
    let course = Course::default();
    let client = client(listen(&course), course.reminders.clone());
    let (deadline, mut steady) = (Instant::now() + PATIENCE, 0);
    while steady < STEADY {
        let counts = (course.answers.load(Ordering::Relaxed), course.reminders.get());
        assert!(
            Instant::now() < deadline,
            "the client knows no broker any more: (answers, reminders) {counts:?}"
        );
        let answer = client.fetch_metadata(Some("cameras"), Duration::from_secs(1));
        let knows_broker = answer.is_ok_and(|answer| answer.brokers().len() == 1);
        steady = if course.reminders.get() > 0 && knows_broker { steady + 1 } else { 0 };
        while client.poll(Duration::from_millis(100)).is_some() {}
        client.context().0.remind(client.client(), Instant::now());
    }
}
