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

fn event(notice: Notice) -> Event {
    let end = notice.note.floor_char_boundary(NOTE_BYTES_MAX);
    let note = notice.note.get(..end).map(str::to_owned);
    Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason,
        note,
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}
