//! The state as variables of a shell. Pure.

use super::state::State;

/// Returns one `export NAME='value'` per address of what is up, each with its line end, to be read by `eval`.
#[must_use]
pub fn shell(state: &State) -> String {
    let kubernetes = state.cluster.as_ref().or(state.apiserver.as_ref());
    let variables = [
        ("KAFKA_BOOTSTRAP", state.kafka.as_ref().map(|kafka| kafka.bootstrap.clone())),
        ("REDUCT_URL", state.store.as_ref().map(|store| store.url.clone())),
        ("REDUCT_TOKEN", state.store.as_ref().map(|store| store.token.clone())),
        ("KUBECONFIG", kubernetes.map(|address| address.kubeconfig.display().to_string())),
    ];
    let set = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let lines: Vec<String> = set.map(|(name, value)| format!("export {name}={}\n", quoted(&value))).collect();
    lines.concat()
}

/// Leaves plain values as they are, so that they read well.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::shell;
    use crate::lab::state::{KafkaAddress, KubernetesAddress, State};

    #[test]
    fn only_what_is_up_is_exported() {
        assert_eq!(shell(&State::default()), "");
        let kafka = Some(KafkaAddress { bootstrap: "127.0.0.1:19092".to_owned() });
        let state = State { kafka, ..State::default() };
        assert_eq!(shell(&state), "export KAFKA_BOOTSTRAP=127.0.0.1:19092\n");
    }

    #[test]
    fn odd_paths_are_quoted_and_the_cluster_wins() {
        let address = |path: &str| Some(KubernetesAddress { kubeconfig: path.into(), url: None });
        let state = State { apiserver: address("/a"), cluster: address("/it's here"), ..State::default() };
        assert_eq!(shell(&state), "export KUBECONFIG='/it'\\''s here'\n");
    }
}
