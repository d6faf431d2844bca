//! Pure. Label values: bytes outside 0x20–0x7E, `%`, `,`, `"` and edge spaces percent-encoded, the rest as it is.
//!
//! Numbers stay numbers and text stays readable, while any bytes decode back to what they were.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

/// What is encoded besides bytes that are not ASCII.
const RESERVED: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b'"');

/// Returns the text that stands for the bytes in a label value.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let leading = bytes.iter().take_while(|byte| **byte == b' ').count();
    let (edge, rest) = bytes.split_at(leading);
    let trailing = rest.iter().rev().take_while(|byte| **byte == b' ').count();
    let (inner, end) = rest.split_at(rest.len() - trailing);
    let mut text = String::with_capacity(bytes.len());
    text.extend(edge.iter().map(|_| "%20"));
    text.extend(percent_encode(inner, RESERVED));
    text.extend(end.iter().map(|_| "%20"));
    text
}

/// Returns the bytes that a label value stands for.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    percent_decode(text.as_bytes()).collect()
}

/// Tells whether a text is a legal, non-empty label value as it is: printable ASCII without `,`, `"`, edge spaces.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text == text.trim_matches(' ')
        && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte) && byte != b',' && byte != b'"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{decode, encode, is_plain};

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(encode(bytes), expected);
        assert_eq!(decode(expected), bytes);
    }

    #[test]
    fn keeps_numbers_and_readable_text() {
        check(b"21.5", "21.5");
        check(b"text/plain; charset=utf-8", "text/plain; charset=utf-8");
        check(b"a=b c", "a=b c");
    }

    #[test]
    fn encodes_what_the_store_would_bend() {
        check(b" a b ", "%20a b%20");
        check(b"   ", "%20%20%20");
        check(b"1,2\"3%", "1%2C2%223%25");
        check("ü\t\0".as_bytes(), "%C3%BC%09%00");
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_legal_value_and_decode_back(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            let text = encode(&bytes);
            assert!(is_plain(&text), "{text:?}");
            assert_eq!(decode(&text), bytes);
        }
    }
}
