//! IO: Kubernetes. Reads the values that a resource refers to: tokens, passwords, certificates.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kafkasink_crds::resource::{
    CaSource, ClientCertificateSpec, KafkaSpec, KeyRef, ReductStoreSpec, SecretSource,
};
use kube::{Api, Client};

use crate::kubernetes::{KubernetesError, call};
use crate::model::{Fetched, KafkaValues, KeySource, SecretValue, Token};

/// The Secrets and `ConfigMap`s of one namespace.
pub(super) struct Values {
    secrets: Api<Secret>,
    config_maps: Api<ConfigMap>,
}

impl Values {
    pub(super) fn new(client: &Client, namespace: &str) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            config_maps: Api::namespaced(client.clone(), namespace),
        }
    }

    /// Reads what the store's part of a resource refers to.
    pub(super) async fn of_store(&self, spec: &ReductStoreSpec) -> Result<Fetched, KubernetesError> {
        let tls = spec.tls.as_ref();
        Ok(Fetched {
            token: self.secret(spec.token_from.as_ref()).await?,
            admin_token: self.secret(spec.admin_token_from.as_ref()).await?,
            store_ca: self.authorities(tls.and_then(|tls| tls.ca_from.as_ref())).await?,
            ..Fetched::default()
        })
    }

    /// Reads what Kafka's part of a resource refers to.
    pub(super) async fn of_kafka(&self, spec: &KafkaSpec) -> Result<KafkaValues, KubernetesError> {
        let tls = spec.tls.as_ref();
        let keys = tls.and_then(|tls| tls.client_certificate.as_ref()).map(ClientCertificateSpec::keys);
        let (certificate, private_key) = keys.unzip();
        let sasl = spec.authentication.as_ref();
        Ok(KafkaValues {
            ca: self.authorities(tls.and_then(|tls| tls.ca_from.as_ref())).await?,
            certificate: self.secret_key(certificate.as_ref()).await?,
            private_key: self.secret_key(private_key.as_ref()).await?,
            username: self.secret(sasl.and_then(|sasl| sasl.username_from.as_ref())).await?,
            password: self.secret(sasl.map(|sasl| &sasl.password_from)).await?,
        })
    }

    async fn secret(&self, source: Option<&SecretSource>) -> Result<SecretValue, KubernetesError> {
        self.secret_key(source.map(|source| &source.secret_key_ref)).await
    }

    async fn authorities(&self, source: Option<&CaSource>) -> Result<SecretValue, KubernetesError> {
        match source.and_then(KeySource::of) {
            Some(KeySource::Secret(key)) => self.secret_key(Some(&key)).await,
            Some(KeySource::ConfigMap(key)) => self.config_map_key(&key).await,
            None => Ok(SecretValue::NotReferenced),
        }
    }

    async fn secret_key(&self, key: Option<&KeyRef>) -> Result<SecretValue, KubernetesError> {
        let Some(KeyRef { name, key }) = key else {
            return Ok(SecretValue::NotReferenced);
        };
        let object = format!("Secret {name}");
        let Some(secret) = call(format!("read {object}"), self.secrets.get_opt(name)).await? else {
            return Ok(SecretValue::NoObject(object));
        };
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        Ok(found(value.and_then(|ByteString(bytes)| std::str::from_utf8(bytes).ok()), object, key))
    }

    async fn config_map_key(&self, KeyRef { name, key }: &KeyRef) -> Result<SecretValue, KubernetesError> {
        let object = format!("ConfigMap {name}");
        let Some(map) = call(format!("read {object}"), self.config_maps.get_opt(name)).await? else {
            return Ok(SecretValue::NoObject(object));
        };
        let none = BTreeMap::new();
        Ok(found(map.data.as_ref().unwrap_or(&none).get(key).map(String::as_str), object, key))
    }
}

fn found(text: Option<&str>, object: String, key: &str) -> SecretValue {
    match text {
        Some(text) if !text.trim().is_empty() => SecretValue::Found(Token::new(text)),
        Some(_) | None => SecretValue::NoKey { object, key: key.to_owned() },
    }
}
