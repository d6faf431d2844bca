//! The kubeconfig of a user. Pure.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use super::certificates::Certified;

/// The one cluster and context in it.
const NAME: &str = "kafkasink-lab";

/// Returns a kubeconfig that holds everything itself, so that it can be copied elsewhere.
pub(super) fn text(
    url: &str,
    ca_certificate: &str,
    user: &str,
    certified: &Certified,
) -> anyhow::Result<String> {
    let cluster = Cluster {
        server: Some(url.to_owned()),
        certificate_authority_data: Some(STANDARD.encode(ca_certificate)),
        ..Cluster::default()
    };
    let auth_info = AuthInfo {
        client_certificate_data: Some(STANDARD.encode(&certified.certificate)),
        client_key_data: Some(STANDARD.encode(&certified.key).into()),
        ..AuthInfo::default()
    };
    let context = Context { cluster: NAME.to_owned(), user: Some(user.to_owned()), ..Context::default() };
    let config = Kubeconfig {
        kind: Some("Config".to_owned()),
        api_version: Some("v1".to_owned()),
        current_context: Some(NAME.to_owned()),
        clusters: vec![NamedCluster {
            name: NAME.to_owned(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: user.to_owned(),
            auth_info: Some(auth_info),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: NAME.to_owned(),
            context: Some(context),
            ..NamedContext::default()
        }],
        ..Kubeconfig::default()
    };
    serde_saphyr::to_string(&config).with_context(|| format!("write the kubeconfig of {user}"))
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::text;
    use crate::lab::control_plane::certificates::{Authority, Purpose};

    #[test]
    fn kubeconfig_reads_back_with_its_certificate() {
        let authority = Authority::create("ca").unwrap();
        let user = authority.issue("ann", &Purpose::Client { organisation: Some("admins") }).unwrap();
        let text =
            text("https://127.0.0.1:1", &authority.certified().unwrap().certificate, "ann", &user).unwrap();
        let config = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(config.current_context.as_deref(), Some("kafkasink-lab"));
        assert_eq!(config.contexts[0].context.as_ref().unwrap().user.as_deref(), Some("ann"));
        assert!(config.auth_infos[0].auth_info.as_ref().unwrap().client_key_data.is_some());
    }
}
