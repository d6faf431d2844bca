//! IO: Kubernetes. Publishes Events. One that is lost costs nothing but itself: it is logged and never tried again.

use kafkasink_crds::resource::KafkaSink;
use kube::runtime::events::{Event, EventType};
use kube::{Resource, ResourceExt};

use crate::context::Context;
use crate::events::Notice;
use crate::kubernetes::call;
use crate::telemetry::chain;

/// Longest note that the API takes, in bytes.
const NOTE_BYTES_MAX: usize = 1000;

/// Longest action that the API takes, in bytes.
const ACTION_BYTES_MAX: usize = 128;

/// Publishes the notices on the resource.
pub(crate) async fn publish(context: &Context, resource: &KafkaSink, notices: Vec<Notice>) {
    let reference = resource.object_ref(&());
    let (namespace, sink) = (resource.namespace().unwrap_or_default(), resource.name_any());
    for notice in notices {
        let (reason, note) = (&notice.reason, &notice.note);
        if notice.warning {
            tracing::warn!(namespace, sink, reason, "{note}");
        } else {
            tracing::info!(namespace, sink, reason, "{note}");
        }
        let event = event(notice);
        let request = context.recorder.publish(&event, &reference);
        if let Err(error) = call("publish an event", request).await {
            tracing::warn!(namespace, sink, reason = event.reason, error = chain(&error), "lost an event");
        }
    }
}

/// The recorder counts events of one reason and action together and keeps only the first one's note. So the action is
/// the note as far as it fits: only what says the same is counted together.
fn event(notice: Notice) -> Event {
    let cut = |bytes| notice.note.get(..notice.note.floor_char_boundary(bytes)).map(str::to_owned);
    let (note, action) = (cut(NOTE_BYTES_MAX), cut(ACTION_BYTES_MAX).unwrap_or_default());
    Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason,
        note,
        action,
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Notice, event};

    #[test]
    fn counts_only_events_together_that_say_the_same() {
        let action = |note: &str| event(Notice::normal("Scaled", note.to_owned())).action;
        assert_ne!(action("scaled from 0 to 2 pods"), action("scaled from 2 to 3 pods"));
        assert_eq!(action(&"ö".repeat(100)).len(), 128);
    }
}
