//! What is told of a group while a broker that has nothing to do with it fails, in every way in which one can: both are a few
//! lines of this process, because no real one fails at the moment that matters. IO: sockets.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use kafkasink_kafka_ffi::{GroupDescription, NativeError, describe_group};
use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const GROUP: &str = "cameras";
const TIMEOUT: Duration = Duration::from_secs(3);

/// Long after the broker with the group has answered, and long before the time is over.
const LATER: Duration = Duration::from_millis(300);

/// Keys of requests, as the protocol numbers them.
const METADATA: i16 = 3;
const DESCRIBE_GROUPS: i16 = 15;
const LIST_GROUPS: i16 = 16;

/// What the other broker does.
#[derive(Clone, Copy, Debug)]
enum Other {
    /// It answers that it has no group.
    Answers,
    /// It takes connections and says nothing.
    Hangs,
    /// It is not there.
    IsGone,
    /// It closes each connection a while after the first question.
    FailsLater,
}

/// Writes what a broker sends.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn int16(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn int32(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.int16(i16::try_from(text.len()).expect("a short text"));
        self.0.extend(text.as_bytes());
        self
    }
}

/// Returns the brokers of the cluster, in the first version of the answer.
fn metadata(ports: [u16; 2]) -> Body {
    let brokers = ports.iter().zip(1..).fold(Body::default().int32(2), |body, (port, id)| {
        body.int32(id).text("127.0.0.1").int32(i32::from(*port))
    });
    brokers.int32(0)
}

/// Returns the answer to a request of this kind, where a broker has groups.
fn answer(key: i16, ports: [u16; 2], has_group: bool) -> Option<Body> {
    match key {
        METADATA => Some(metadata(ports)),
        LIST_GROUPS if has_group => Some(Body::default().int16(0).int32(1).text(GROUP).text("consumer")),
        LIST_GROUPS => Some(Body::default().int16(0).int32(0)),
        DESCRIBE_GROUPS => {
            let group = Body::default().int32(1).int16(0).text(GROUP).text("Stable");
            Some(group.text("consumer").text("range").int32(0))
        }
        // The client's own looks for its coordinator lead nowhere.
        _ => None,
    }
}

/// Answers the requests of one connection until it ends.
fn serve(mut stream: TcpStream, ports: [u16; 2], has_group: bool, other: Other) -> std::io::Result<()> {
    loop {
        // Size, kind, version and number of the request; the rest says who asks for what.
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let [a, b, c, d, key_high, key_low, _, _, number @ ..] = head;
        let rest = i64::from(i32::from_be_bytes([a, b, c, d])) - 8;
        std::io::copy(&mut (&mut stream).take(u64::try_from(rest).unwrap_or(0)), &mut std::io::sink())?;
        let key = i16::from_be_bytes([key_high, key_low]);
        match other {
            Other::Answers => {}
            Other::Hangs | Other::IsGone => continue,
            Other::FailsLater => {
                thread::park_timeout(LATER);
                return Ok(());
            }
        }
        let Some(Body(body)) = answer(key, ports, has_group) else { continue };
        let length = i32::try_from(body.len() + 4).expect("a short answer");
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&number)?;
        stream.write_all(&body)?;
    }
}

fn listen(listener: TcpListener, ports: [u16; 2], has_group: bool, other: Other) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, ports, has_group, other));
        }
    });
}

/// Asks about the group, which the first broker has or not.
fn ask(other: Other, has_group: bool) -> Outcome<Result<GroupDescription, NativeError>> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let ports = [listeners[0].local_addr()?.port(), listeners[1].local_addr()?.port()];
    let [first, second] = listeners;
    listen(first, ports, has_group, Other::Answers);
    match other {
        Other::IsGone => drop(second),
        Other::Answers | Other::Hangs | Other::FailsLater => listen(second, ports, false, other),
    }
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", format!("127.0.0.1:{}", ports[0]))
        .set("group.id", GROUP)
        // The oldest answers are the shortest.
        .set("api.version.request", "false")
        .set("broker.version.fallback", "0.9.0")
        // As it is after some attempts.
        .set("reconnect.backoff.ms", "5000")
        .create()?;
    Ok(describe_group(&consumer, GROUP, TIMEOUT))
}

#[test]
fn broker_that_has_nothing_to_do_with_the_group_spoils_nothing() -> Outcome {
    for other in [Other::Answers, Other::Hangs, Other::IsGone, Other::FailsLater] {
        let told = ask(other, true)?;
        let told = told.map_err(|error| format!("{other:?}: {error}"))?;
        assert!(told.is_stable && told.assigned.is_empty(), "{other:?}: {told:?}");
    }
    Ok(())
}

#[test]
fn group_that_nobody_has_is_told_apart_from_one_that_was_not_asked_about_everywhere() -> Outcome {
    let error = |other| ask(other, false).map(|told| told.map_err(|error| error.to_string()));
    assert_eq!(error(Other::Answers)?, Err("no broker has the group".to_owned()));
    let said = error(Other::Hangs)?.expect_err("nobody has the group");
    assert!(said.starts_with("not every broker has answered"), "{said}");
    Ok(())
}
