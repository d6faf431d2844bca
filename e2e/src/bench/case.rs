//! Pure. What is measured: cases, contenders, and how many messages of which size each case has.

use std::time::Duration;

use clap::ValueEnum;

/// Partitions of every topic.
pub(super) const PARTITIONS: i32 = 8;
/// Sinks that share the store in the case of many.
pub(super) const SINKS: u64 = 8;
/// The sink's longest wait for a full batch where latency is measured.
pub(super) const LATENCY_BATCH_DELAY: Duration = Duration::from_millis(20);

/// One kind of load. 1 KB is 1,000 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Case {
    /// A backlog of messages of 1 KB
    #[value(name = "1kb")]
    OneKb,
    /// A backlog of messages of 10 KB
    #[value(name = "10kb")]
    TenKb,
    /// A backlog of messages of 100 KB
    #[value(name = "100kb")]
    HundredKb,
    /// A backlog of messages of 900 KB
    #[value(name = "900kb")]
    NineHundredKb,
    /// Eight sinks at once, each with a topic of its own, messages of 1 KB
    #[value(name = "8-sinks")]
    EightSinks,
    /// 500 messages of 10 KB a second, batch delay 20 ms: time from a message's timestamp until the store shows it
    #[value(name = "latency")]
    Latency,
    /// A million messages of 1 KB: CPU per message by tenth; takes some minutes
    #[value(name = "growth")]
    Growth,
}

/// Who moves the messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Contender {
    /// The release build of `kafkasink-runtime`, all guarantees on
    Kafkasink,
    /// The fastest pipeline that stores the same records, each with its offset for a label, without guarantees
    Bare,
    /// The same without labels: what the store takes for them; no floor hangs on it
    BareUnlabelled,
    /// The loop of the vendor's guide, in Python
    PythonGuide,
    /// The same loop with batches
    PythonBatched,
}

/// How much is moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Load {
    /// Messages, over all topics.
    pub(super) messages: u64,
    /// Bytes of one.
    pub(super) message_bytes: usize,
}

impl Case {
    /// The cases that are measured where none is named: all but the one that takes minutes.
    pub(super) const USUAL: [Self; 6] =
        [Self::OneKb, Self::TenKb, Self::HundredKb, Self::NineHundredKb, Self::EightSinks, Self::Latency];

    /// Returns the name in tables and results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OneKb => "1kb",
            Self::TenKb => "10kb",
            Self::HundredKb => "100kb",
            Self::NineHundredKb => "900kb",
            Self::EightSinks => "8-sinks",
            Self::Latency => "latency",
            Self::Growth => "growth",
        }
    }

    /// Returns how much is moved: about 10 seconds of work for a store on two cores, so that starting counts for little,
    /// and not much more than 2 GB, from which on the disk is measured instead.
    pub(super) fn load(self) -> Load {
        let (messages, message_bytes) = match self {
            Self::OneKb => (60_000, 1_000),
            Self::TenKb => (60_000, 10_000),
            Self::HundredKb => (25_000, 100_000),
            Self::NineHundredKb => (3_000, 900_000),
            Self::EightSinks => (80_000, 1_000),
            Self::Latency => (22_500, 10_000),
            Self::Growth => (1_000_000, 1_000),
        };
        Load { messages, message_bytes }
    }
}

impl Contender {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Self; 5] =
        [Self::Kafkasink, Self::Bare, Self::BareUnlabelled, Self::PythonGuide, Self::PythonBatched];

    /// Returns the name in tables and results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kafkasink => "kafkasink",
            Self::Bare => "bare",
            Self::BareUnlabelled => "bare-unlabelled",
            Self::PythonGuide => "python-guide",
            Self::PythonBatched => "python-batched",
        }
    }

    /// Tells whether it runs but once and with a part of the messages: it is many times slower, and no floor hangs
    /// on it.
    pub(super) fn is_for_scale(self) -> bool {
        matches!(self, Self::PythonGuide | Self::PythonBatched)
    }
}

impl Load {
    /// Returns a part of the load, the same number of messages for each partition.
    pub(super) fn part(self, of: u64) -> Self {
        let partitions = u64::from(PARTITIONS.unsigned_abs());
        Self { messages: (self.messages / of / partitions).max(1) * partitions, ..self }
    }

    /// Returns the bytes of all messages.
    pub(super) fn bytes(self) -> u64 {
        self.messages * self.message_bytes as u64
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::{Case, Contender, Load};

    #[test]
    fn names_in_results_are_those_of_the_command_line() {
        for case in Case::value_variants() {
            assert_eq!(case.to_possible_value().unwrap().get_name(), case.name());
        }
        for contender in Contender::ALL {
            assert_eq!(contender.to_possible_value().unwrap().get_name(), contender.name());
        }
    }

    #[test]
    fn a_part_of_a_load_has_whole_rounds_of_partitions() {
        let load = Load { messages: 3_000, message_bytes: 10 };
        assert_eq!(load.part(4), Load { messages: 744, message_bytes: 10 });
        assert_eq!(load.part(1_000_000).messages, 8);
        assert_eq!(load.part(4).bytes(), 7_440);
    }
}
