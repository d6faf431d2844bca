//! What every image with a program needs besides it. IO: reads this machine's CA certificates.

use std::path::Path;

use anyhow::Context as _;

use super::tree::Tree;

/// The user that programs run as, of no rights.
pub(super) const USER: &str = "65532:65532";

const PASSWD: &str =
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
/// Where distributions keep the bundle of all CA certificates: Debian, Fedora, openSUSE.
const CA_BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Returns the files of an image without a program: users, name resolution, `/tmp`, CA certificates.
///
/// # Errors
/// This machine has no CA certificates.
pub(super) fn tree() -> anyhow::Result<Tree> {
    let mut tree = Tree::default();
    tree.text("/etc/passwd", PASSWD);
    tree.text("/etc/group", GROUP);
    tree.text("/etc/nsswitch.conf", "hosts: files dns\n");
    tree.folder("/tmp", 0o1777);
    let bundle = CA_BUNDLES.iter().find(|path| Path::new(path).exists());
    let bundle = bundle.context("find CA certificates: apt-get install -y ca-certificates")?;
    tree.file(CA_BUNDLES[0], *bundle);
    Ok(tree)
}
