//! Pure. What is to be done to the bucket: created, settings that differ, retention as the store's lifecycle policy.

use kafkasink_crds::duration_text::RetentionTime;
use kafkasink_crds::resource::{BucketSpec, ManagementPolicy, Reason};

use super::bucket_differences::{differ, differences};
use crate::model::{
    BucketAction, BucketPlan, BucketView, Owners, Problem, StoreView, ValidatedBucket, ValidatedSink,
};

/// A HARD quota is used up where it leaves less than a batch; a small one, where it leaves less than one of so many parts.
const QUOTA_PARTS: u64 = 100;

/// So many times as much must be left before a bucket that was full is not: one at the limit would turn with every look.
const FULL_NO_MORE: u64 = 3;

/// Returns the name of the lifecycle policy that keeps a bucket's retention.
pub(crate) fn lifecycle_policy(bucket: &ValidatedBucket) -> String {
    format!("kafkasink-{}", bucket.name)
}

/// Returns what is to be done to the sink's bucket, of which it was said before whether it is full.
pub(super) fn plan(sink: &ValidatedSink, store: &StoreView, owners: &Owners, was_full: bool) -> BucketPlan {
    let bucket = &sink.bucket;
    let is_enforced = bucket.management == ManagementPolicy::Enforce;
    let (actions, problem) = match (&store.bucket, &owners.bucket) {
        (None, _) => creation(bucket, store),
        (Some(view), None) if is_enforced => {
            (changes(bucket, view, store), unmanageable(bucket, view, store))
        }
        (Some(view), Some(owner)) if is_enforced => (Vec::new(), conflict(bucket, view, store, owner)),
        (Some(_), None | Some(_)) => (Vec::new(), None),
    };
    let drift = store.bucket.as_ref().and_then(|view| drift(bucket, view, store));
    let is_altered = actions.iter().any(|action| matches!(action, BucketAction::Set(_)));
    let view = store.bucket.as_ref().filter(|_| !is_altered);
    let problem = problem.or_else(|| full(sink, view?, was_full));
    let unusable = missing_permission(sink, store).or_else(|| entry_conflict(sink, owners));
    let there = store.bucket.is_some() || !actions.is_empty();
    let usable = there && unusable.is_none();
    BucketPlan { name: bucket.name.clone(), actions, problem: unusable.or(problem), drift, usable }
}

fn creation(bucket: &ValidatedBucket, store: &StoreView) -> (Vec<BucketAction>, Option<Problem>) {
    if bucket.management == ManagementPolicy::Observe {
        return (
            Vec::new(),
            Some(not_found(bucket, "managementPolicy is Observe; create it or set Enforce")),
        );
    }
    if !store.managed {
        let remedy = format!("{}; create it, or set adminTokenFrom to a full-access token", powerless(store));
        return (Vec::new(), Some(not_found(bucket, &remedy)));
    }
    let block_records = u64::from(BucketSpec::MAX_BLOCK_RECORDS_DEFAULT);
    let settings = BucketView {
        max_block_records: bucket.settings.max_block_records.or(Some(block_records)),
        ..bucket.settings.clone()
    };
    let retention = retention(bucket, store.retention_seconds);
    (std::iter::once(BucketAction::Create(settings)).chain(retention).collect(), None)
}

fn changes(bucket: &ValidatedBucket, view: &BucketView, store: &StoreView) -> Vec<BucketAction> {
    if !store.managed {
        return Vec::new();
    }
    let set = differ(&bucket.settings, view).then(|| BucketAction::Set(bucket.settings.clone()));
    set.into_iter().chain(retention(bucket, store.retention_seconds)).collect()
}

fn retention(bucket: &ValidatedBucket, now: Option<u64>) -> Option<BucketAction> {
    match (bucket.retention, now) {
        (Some(RetentionTime::For(time)), now) if now != Some(time.as_secs()) => {
            Some(BucketAction::SetRetention(time.as_secs()))
        }
        (Some(RetentionTime::Unlimited), Some(_)) => Some(BucketAction::DropRetention),
        (Some(RetentionTime::For(_) | RetentionTime::Unlimited) | None, _) => None,
    }
}

/// Settings that are declared, differ, and cannot be set for lack of a token.
fn unmanageable(bucket: &ValidatedBucket, view: &BucketView, store: &StoreView) -> Option<Problem> {
    if store.managed {
        return None;
    }
    let (name, differences) = (&bucket.name, differences(bucket, view, store)?);
    let message = format!(
        "bucket {name} has {differences}, and {}; set adminTokenFrom to a full-access token, or remove the settings from \
         reductStore.bucket",
        powerless(store)
    );
    Some(Problem::new(Reason::BucketDrifted, message))
}

/// Why the bucket cannot be created or altered.
fn powerless(store: &StoreView) -> &'static str {
    if store.is_admin_powerless {
        "the token of adminTokenFrom has no full access"
    } else {
        "adminTokenFrom is not set"
    }
}

