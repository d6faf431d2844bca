//! Pure. The fingerprint of a mapping: two members with the same one make the same records of the same messages.

use std::fmt::Write;

use kafkasink_crds::runtime_config::MappingConfig;
use sha2::{Digest, Sha256};

/// Bytes of the digest that are kept: enough to tell mappings apart, few enough for every commit.
const BYTES_KEPT: usize = 8;

/// Returns the fingerprint, 16 hexadecimal digits.
///
/// # Panics
/// Never: a mapping always has a form in JSON.
#[must_use]
pub fn fingerprint(mapping: &MappingConfig) -> String {
    let text = serde_json::to_vec(mapping).expect("a mapping always has a form in JSON");
    let digest = Sha256::digest(&text);
    digest.iter().take(BYTES_KEPT).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::runtime_config::MappingConfig;

    use super::fingerprint;

    #[test]
    fn fingerprint_tells_mappings_apart_and_stays_the_same_over_versions() {
        let mapping = |entry: &str| -> MappingConfig {
            let text = format!(
                "{{entry: '{entry}', timestamp: {{from: Message}}, labels: {{headers: {{policy: All}}}}, contentType: {{default: a/b}}}}"
            );
            serde_saphyr::from_str(&text).unwrap()
        };
        let known = fingerprint(&mapping("{partition}"));
        assert_eq!(known, "22e1bed88d0efb24");
        assert_ne!(known, fingerprint(&mapping("x/{partition}")));
    }
}
