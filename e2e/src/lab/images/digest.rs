//! Names of content: `sha256:<hex>`. Pure.

use std::fmt;
use std::io::Write;

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The digest of some bytes, as registries write it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Digest(String);

impl Digest {
    /// Returns the digest of these bytes.
    #[must_use]
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::from_hash(Sha256::new_with_prefix(bytes))
    }

    /// Returns the bare hexadecimal part.
    #[must_use]
    pub(super) fn hex(&self) -> &str {
        self.0.trim_start_matches("sha256:")
    }

    fn from_hash(hash: Sha256) -> Self {
        Self(format!("sha256:{:x}", Bytes::copy_from_slice(&hash.finalize())))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A writer that passes bytes on and digests them on the way.
pub(super) struct Digesting<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Digesting<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// Returns the writer below and the digest of what went to it.
    pub(super) fn finish(self) -> (W, Digest) {
        (self.inner, Digest::from_hash(self.hash))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Digest, Digesting};

    #[test]
    fn digest_is_that_of_sha256sum() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").hex(), expected);
        let mut writer = Digesting::new(Vec::new());
        writer.write_all(b"abc").unwrap();
        let (bytes, digest) = writer.finish();
        assert_eq!((bytes.as_slice(), digest.to_string()), (b"abc".as_slice(), format!("sha256:{expected}")));
    }
}
