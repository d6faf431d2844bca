//! Pure. The content type of a record: from a header where that is one the store can hold, else the default.

use crate::record::Header;

/// Longest content type, in bytes.
const BYTES_MAX: usize = 255;

/// Tells whether the store gives the content type back as it is.
#[must_use]
pub fn is_legal_content_type(text: &str) -> bool {
    text.len() <= BYTES_MAX && super::percent::is_plain(text)
}

/// Returns the content type that the header names, if the store can hold it.
pub(super) fn content_type_of(header: &Header) -> Option<&str> {
    let text = std::str::from_utf8(header.value.as_deref()?).ok()?;
    is_legal_content_type(text).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::is_legal_content_type;

    #[test]
    fn takes_printable_ascii_only() {
        assert!(is_legal_content_type("text/plain; charset=utf-8"));
        assert!(!is_legal_content_type(""));
        assert!(!is_legal_content_type("text/plain, text/html"));
        assert!(!is_legal_content_type("text/plain; a=\"b\""));
        assert!(!is_legal_content_type("täxt"));
        assert!(!is_legal_content_type(&"a".repeat(256)));
    }
}