/// A bucket that takes no further batch. How much it holds is not said, so that the text does not change with every look.
fn full(sink: &ValidatedSink, view: &BucketView, was_full: bool) -> Option<Problem> {
    let (quota, left) = view.quota_left()?;
    let needed = sink.delivery.batch_bytes_max.min(quota / QUOTA_PARTS).max(1);
    let needed = if was_full { needed.saturating_mul(FULL_NO_MORE) } else { needed };
    (left < needed).then(|| {
        let message = format!(
            "bucket {} has used up its HARD quota of {quota} bytes but for less than a batch and takes no more; raise \
             reductStore.bucket.quota.size, delete records, or let the quota be FIFO",
            sink.bucket.name
        );
        Problem::new(Reason::BucketFull, message)
    })
}

/// What differs from what is declared and is left alone on purpose.
fn drift(bucket: &ValidatedBucket, view: &BucketView, store: &StoreView) -> Option<Problem> {
    let policy = match bucket.management {
        ManagementPolicy::Enforce => return None,
        ManagementPolicy::CreateOnly => "CreateOnly",
        ManagementPolicy::Observe => "Observe",
    };
    // Nobody is told of what cannot be seen.
    let retention = bucket.retention.filter(|_| store.managed);
    let seen = ValidatedBucket { retention, ..bucket.clone() };
    let (name, differences) = (&bucket.name, differences(&seen, view, store)?);
    let message = format!(
        "bucket {name} has {differences}, and managementPolicy is {policy}; alter the bucket, or declare what it is"
    );
    Some(Problem::new(Reason::BucketDrifted, message))
}

/// What an older resource decides about and this one declares otherwise.
fn conflict(bucket: &ValidatedBucket, view: &BucketView, store: &StoreView, owner: &str) -> Option<Problem> {
    let (name, differences) = (&bucket.name, differences(bucket, view, store)?);
    let message = format!(
        "bucket {name} has {differences}, and KafkaSink {owner}, which is older, decides about it; declare the same \
         settings, or none, in reductStore.bucket"
    );
    Some(Problem::new(Reason::BucketConflict, message))
}

/// Two writers of one entry would lock the store up and could not tell their records apart.
fn entry_conflict(sink: &ValidatedSink, owners: &Owners) -> Option<Problem> {
    let (owner, entry, bucket) = (owners.entries.as_ref()?, &sink.mapping.entry, &sink.bucket.name);
    let message = format!(
        "entries {entry} of this sink could meet those of KafkaSink {owner}, which is older, in bucket {bucket}: no pod \
         starts; choose another bucket or another mapping.entry"
    );
    Some(Problem::new(Reason::EntryConflict, message))
}

fn not_found(bucket: &ValidatedBucket, remedy: &str) -> Problem {
    Problem::new(Reason::BucketNotFound, format!("bucket {} does not exist and {remedy}", bucket.name))
}

