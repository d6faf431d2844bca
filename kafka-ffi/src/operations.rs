//! Pure. What brokers let a client do to a topic, as they say themselves (KIP-430).

use rdkafka_sys as sys;
use sys::rd_kafka_AclOperation_t as Native;

use super::memory::array;

/// What can be done to a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Consume its messages.
    Read,
    /// Produce messages.
    Write,
    /// Create it.
    Create,
    /// Delete it.
    Delete,
    /// Add partitions.
    Alter,
    /// See that it exists.
    Describe,
    /// See how it is configured.
    DescribeConfigs,
    /// Configure it.
    AlterConfigs,
}

/// The numbers of the protocol; brokers may know more of them than the library.
const KNOWN: [(Native, Operation); 8] = [
    (Native::RD_KAFKA_ACL_OPERATION_READ, Operation::Read),
    (Native::RD_KAFKA_ACL_OPERATION_WRITE, Operation::Write),
    (Native::RD_KAFKA_ACL_OPERATION_CREATE, Operation::Create),
    (Native::RD_KAFKA_ACL_OPERATION_DELETE, Operation::Delete),
    (Native::RD_KAFKA_ACL_OPERATION_ALTER, Operation::Alter),
    (Native::RD_KAFKA_ACL_OPERATION_DESCRIBE, Operation::Describe),
    (Native::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS, Operation::DescribeConfigs),
    (Native::RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS, Operation::AlterConfigs),
];

/// Returns the operations that are known here. They are read as the numbers that they are: one that the library's
/// enumeration does not have would be no value of it.
///
/// # Safety
/// As that of [`array`].
pub(super) unsafe fn operations(first: *const Native, count: usize) -> Vec<Operation> {
    // SAFETY: by the contract above; the enumeration is represented by this number.
    let numbers = unsafe { array(first.cast::<u32>().cast_mut(), count) };
    let known = |number: &u32| KNOWN.iter().find(|(native, _)| *native as u32 == *number);
    numbers.iter().filter_map(known).map(|(_, operation)| *operation).collect()
}

#[cfg(test)]
mod tests {
    use super::{Native, Operation, operations};

    #[test]
    fn reads_what_is_known_and_passes_over_the_rest() {
        let numbers = [3_u32, 8, 99, 11];
        // SAFETY: as many numbers as are told, and they live until the end.
        let read = unsafe { operations(numbers.as_ptr().cast::<Native>(), numbers.len()) };
        assert_eq!(read, [Operation::Read, Operation::Describe, Operation::AlterConfigs]);
        // SAFETY: null stands for no array.
        assert_eq!(unsafe { operations(std::ptr::null(), 0) }, []);
    }
}
