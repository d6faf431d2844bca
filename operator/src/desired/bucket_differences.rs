//! Pure. In what a bucket differs from what is declared of it; what is not declared does not differ.

use kafkasink_crds::duration_text::RetentionTime;

use crate::model::{BucketView, QuotaKind, StoreView, ValidatedBucket};

/// Returns every difference, like `maxBlockRecords 256 instead of 512`; `None` without any.
pub(super) fn differences(bucket: &ValidatedBucket, view: &BucketView, store: &StoreView) -> Option<String> {
    let all: Vec<_> = settings(&bucket.settings, view).chain(retention(bucket, store)).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Tells whether declared settings differ from those of the bucket.
pub(super) fn differ(declared: &BucketView, view: &BucketView) -> bool {
    settings(declared, view).next().is_some()
}

fn settings(declared: &BucketView, view: &BucketView) -> impl Iterator<Item = String> {
    let kind = |quota: QuotaKind| match quota {
        QuotaKind::None => "none",
        QuotaKind::Fifo => "FIFO",
        QuotaKind::Hard => "HARD",
    };
    let kind = declared
        .quota
        .filter(|_| declared.quota != view.quota)
        .map(|wanted| format!("quota.type {} instead of {}", view.quota.map_or("none", kind), kind(wanted)));
    let numbers = [
        ("quota.size", declared.quota_bytes, view.quota_bytes),
        ("maxBlockSize", declared.max_block_bytes, view.max_block_bytes),
        ("maxBlockRecords", declared.max_block_records, view.max_block_records),
    ];
    let numbers = numbers.into_iter().filter(|(_, wanted, now)| wanted.is_some() && wanted != now);
    let told = |(field, wanted, now): (&str, Option<u64>, Option<u64>)| {
        let number =
            |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
        format!("{field} {} instead of {}", number(now), number(wanted))
    };
    kind.into_iter().chain(numbers.map(told))
}

/// Only who may manage the store sees its lifecycle policies.
fn retention(bucket: &ValidatedBucket, store: &StoreView) -> Option<String> {
    let seconds = |seconds: u64| format!("{seconds}s");
    let wanted = match bucket.retention? {
        RetentionTime::Unlimited => None,
        RetentionTime::For(time) => Some(time.as_secs()),
    };
    let told = |seconds_kept: Option<u64>| seconds_kept.map_or_else(|| "Unlimited".to_owned(), seconds);
    let now = if store.managed { told(store.retention_seconds) } else { "unknown".to_owned() };
    let is_same = store.managed && store.retention_seconds == wanted;
    (!is_same).then(|| format!("retention.time {now} instead of {}", told(wanted)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafkasink_crds::bucket_name::BucketName;
    use kafkasink_crds::resource::ManagementPolicy;

    use super::{BucketView, QuotaKind, RetentionTime, StoreView, ValidatedBucket, differences};

    #[test]
    fn names_every_field_that_differs() {
        let settings = BucketView {
            quota: Some(QuotaKind::Fifo),
            quota_bytes: Some(10),
            max_block_bytes: None,
            max_block_records: Some(256),
            held_bytes: None,
        };
        let bucket = ValidatedBucket {
            name: BucketName::parse("plant").unwrap(),
            management: ManagementPolicy::Observe,
            settings,
            retention: Some(RetentionTime::For(Duration::from_hours(1))),
        };
        let check = |view: BucketView, managed: bool, retention_seconds: Option<u64>, expected: &str| {
            let store = StoreView { retention_seconds, managed, ..StoreView::default() };
            assert_eq!(differences(&bucket, &view, &store).unwrap_or_default(), expected);
        };
        check(bucket.settings.clone(), true, Some(3600), "");
        check(bucket.settings.clone(), false, None, "retention.time unknown instead of 3600s");
        let other =
            BucketView { quota: Some(QuotaKind::None), max_block_records: Some(1), ..BucketView::default() };
        let expected = "quota.type none instead of FIFO, quota.size none instead of 10, maxBlockRecords 1 instead of 256, \
                        retention.time Unlimited instead of 3600s";
        check(other, true, None, expected);
    }
}
