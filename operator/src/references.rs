//! Pure. Which Secrets and `ConfigMap`s a resource refers to, so that their change is its own.

use kafkasink_crds::resource::{CaSource, KafkaSinkSpec, SecretSource};

/// Tells whether a resource refers to the Secret of this name.
pub(crate) fn names_secret(spec: &KafkaSinkSpec, name: &str) -> bool {
    let (kafka, store) = (&spec.kafka, &spec.reduct_store);
    let sasl = kafka.authentication.as_ref();
    let sources = [
        sasl.and_then(|sasl| sasl.username_from.as_ref()),
        sasl.map(|sasl| &sasl.password_from),
        store.token_from.as_ref(),
        store.admin_token_from.as_ref(),
    ];
    let tls = kafka.tls.as_ref();
    let certificate = tls.and_then(|tls| tls.client_certificate.as_ref());
    sources.into_iter().flatten().any(|SecretSource { secret_key_ref }| secret_key_ref.name == name)
        || certificate.is_some_and(|certificate| certificate.secret_name == name)
        || authorities(spec).any(|ca| ca.secret_key_ref.as_ref().is_some_and(|key| key.name == name))
}

/// Tells whether a resource refers to the `ConfigMap` of this name.
pub(crate) fn names_config_map(spec: &KafkaSinkSpec, name: &str) -> bool {
    authorities(spec).any(|ca| ca.config_map_key_ref.as_ref().is_some_and(|key| key.name == name))
}

fn authorities(spec: &KafkaSinkSpec) -> impl Iterator<Item = &CaSource> {
    let kafka = spec.kafka.tls.as_ref().and_then(|tls| tls.ca_from.as_ref());
    let store = spec.reduct_store.tls.as_ref().and_then(|tls| tls.ca_from.as_ref());
    kafka.into_iter().chain(store)
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::KafkaSink;

    use super::{names_config_map, names_secret};

    fn check(spec: &str, secrets: &[&str], config_maps: &[&str]) {
        let text = format!(
            "apiVersion: kafkasink.dev/v1alpha1\nkind: KafkaSink\nmetadata: {{name: a}}\nspec:\n{spec}\n  \
             topics: [{{name: a}}]\n  replicas: 1\n"
        );
        let sink: KafkaSink = serde_saphyr::from_str(&text).unwrap();
        for name in ["user", "certificate", "ca", "token", "admin", "other"] {
            assert_eq!(names_secret(&sink.spec, name), secrets.contains(&name), "Secret {name}");
            assert_eq!(names_config_map(&sink.spec, name), config_maps.contains(&name), "ConfigMap {name}");
        }
    }

    #[test]
    fn every_place_that_can_name_a_secret_is_looked_at() {
        check(
            "  kafka: {bootstrapServers: [\"k:1\"], tls: {caFrom: {secretKeyRef: {name: ca, key: a}}, \
             clientCertificate: {secretName: certificate}}, authentication: {mechanism: PLAIN, username: u, \
             passwordFrom: {secretKeyRef: {name: user, key: p}}}}\n  reductStore: {url: \"http://s\", \
             tokenFrom: {secretKeyRef: {name: token, key: t}}, adminTokenFrom: {secretKeyRef: {name: admin, key: t}}, \
             bucket: {name: b}}",
            &["user", "certificate", "ca", "token", "admin"],
            &[],
        );
    }

    #[test]
    fn authorities_may_stand_in_a_config_map() {
        check(
            "  kafka: {bootstrapServers: [\"k:1\"]}\n  reductStore: {url: \"https://s\", bucket: {name: b}, \
             tls: {caFrom: {configMapKeyRef: {name: ca, key: a}}}}",
            &[],
            &["ca"],
        );
    }
}
