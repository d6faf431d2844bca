//! Pure. Tells whether a text is whole PEM of the expected kind, before it is handed on: a file may just be written.

/// What a text should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// One or more certificates.
    Certificates,
    /// One private key that is not encrypted.
    PrivateKey,
}

/// Checks a text.
///
/// # Errors
/// What is wrong with it, as a sentence that goes on after its name.
pub fn check(text: &str, content: Content) -> Result<(), &'static str> {
    let (begins, ends) = (count(text, "-----BEGIN "), count(text, "-----END "));
    if begins == 0 {
        return Err("holds no PEM");
    }
    if begins != ends || !text.trim_end().ends_with("-----") {
        return Err("is cut off");
    }
    let (label, absent) = match content {
        Content::Certificates => ("CERTIFICATE-----", "holds no certificate"),
        Content::PrivateKey => ("PRIVATE KEY-----", "holds no private key"),
    };
    if !text.lines().any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(label)) {
        return Err(absent);
    }
    let is_encrypted =
        text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
    if is_encrypted { Err("is encrypted, which only works without a passphrase") } else { Ok(()) }
}

fn count(text: &str, mark: &str) -> usize {
    text.lines().filter(|line| line.starts_with(mark)).count()
}

#[cfg(test)]
mod tests {
    use super::{Content, check};

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----";

    #[test]
    fn takes_chains_and_keys_with_comments_around_them() {
        let chain = format!("subject: a\n{CERTIFICATE}\n{CERTIFICATE}\n");
        assert_eq!(check(&chain, Content::Certificates), Ok(()));
        assert_eq!(check(KEY, Content::PrivateKey), Ok(()));
    }

    #[test]
    fn refuses_what_is_half_written_or_of_another_kind() {
        let refused =
            |text: &str, content, expected| assert_eq!(check(text, content), Err(expected), "{text}");
        refused("", Content::Certificates, "holds no PEM");
        refused(&CERTIFICATE[..40], Content::Certificates, "is cut off");
        refused(&CERTIFICATE[..CERTIFICATE.len() - 4], Content::Certificates, "is cut off");
        refused(KEY, Content::Certificates, "holds no certificate");
        refused(CERTIFICATE, Content::PrivateKey, "holds no private key");
        let encrypted = KEY.replace("EC PRIVATE", "ENCRYPTED PRIVATE");
        refused(&encrypted, Content::PrivateKey, "is encrypted, which only works without a passphrase");
    }
}
