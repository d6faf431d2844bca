//! What the cluster could leave on the machine, before and after. IO: /proc, /sys, `iptables-save`, `ip`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::cgroups;
use crate::lab::{Paths, Run};

/// Kernel settings that Kubernetes is known to change.
const SETTINGS: [&str; 8] = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "vm/overcommit_memory",
];
/// Folders that Kubernetes and containerd are known to create or fill.
const FOLDERS: [&str; 9] = [
    "/etc/cni",
    "/etc/kubernetes",
    "/opt/cni",
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/pods",
];

/// What only a cluster of the lab leaves; everything else may have been changed by others meanwhile.
const MARKS: [&str; 5] = ["CNI-", "KUBE-", "cni0", "kafkasink-lab", "ksink-"];

/// Mounts, interfaces, routes, firewall rules, cgroups, kernel settings and folders, one line each.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Footprint {
    lines: BTreeSet<String>,
}

impl Footprint {
    /// Looks at the machine.
    ///
    /// # Errors
    /// The mount table or the cgroups cannot be read.
    pub async fn capture() -> anyhow::Result<Self> {
        let mut lines = BTreeSet::new();
        lines.extend(mounts()?);
        lines.extend(cgroups()?);
        lines.extend(SETTINGS.iter().filter_map(|name| setting(name)));
        let exists = FOLDERS.iter().filter(|folder| Path::new(folder).exists());
        lines.extend(exists.map(|folder| format!("folder {folder}")));
        lines.extend(output("interface", "ip", &["-brief", "link"]).await);
        lines.extend(output("address", "ip", &["-brief", "address"]).await);
        lines.extend(output("route", "ip", &["route"]).await);
        lines.extend(output("iptables", "iptables-save", &[]).await);
        lines.extend(output("ip6tables", "ip6tables-save", &[]).await);
        Ok(Self { lines })
    }

    /// Returns what differs, `+` for what came and `-` for what went.
    #[must_use]
    pub fn changes_until(&self, after: &Self) -> Vec<String> {
        let came = after.lines.difference(&self.lines).map(|line| format!("+ {line}"));
        let went = self.lines.difference(&after.lines).map(|line| format!("- {line}"));
        came.chain(went).collect()
    }

    /// Returns what of these changes a cluster of the lab has left.
    pub(super) fn left_until(&self, after: &Self, paths: &Paths) -> Vec<String> {
        let run = paths.run.display().to_string();
        let is_left = |line: &String| {
            line.starts_with('+')
                && MARKS.iter().copied().chain([run.as_str()]).any(|mark| line.contains(mark))
        };
        self.changes_until(after).into_iter().filter(is_left).collect()
    }

    /// Keeps the machine's footprint in the run folder; one that a killed run has kept is the true one.
    pub(super) async fn keep(paths: &Paths) -> anyhow::Result<()> {
        let path = file(paths);
        if path.exists() {
            return Ok(());
        }
        let bytes = serde_json::to_vec_pretty(&Self::capture().await?)?;
        std::fs::create_dir_all(&paths.run).with_context(|| format!("create {}", paths.run.display()))?;
        std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
    }

    /// Returns the one kept: empty if it is torn, none if no cluster was begun.
    pub(super) fn kept(paths: &Paths) -> Option<Self> {
        let bytes = std::fs::read(file(paths)).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Removes the one kept.
    pub(super) fn forget(paths: &Paths) -> anyhow::Result<()> {
        std::fs::remove_file(file(paths)).context("forget what the machine was like before")
    }
}

fn file(paths: &Paths) -> PathBuf {
    paths.run.join("footprint.json")
}

/// Mount points with their propagation: whether a mount is shared is the machine's business too.
fn mounts() -> anyhow::Result<Vec<String>> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").context("read the mount table")?;
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let shared = fields.iter().any(|field| field.starts_with("shared:"));
        Some(format!("mount {}{}", fields.get(4)?, if shared { " shared" } else { "" }))
    };
    Ok(table.lines().filter_map(line).collect())
}

fn cgroups() -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for hierarchy in cgroups::hierarchies()? {
        let entries = std::fs::read_dir(&hierarchy.mount_point)?.flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        lines.extend(folders.map(|folder| format!("cgroup {}", folder.path().display())));
        let controllers = std::fs::read_to_string(hierarchy.mount_point.join("cgroup.subtree_control"));
        lines.extend(controllers.map(|names| format!("cgroup controllers {}", names.trim())));
    }
    Ok(lines)
}

fn setting(name: &str) -> Option<String> {
    let value = std::fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
    Some(format!("setting {name} = {}", value.trim()))
}

/// Returns a line per line of output, without counters and comments; none where the program is absent.
async fn output(label: &str, program: &str, args: &[&str]) -> Vec<String> {
    let Ok(output) = Run::new(program).args(args).run().await else { return Vec::new() };
    let lines = output.stdout.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{label} {}", line.split(" [").next().unwrap_or(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::Footprint;
    use crate::lab::Paths;

    fn of(lines: &[&str]) -> Footprint {
        Footprint { lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    #[test]
    fn what_came_and_what_went_is_told() {
        let changes = of(&["mount /", "mount /old"]).changes_until(&of(&["mount /", "interface cni0"]));
        assert_eq!(changes, ["+ interface cni0", "- mount /old"]);
        assert!(of(&["mount /"]).changes_until(&of(&["mount /"])).is_empty());
    }

    #[test]
    fn what_others_changed_is_not_left_by_the_lab() {
        let paths = Paths { cache: "/cache".into(), run: "/cache/run".into() };
        let after =
            of(&["mount /usb", "interface docker0", "iptables -N KUBE-SERVICES", "mount /cache/run/node/x"]);
        let left = of(&["mount /"]).left_until(&after, &paths);
        assert_eq!(left, ["+ iptables -N KUBE-SERVICES", "+ mount /cache/run/node/x"]);
    }
}
