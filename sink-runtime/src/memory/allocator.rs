//! How much memory is in use, as jemalloc counts it. IO: the allocator.
//!
//! `main` makes jemalloc the allocator of Rust; unprefixed, it is that of librdkafka and OpenSSL too. How it gives memory
//! back is set where it is built, in `.cargo/config.toml`.

use tikv_jemalloc_ctl::{epoch, stats};

/// Returns the bytes that are allocated now by Rust and C together; none where jemalloc does not count.
#[must_use]
pub fn allocated_bytes() -> Option<u64> {
    epoch::advance().ok()?;
    u64::try_from(stats::allocated::read().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::allocated_bytes;

    #[test]
    fn memory_that_is_taken_and_given_back_is_counted() {
        const BYTES: usize = 32 << 20;
        let before = allocated_bytes().unwrap();
        let taken = vec![1_u8; BYTES];
        let with = allocated_bytes().unwrap();
        drop(taken);
        let after = allocated_bytes().unwrap();
        let grown = with.saturating_sub(before);
        assert!(grown >= BYTES as u64 / 2, "{before} {with}");
        assert!(with.saturating_sub(after) >= BYTES as u64 / 2, "{with} {after}");
    }
}