fn missing_permission(sink: &ValidatedSink, store: &StoreView) -> Option<Problem> {
    let bucket = &sink.bucket.name;
    let missing = store.permissions.as_ref()?.missing(bucket.as_str());
    (!missing.is_empty()).then(|| {
        let missing = missing.join(" and ");
        let message = format!(
            "the token of reductStore.tokenFrom has no {missing} permission on bucket {bucket}; give it read and write"
        );
        Problem::new(Reason::AuthorizationFailed, message)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafkasink_crds::bucket_name::BucketName;
    use kafkasink_crds::resource::KafkaSink;

    use super::{
        BucketView, ManagementPolicy, Owners, RetentionTime, StoreView, ValidatedBucket, ValidatedSink, plan,
    };
    use crate::model::{Fetched, QuotaKind};
    use crate::validate::validate;

    fn bucket(management: ManagementPolicy, retention: Option<RetentionTime>) -> ValidatedBucket {
        ValidatedBucket {
            name: BucketName::parse("plant").unwrap(),
            management,
            settings: BucketView { max_block_bytes: Some(1), ..BucketView::default() },
            retention,
        }
    }

    fn store(managed: bool, block_bytes: Option<u64>, retention_seconds: Option<u64>) -> StoreView {
        let view = |bytes| BucketView { max_block_bytes: Some(bytes), ..BucketView::default() };
        StoreView { bucket: block_bytes.map(view), retention_seconds, managed, ..StoreView::default() }
    }

    fn sink_into(bucket: &ValidatedBucket) -> ValidatedSink {
        let resource = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut resource: KafkaSink = serde_saphyr::from_str(resource).unwrap();
        resource.metadata.namespace = Some("plant".to_owned());
        resource.metadata.uid = Some("u".to_owned());
        let sink = validate(&resource, &Fetched::without_tokens(), "image").unwrap();
        ValidatedSink { bucket: bucket.clone(), ..sink }
    }

    /// The names of the steps, the reason of the problem, and what else is said.
    fn check_owned(bucket: &ValidatedBucket, store: &StoreView, owners: &Owners, expected: &str) {
        let plan = plan(&sink_into(bucket), store, owners, false);
        let steps: Vec<_> = plan.actions.iter().map(|action| format!("{action:?}")).collect();
        let names: Vec<_> = steps.iter().map(|step| step.split(' ').next().unwrap()).collect();
        let reason = plan.problem.map(|problem| problem.reason.as_str()).unwrap_or_default();
        let drift = if plan.drift.is_some() { " drift" } else { "" };
        let unusable = if plan.usable { "" } else { " unusable" };
        assert_eq!(format!("{} {reason}{drift}{unusable}", names.join("+")).trim(), expected);
    }

    fn check(bucket: &ValidatedBucket, store: &StoreView, expected: &str) {
        check_owned(bucket, store, &Owners::default(), expected);
    }

    #[test]
    fn creates_a_bucket_only_where_it_may() {
        let enforced = bucket(ManagementPolicy::Enforce, None);
        check(&enforced, &store(true, None, None), "Create(BucketView");
        check(&enforced, &store(false, None, None), "BucketNotFound unusable");
        check(&bucket(ManagementPolicy::Observe, None), &store(true, None, None), "BucketNotFound unusable");
    }

    #[test]
    fn changes_only_what_is_declared_and_differs() {
        let enforced = bucket(ManagementPolicy::Enforce, None);
        check(&enforced, &store(true, Some(1), None), "");
        check(&enforced, &store(true, Some(2), None), "Set(BucketView");
        check(&enforced, &store(false, Some(2), None), "BucketDrifted");
        check(&bucket(ManagementPolicy::CreateOnly, None), &store(true, Some(2), None), "drift");
    }

    #[test]
    fn keeps_retention_as_declared() {
        let kept = |time| bucket(ManagementPolicy::Enforce, Some(time));
        let hour = RetentionTime::For(Duration::from_hours(1));
        check(&kept(hour), &store(true, Some(1), Some(3600)), "");
        check(&kept(hour), &store(true, Some(1), None), "SetRetention(3600)");
        check(&kept(hour), &store(true, None, None), "Create(BucketView+SetRetention(3600)");
        check(&kept(RetentionTime::Unlimited), &store(true, Some(1), Some(3600)), "DropRetention");
        check(&kept(RetentionTime::Unlimited), &store(true, Some(1), None), "");
    }

    #[test]
    fn leaves_the_settings_to_an_older_resource() {
        let owners = Owners { bucket: Some("plant/a".to_owned()), ..Owners::default() };
        let enforced = bucket(ManagementPolicy::Enforce, None);
        check_owned(&enforced, &store(true, Some(1), None), &owners, "");
        check_owned(&enforced, &store(true, Some(2), None), &owners, "BucketConflict");
        check_owned(&enforced, &store(false, Some(2), None), &owners, "BucketConflict");
        check_owned(&bucket(ManagementPolicy::Observe, None), &store(true, Some(2), None), &owners, "drift");
        check_owned(&enforced, &store(true, None, None), &owners, "Create(BucketView");
    }

    #[test]
    fn does_not_write_where_an_older_resource_could() {
        let owners = Owners { entries: Some("plant/a".to_owned()), ..Owners::default() };
        let enforced = bucket(ManagementPolicy::Enforce, None);
        check_owned(&enforced, &store(true, Some(1), None), &owners, "EntryConflict unusable");
        check_owned(&enforced, &store(true, Some(2), None), &owners, "Set(BucketView EntryConflict unusable");
    }

    #[test]
    fn is_full_where_no_batch_fits_until_there_is_room_again() {
        let sink = sink_into(&bucket(ManagementPolicy::Observe, None));
        let said = |quota: u64, left: u64, was_full: bool| {
            let held_bytes = Some(quota - left);
            let view =
                BucketView { quota: Some(QuotaKind::Hard), quota_bytes: Some(quota), ..view(held_bytes) };
            let store = StoreView { bucket: Some(view), ..StoreView::default() };
            plan(&sink, &store, &Owners::default(), was_full).problem
        };
        let (large, batch) = (500 << 30, sink.delivery.batch_bytes_max);
        let check = |quota: u64, left: u64, was_full: bool, expected: bool| {
            assert_eq!(said(quota, left, was_full).is_some(), expected, "{left} of {quota}, {was_full}");
        };
        check(large, 5 << 30, false, false);
        check(large, batch, false, false);
        check(large, batch - 1, false, true);
        check(large, batch * 3 - 1, true, true);
        check(large, batch * 3, true, false);
        check(100_000, 1_000, false, false);
        check(100_000, 999, false, true);
        check(100_000, 3_000, true, false);
        assert_eq!(said(large, batch - 1, false), said(large, 0, true), "it changes while the bucket fills");
    }

    fn view(held_bytes: Option<u64>) -> BucketView {
        BucketView { held_bytes, ..BucketView::default() }
    }
}
