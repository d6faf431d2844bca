//! Pure. What the status says of topics: their ids, lives, and which of them this resource created.

use kafkasink_crds::resource::TopicStatus;

use crate::model::{AppliedExternals, TopicChange, TopicOutcome, ValidatedSink};

/// Returns every topic of the resource; a topic that was not seen now is as it was before.
pub(super) fn topics(externals: &AppliedExternals, previous: &[TopicStatus]) -> Vec<TopicStatus> {
    if externals.topics.is_empty() {
        return previous.to_vec();
    }
    externals.topics.iter().map(|outcome| topic(outcome, previous)).collect()
}

/// Returns `"2/3"`: how many consumed topics are as declared; `None` where they could not be seen.
pub(super) fn ready(sink: &ValidatedSink, externals: &AppliedExternals) -> Option<String> {
    let ready = consumed(sink, externals)?.filter(|outcome| outcome.problem.is_none()).count();
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

fn topic(outcome: &TopicOutcome, previous: &[TopicStatus]) -> TopicStatus {
    let name = outcome.name.as_str();
    let before = previous.iter().find(|topic| topic.name == name);
    let created_now = outcome.changes.contains(&TopicChange::Created);
    let Some(view) = &outcome.view else {
        return match before {
            Some(before) if !created_now => before.clone(),
            Some(_) | None => unseen(name, created_now),
        };
    };
    let id_before = before.and_then(|topic| topic.id.as_ref());
    let same = id_before == Some(&view.id);
    let life_before = before.and_then(|topic| topic.life).unwrap_or(0);
    // A topic that we created and that could not be seen then is ours when it is seen first.
    let created_before = before.and_then(|topic| topic.created) == Some(true);
    let still_ours = created_before && (same || id_before.is_none());
    TopicStatus {
        name: name.to_owned(),
        id: Some(view.id.clone()),
        life: Some(if same { life_before } else { life_before + 1 }),
        partitions: i32::try_from(view.partitions).ok(),
        replication_factor: Some(i32::from(view.replication_factor)),
        // A topic that somebody else created again under the name is not ours.
        created: Some(created_now || still_ours),
    }
}

fn unseen(name: &str, created: bool) -> TopicStatus {
    TopicStatus {
        name: name.to_owned(),
        id: None,
        life: None,
        partitions: None,
        replication_factor: None,
        created: created.then_some(true),
    }
}
