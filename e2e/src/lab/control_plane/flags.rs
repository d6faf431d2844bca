//! The flags of kube-apiserver. Pure.

use std::path::{Path, PathBuf};

use super::audit;
use super::pki::FRONT_PROXY_CLIENT;
use super::plane::{ControlPlane, HOST_ADDRESS, Reach, SERVICE_CIDR};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Returns the command line of the API server, as kubeadm would write it.
pub(super) fn of(plane: &ControlPlane) -> Vec<String> {
    let pki = &plane.pki;
    let bind_address = match plane.reach {
        Reach::ThisMachine => "127.0.0.1",
        Reach::Pods => "0.0.0.0",
    };
    let mut flags = vec![
        flag("etcd-servers", &plane.etcd_url),
        flag("secure-port", plane.port),
        flag("bind-address", bind_address),
        flag("advertise-address", HOST_ADDRESS),
        flag("service-cluster-ip-range", SERVICE_CIDR),
        flag("authorization-mode", "Node,RBAC"),
        flag("enable-admission-plugins", "NodeRestriction"),
        flag("allow-privileged", true),
        file("client-ca-file", &pki.ca_certificate()),
        flag("service-account-issuer", ISSUER),
        file("service-account-key-file", &pki.service_account_public_key()),
        file("service-account-signing-key-file", &pki.service_account_key()),
        flag("kubelet-preferred-address-types", "InternalIP"),
        file("requestheader-client-ca-file", &pki.front_proxy_ca()),
        flag("requestheader-allowed-names", FRONT_PROXY_CLIENT),
        flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        flag("requestheader-group-headers", "X-Remote-Group"),
        flag("requestheader-username-headers", "X-Remote-User"),
        flag("profiling", false),
        file("audit-policy-file", &audit::policy_file(pki.folder())),
        file("audit-log-path", &audit::log_file(pki.folder())),
        flag("audit-log-maxsize", audit::LOG_MEBIBYTES_MAX),
        flag("audit-log-maxbackup", audit::OLD_LOGS_MAX),
    ];
    flags.extend(pair("tls-cert-file", "tls-private-key-file", &pki.apiserver()));
    flags.extend(pair("kubelet-client-certificate", "kubelet-client-key", &pki.kubelet_client()));
    flags.extend(pair("proxy-client-cert-file", "proxy-client-key-file", &pki.front_proxy_client()));
    flags
}

fn pair(certificate: &str, key: &str, files: &(PathBuf, PathBuf)) -> [String; 2] {
    [file(certificate, &files.0), file(key, &files.1)]
}

fn file(name: &str, path: &Path) -> String {
    flag(name, path.display())
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}
