//! Pure. What the status says of topics: their ids, lives, and which of them this resource created.

use kafkasink_crds::resource::TopicStatus;

use crate::birthmark;
use crate::model::{AppliedExternals, TopicChange, TopicOutcome, TopicView, ValidatedSink};

/// Returns every topic of the resource with this uid; a topic that was not seen now is as it was before.
pub(super) fn topics(uid: &str, externals: &AppliedExternals, previous: &[TopicStatus]) -> Vec<TopicStatus> {
    if externals.topics.is_empty() {
        return previous.to_vec();
    }
    externals.topics.iter().map(|outcome| topic(uid, outcome, previous)).collect()
}

/// Returns `"2/3"`: how many consumed topics are as declared; `None` where they could not be seen.
pub(super) fn ready(sink: &ValidatedSink, externals: &AppliedExternals) -> Option<String> {
    let is_as_declared = |outcome: &&TopicOutcome| {
        outcome.problem.is_none() && outcome.drift.is_none() && outcome.is_compared()
    };
    let ready = consumed(sink, externals)?.filter(is_as_declared).count();
    Some(format!("{ready}/{}", sink.topics.len()))
}

/// Returns the number of partitions of all consumed topics; `None` where they could not be seen.
pub(super) fn partitions(sink: &ValidatedSink, externals: &AppliedExternals) -> Option<i32> {
    let views = consumed(sink, externals)?.filter_map(|outcome| outcome.view.as_ref());
    i32::try_from(views.map(|view| view.partitions).sum::<u32>()).ok()
}

fn consumed<'a>(
    sink: &'a ValidatedSink,
    externals: &'a AppliedExternals,
) -> Option<impl Iterator<Item = &'a TopicOutcome>> {
    let named = |outcome: &&TopicOutcome| sink.topics.iter().any(|topic| topic.name == outcome.name);
    externals.kafka.is_ok().then(|| externals.topics.iter().filter(named))
}

fn topic(uid: &str, outcome: &TopicOutcome, previous: &[TopicStatus]) -> TopicStatus {
    let name = outcome.name.as_str();
    let before = previous.iter().find(|topic| topic.name == name);
    let created_now = outcome.changes.contains(&TopicChange::Created);
    let Some(view) = &outcome.view else {
        return match before {
            Some(before) if !created_now => before.clone(),
            // The next look shows the id of a topic that was created now and could not be seen yet, and counts its life.
            Some(_) | None => TopicStatus {
                created: created_now.then_some(true),
                life: before.and_then(|before| before.life),
                ..TopicStatus::named(name)
            },
        };
    };
    let same = before.and_then(|topic| topic.id.as_ref()) == Some(&view.id);
    let life_before = before.and_then(|topic| topic.life).unwrap_or(0);
    // A configuration that is not told may hold our mark.
    let marked = view.config.as_ref().map(|config| birthmark::borne(uid, &outcome.name, config).is_some());
    let said_before = before.filter(|_| same).and_then(|topic| topic.created);
    let is_ours = created_now || is_still_ours(before, view);
    TopicStatus {
        name: name.to_owned(),
        id: Some(view.id.clone()),
        life: Some(if same { life_before } else { life_before + 1 }),
        partitions: i32::try_from(view.partitions).ok(),
        replication_factor: Some(i32::from(view.replication_factor)),
        created: if is_ours { Some(true) } else { marked.or(said_before) },
        configured_by: outcome.owner.clone(),
    }
}

/// A topic that somebody else created again under the name is not ours; one that we created and that could not be seen
/// then is ours when it is seen first.
fn is_still_ours(before: Option<&TopicStatus>, view: &TopicView) -> bool {
    before.is_some_and(|before| {
        before.created == Some(true) && before.id.as_ref().is_none_or(|id| *id == view.id)
    })
}
