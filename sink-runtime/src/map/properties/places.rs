//! Pure. What holds for the places of any messages: a replay gives the same, and order in the topic is order in the store.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use proptest::sample::select;

use crate::map::advance;
use crate::record::{Offset, PlaceState, Resolution, SourceTime, TimestampUs};

/// Source times as partitions see them: in order, in bursts, late, very late, and anything at all.
fn any_times() -> impl Strategy<Value = Vec<i128>> {
    let step = prop_oneof![
        4 => Just(0_i128), 4 => 0..3_i128, 4 => 0..5_000_000_i128, 1 => -9_000_000..0_i128, 1 => -3_600_000_000..0_i128,
        1 => any::<i64>().prop_map(i128::from),
    ];
    (0..2_000_000_000_000_000_i128, vec(step, 1..60)).prop_map(|(start, steps)| {
        let mut time = start;
        steps
            .into_iter()
            .map(|by| {
                time += by;
                time
            })
            .collect()
    })
}

fn resolution() -> impl Strategy<Value = Resolution> {
    select([Resolution::Milliseconds, Resolution::Microseconds].as_slice())
}

/// Returns the place of each message, none where its time is too large, and the state after the last.
fn places(
    mut state: Option<PlaceState>,
    resolution: Resolution,
    times: &[i128],
    first: i64,
) -> (Vec<Option<u64>>, Option<PlaceState>) {
    let mut places = Vec::with_capacity(times.len());
    for (time, offset) in times.iter().zip(first..) {
        let whole = match resolution {
            Resolution::Milliseconds => time.div_euclid(1_000) * 1_000,
            Resolution::Microseconds => *time,
        };
        let given = advance(state, SourceTime { microseconds: whole, resolution }, Offset(offset));
        places.push(given.as_ref().ok().map(|(TimestampUs(place), _)| *place));
        state = given.ok().map(|(_, after)| after).or(state);
    }
    (places, state)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn replay_from_any_saved_state_gives_the_same_places(
        times in any_times(), resolution in resolution(), first in 0..5_000_i64, cut in any::<prop::sample::Index>(),
    ) {
        let (whole, end) = places(None, resolution, &times, first);
        let cut = cut.index(times.len());
        let (before, saved) = places(None, resolution, &times[..cut], first);
        let (after, end_again) = places(saved, resolution, &times[cut..], first + i64::try_from(cut).unwrap());
        assert_eq!([before, after].concat(), whole);
        assert_eq!(end_again, end);
    }

    #[test]
    fn places_of_messages_in_order_strictly_rise_and_are_never_before_their_time(
        mut times in any_times(), resolution in resolution(), first in 0..5_000_i64,
    ) {
        times.sort_unstable();
        let (places, _) = places(None, resolution, &times, first);
        let given: Vec<u64> = places.iter().flatten().copied().collect();
        assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
    }

    #[test]
    fn no_place_is_before_its_time_and_late_messages_stay_in_their_millisecond(
        times in any_times(), resolution in resolution(), first in 0..5_000_i64,
    ) {
        let mut state = None;
        for (time, offset) in times.iter().zip(first..) {
            let before: Option<PlaceState> = state;
            let (place, after) = places(before, resolution, &[*time], offset);
            let unit = if resolution == Resolution::Milliseconds { 1_000 } else { 1 };
            let source = time.div_euclid(unit).max(0) * unit;
            let Some(place) = place[0] else {
                assert!(source > i128::from(u64::MAX - 3_600_000_000));
                continue;
            };
            assert!(i128::from(place) >= source, "{place} for {source}");
            let is_late = before.is_some_and(|b| source < i128::from(b.last_source.0));
            if is_late {
                assert!(i128::from(place) < source + unit, "{place} for {source}");
                let is_very_late = before.is_some_and(|b| i128::from(b.last_source.0) - source > 10_000_000);
                assert_eq!(after != before, is_very_late, "only what is more than 10 s late moves the state");
            }
            state = after;
        }
    }
}
