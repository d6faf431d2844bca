//! The resources and what becomes of each. Pure.

use serde_json::{Value, json};

use crate::operator::sandbox::Sandbox;

/// How many resources there are.
const RESOURCES: usize = 20;

/// What the resources go through, all of them at each step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Create,
    Edit,
    Delete,
}

impl Phase {
    pub(super) const ALL: [Self; 3] = [Self::Create, Self::Edit, Self::Delete];

    /// Its place among all.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Create => 0,
            Self::Edit => 1,
            Self::Delete => 2,
        }
    }
}

/// What a resource stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Its topic stays, as usual.
    Plain,
    /// Its topic goes with it.
    Own,
    /// Its topic would go with it, but was there before.
    Foreign,
    /// Its topic would go with it, but holds a message that is not stored.
    Unread,
    /// It has a second topic, for dead letters.
    Letters,
}

pub(super) fn all() -> impl Iterator<Item = usize> {
    0..RESOURCES
}

pub(super) fn kind(index: usize) -> Kind {
    match index % 5 {
        0 => Kind::Plain,
        1 => Kind::Own,
        2 => Kind::Foreign,
        3 => Kind::Unread,
        _ => Kind::Letters,
    }
}

pub(super) fn name(index: usize) -> String {
    format!("stormy{index}")
}

pub(super) fn topic(sandbox: &Sandbox, index: usize) -> String {
    sandbox.unique(&name(index))
}

fn letters(sandbox: &Sandbox, index: usize) -> String {
    sandbox.unique(&format!("letters{index}"))
}

/// Three of four are deleted; of each kind one is left.
pub(super) fn is_deleted(index: usize) -> bool {
    index % 4 != 3
}

/// The topics of a resource that must be there in the end.
pub(super) fn topics_left(sandbox: &Sandbox, index: usize) -> Vec<String> {
    match kind(index) {
        Kind::Own if is_deleted(index) => Vec::new(),
        Kind::Letters => vec![topic(sandbox, index), letters(sandbox, index)],
        Kind::Plain | Kind::Own | Kind::Foreign | Kind::Unread => vec![topic(sandbox, index)],
    }
}

/// What makes the resource's spec another one than usual; each kind is edited in its own way.
pub(super) fn spec(sandbox: &Sandbox, phase: Phase, index: usize) -> Value {
    let (topic, is_edited) = (topic(sandbox, index), phase == Phase::Edit);
    let by_edit = |before: Value, after: Value| if is_edited { after } else { before };
    match kind(index) {
        Kind::Plain => {
            let (partitions, time) = (by_edit(2.into(), 4.into()), by_edit("2h".into(), "5h".into()));
            json!({ "topics": [{ "name": topic, "partitions": partitions, "retention": { "time": time } }] })
        }
        Kind::Own => json!({
            "topics": [{ "name": topic, "partitions": 2, "deletionPolicy": "Delete" }],
            "replicas": by_edit(2.into(), 1.into()),
        }),
        Kind::Foreign => json!({
            "topics": [{ "name": topic, "deletionPolicy": "Delete", "retention": { "time": by_edit("3h".into(), "4h".into()) } }],
            "replicas": 1,
        }),
        Kind::Unread => json!({
            "topics": [{ "name": topic, "partitions": 2, "deletionPolicy": "Delete" }],
            "delivery": { "batch": { "maxRecords": by_edit(9.into(), 8.into()) } },
        }),
        Kind::Letters => json!({
            "topics": [{ "name": topic, "partitions": 2 }],
            "delivery": {
                "deadLetter": { "topic": letters(sandbox, index), "retention": { "time": by_edit("336h".into(), "168h".into()) } },
                "commit": { "delay": by_edit("2s".into(), "3s".into()) },
            },
        }),
    }
}
