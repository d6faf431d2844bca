//! IO: Kafka. Carries out the plan for one topic. A step that fails is a problem of this topic and of no other.

use std::sync::Arc;

use kafkasink_crds::resource::Reason;

use crate::kafka::{KafkaAdmin, KafkaError};
use crate::leadership::Term;
use crate::model::{KafkaView, Problem, TopicAction, TopicChange, TopicOutcome, TopicPlan};

/// Carries out the plan, as long as the term lasts.
pub(super) async fn apply(
    (admin, term): (&Arc<KafkaAdmin>, &Term),
    seen: &KafkaView,
    plan: TopicPlan,
) -> TopicOutcome {
    let mut outcome = TopicOutcome {
        view: seen.topics.get(&plan.name).cloned(),
        name: plan.name,
        owner: plan.owner,
        changes: Vec::new(),
        problem: plan.problem,
        drift: plan.drift,
    };
    for action in plan.actions {
        if let Some(over) = term.over() {
            outcome.problem.get_or_insert(over);
            break;
        }
        match step(admin, &outcome, action).await {
            Ok(change) => outcome.changes.extend(change),
            Err(error) => {
                outcome.problem.get_or_insert(refused(&error));
            }
        }
    }
    outcome
}

/// Leaves the topic alone for the reason given, unless it has a problem of its own.
pub(super) fn skip(seen: &KafkaView, plan: TopicPlan, problem: &Problem) -> TopicOutcome {
    let pending = (!plan.actions.is_empty()).then(|| problem.clone());
    TopicOutcome {
        view: seen.topics.get(&plan.name).cloned(),
        name: plan.name,
        owner: plan.owner,
        changes: Vec::new(),
        problem: plan.problem.or(pending),
        drift: plan.drift,
    }
}

/// Takes over how the topic looks after the steps.
pub(super) fn look_again(outcome: &mut TopicOutcome, now: &KafkaView) {
    outcome.view = now.topics.get(&outcome.name).cloned();
    if outcome.view.is_none() && outcome.problem.is_none() {
        let message = format!(
            "the brokers do not show topic {} yet: it is being created, or one of that name is still being deleted; wait",
            outcome.name
        );
        outcome.problem = Some(Problem::new(Reason::Progressing, message));
    }
}

async fn step(
    admin: &Arc<KafkaAdmin>,
    outcome: &TopicOutcome,
    action: TopicAction,
) -> Result<Option<TopicChange>, KafkaError> {
    let name = &outcome.name;
    match action {
        TopicAction::Create(creation) => match admin.create_topic(name, creation).await {
            Ok(()) => Ok(Some(TopicChange::Created)),
            // Somebody was faster, or an earlier attempt of ours was: the next look shows whose birthmark it bears.
            Err(error) if error.is_topic_already_there() => Ok(None),
            Err(error) => Err(error),
        },
        TopicAction::RaisePartitions { from, to } => {
            admin.raise_partitions(name, to).await?;
            Ok(Some(TopicChange::PartitionsRaised { from, to }))
        }
        TopicAction::SetConfig(entries) => {
            let keys = entries.keys().cloned().collect();
            admin.set_config(name, entries).await?;
            Ok(Some(TopicChange::ConfigSet(keys)))
        }
        TopicAction::Unmark(key) => match admin.reset_config(name, key).await {
            // One that we may not take away stays: it means nothing to the brokers.
            Err(error) if error.is_authorization() => Ok(None),
            answer => answer.map(|()| None),
        },
    }
}

/// What the brokers refuse is about the topic; everything else about the cluster.
fn refused(error: &KafkaError) -> Problem {
    let problem = error.problem();
    if error.is_topic_going() {
        let message = format!("{}; wait until the brokers have deleted it", error.cause());
        return Problem::new(Reason::Progressing, message);
    }
    if problem.reason == Reason::KafkaRequestFailed {
        let message = format!("{}; correct the topic in the resource", error.cause());
        return Problem::new(Reason::TopicRefused, message);
    }
    problem
}
