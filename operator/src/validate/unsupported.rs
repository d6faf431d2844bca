//! Pure. Fields that are accepted and do not work in this version: answered, never ignored.

use kafkasink_crds::resource::KafkaSinkSpec;
use kafkasink_crds::resource::NetworkPolicyMode;
use kafkasink_crds::resource::Reason;

use crate::model::Problem;

/// Refuses a resource that asks for what does not work yet.
///
/// # Errors
/// Names every such field.
pub(super) fn refuse(spec: &KafkaSinkSpec) -> Result<(), Problem> {
    let network_policy = spec.workload.as_ref().and_then(|workload| workload.network_policy);
    let asked = [
        ("packing", spec.packing.is_some()),
        ("workload.networkPolicy: Enabled", network_policy == Some(NetworkPolicyMode::Enabled)),
    ];
    let fields: Vec<_> = asked.into_iter().filter_map(|(field, set)| set.then_some(field)).collect();
    if fields.is_empty() {
        return Ok(());
    }
    let (verb, pronoun) = if fields.len() == 1 { ("does", "it") } else { ("do", "them") };
    let fields = fields.join(", ");
    Err(Problem::new(
        Reason::NotImplementedYet,
        format!("{fields} {verb} not work in this version; remove {pronoun} from the resource"),
    ))
}
