//! Chooses ports on 127.0.0.1. IO: sockets.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context as _;

use crate::lab::paths::Paths;

/// Below those that the kernel gives to connections: one of those may be taken before a slow server gets to it.
const OTHER_PORTS: Range<u16> = 20_000..30_000;
const OTHER_PORTS_COUNT: u16 = OTHER_PORTS.end - OTHER_PORTS.start;
const TRIES_MAX: usize = 100;

/// How many ports this process has been given, from a place of its own on: none twice, because a server that is slow to
/// start leaves its port free for a while.
static GIVEN: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));

/// Returns a port for a part of the lab: the wished one if it is free and this is the machine's usual lab. A lab with a
/// run folder of its own leaves those ports to it, so that labs that start in the same moment do not meet.
///
/// # Errors
/// No free port is found.
pub fn lab_port(paths: &Paths, wished: u16) -> anyhow::Result<u16> {
    if paths.is_usual() { free_port(wished) } else { other_port() }
}

/// Returns the wished port if nothing listens on it, else another.
///
/// # Errors
/// No free port is found.
pub fn free_port(wished: u16) -> anyhow::Result<u16> {
    if is_free(wished) { Ok(wished) } else { other_port() }
}

/// Returns a port that nothing listens on, that the kernel gives to no connection and that this process was not given yet.
///
/// # Errors
/// No free port is found.
pub fn other_port() -> anyhow::Result<u16> {
    let next = || OTHER_PORTS.start + GIVEN.fetch_add(1, Ordering::Relaxed) % OTHER_PORTS_COUNT;
    let mut ports = std::iter::repeat_with(next).take(TRIES_MAX);
    ports.find(|port| is_free(*port)).context("find a free port on 127.0.0.1")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::{OTHER_PORTS, free_port, other_port};

    #[test]
    fn no_port_is_given_twice() {
        let ports: BTreeSet<_> = (0..50).map(|_| other_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| OTHER_PORTS.contains(port)));
    }

    #[test]
    fn another_port_is_given_when_the_wished_one_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(OTHER_PORTS.contains(&free_port(port).unwrap()));
        drop(listener);
        assert_eq!(free_port(port).unwrap(), port);
    }
}
