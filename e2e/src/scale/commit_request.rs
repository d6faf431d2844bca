//! Pure. `OffsetCommit` of the Kafka protocol, version 2: what a consumer outside any session says. One connection can speak
//! for all groups by it; a client library would want a client for each.

use anyhow::{Context as _, bail, ensure};

const API_KEY: i16 = 8;
const VERSION: i16 = 2;
/// Who commits outside a session is of no generation.
const NO_GENERATION: i32 = -1;
/// As long as the broker keeps offsets anyway.
const RETENTION_DEFAULT: i64 = -1;

/// What a coordinator says while the topic of offsets is created or read.
const NOT_YET: [i16; 3] = [14, 15, 16];

/// Whether offsets were taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// They were.
    Taken,
    /// The coordinator is not up yet.
    NotYet,
}

/// Returns the request, with its length before it, that commits `offsets` of the partitions of a topic.
pub(super) fn encode(group: &str, topic: &str, offsets: &[(i32, i64)]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    body.extend(API_KEY.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    // Answers come in the order of the requests.
    body.extend(0_i32.to_be_bytes());
    put(&mut body, "scale")?;
    put(&mut body, group)?;
    body.extend(NO_GENERATION.to_be_bytes());
    put(&mut body, "")?;
    body.extend(RETENTION_DEFAULT.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    put(&mut body, topic)?;
    body.extend(i32::try_from(offsets.len())?.to_be_bytes());
    for (partition, offset) in offsets {
        body.extend(partition.to_be_bytes());
        body.extend(offset.to_be_bytes());
        // No metadata.
        body.extend((-1_i16).to_be_bytes());
    }
    let length = i32::try_from(body.len())?.to_be_bytes();
    Ok([&length[..], &body].concat())
}

/// Reads the answer, without the length before it.
pub(super) fn decode(answer: &[u8]) -> anyhow::Result<Answer> {
    let mut rest = answer;
    let _correlation = take::<4>(&mut rest)?;
    let mut codes = Vec::new();
    for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?))?;
        rest = rest.get(length..).context("the answer is cut off")?;
        for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
            let _partition = take::<4>(&mut rest)?;
            codes.push(i16::from_be_bytes(take(&mut rest)?));
        }
    }
    ensure!(!codes.is_empty(), "the answer names no partition");
    match codes.iter().find(|code| **code != 0) {
        None => Ok(Answer::Taken),
        Some(code) if NOT_YET.contains(code) => Ok(Answer::NotYet),
        Some(code) => bail!("the broker refuses offsets, error {code}"),
    }
}

fn put(body: &mut Vec<u8>, text: &str) -> anyhow::Result<()> {
    body.extend(i16::try_from(text.len())?.to_be_bytes());
    body.extend(text.as_bytes());
    Ok(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> anyhow::Result<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>().context("the answer is cut off")?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::{Answer, decode, encode};

    #[test]
    fn a_request_says_how_long_it_is() {
        let request = encode("g", "t", &[(0, 5), (1, 6)]).unwrap();
        let length = i32::from_be_bytes(*request.first_chunk().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), request.len() - 4);
        assert!(request.ends_with(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 255, 255]));
    }

    #[test]
    fn an_answer_is_as_bad_as_its_worst_partition() {
        let answer = |code: u8| {
            [&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0][..], &[code]]
                .concat()
        };
        assert_eq!(decode(&answer(0)).unwrap(), Answer::Taken);
        assert_eq!(decode(&answer(16)).unwrap(), Answer::NotYet);
        assert!(decode(&answer(22)).is_err());
        assert!(decode(&answer(0)[..9]).is_err());
    }
}
