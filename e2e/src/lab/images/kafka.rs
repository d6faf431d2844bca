//! The image of Kafka: its jars and a Java runtime of only the modules they need. IO: `jlink`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::oci::Start;
use super::recipe::{Archive, Recipe};
use super::tree::Tree;
use super::{base, libraries};
use crate::lab::cache::cached;
use crate::lab::command::Run;
use crate::lab::paths::Paths;
use crate::lab::preflight::Need;
use crate::lab::progress::Step;
use crate::lab::{kafka, versions};

/// What Kafka's classes load; `java.desktop` only for the bean classes that log4j-core asks for.
const MODULES: &str = "java.base,java.desktop,java.logging,java.management,java.naming,java.rmi,\
    java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.crypto.ec,jdk.management,jdk.unsupported";
/// Libraries of `java.desktop` for screens, fonts, pictures and sound, and what of the system they would pull in.
const DESKTOP_LIBRARIES: [&str; 11] = [
    "libawt.so",
    "libawt_headless.so",
    "libawt_xawt.so",
    "libfontmanager.so",
    "libfreetype.so",
    "libjavajpeg.so",
    "libjawt.so",
    "libjsound.so",
    "liblcms.so",
    "libmlib_image.so",
    "libsplashscreen.so",
];
/// The runtime's part in the cache: its name and version.
const RUNTIME: (&str, &str) = ("java-for-kafka", "1");

/// Returns what the machine must have for [`kafka()`] besides what its jars need.
#[must_use]
pub fn kafka_needs(paths: &Paths) -> Vec<Need> {
    let (name, version) = RUNTIME;
    if paths.part_dir(name, version).exists() { Vec::new() } else { vec![Need::Jlink] }
}

/// Returns the image of Kafka: jars in `/opt/kafka`, Java in `/opt/java`, which starts with the jars as its class path.
///
/// # Errors
/// `jlink` or Maven fails, or the cache cannot be written.
pub async fn kafka(paths: &Paths, step: &Step) -> anyhow::Result<Archive> {
    let jars = kafka::jars(paths, step).await?;
    let runtime = java_runtime(paths, step).await?;
    let start = Start {
        entrypoint: vec!["/opt/java/bin/java".to_owned()],
        environment: vec!["CLASSPATH=/opt/kafka/*".to_owned(), "PATH=/opt/java/bin".to_owned()],
        user: Some(base::USER.to_owned()),
    };
    let recipe = Recipe { name: "kafka", tag: versions::KAFKA.to_owned(), start };
    recipe.cached(paths, step, tree(&jars, &runtime)).await
}

async fn tree(jars: &Path, runtime: &Path) -> anyhow::Result<Tree> {
    let mut tree = base::tree()?;
    tree.files_of("/opt/kafka", jars)?;
    tree.files_of("/opt/java", runtime)?;
    let own = [runtime.join("lib"), runtime.join("lib/server")];
    let mut programs = vec![runtime.join("bin/java")];
    programs.extend(shared_objects(&own)?);
    libraries::add(&mut tree, &programs, &own).await?;
    Ok(tree)
}

/// Returns the runtime's own libraries, whose needs go into the image with them.
fn shared_objects(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "so") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Builds a Java runtime of the needed modules, about 40 MB.
async fn java_runtime(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    let build = async |folder: PathBuf| {
        let runtime = folder.join("java");
        let link = Run::new("jlink").args(["--add-modules", MODULES, "--output"]).arg(&runtime);
        link.args(["--strip-debug", "--no-header-files", "--no-man-pages"]).step(step).run().await?;
        for library in DESKTOP_LIBRARIES {
            let path = runtime.join("lib").join(library);
            if path.exists() {
                tokio::fs::remove_file(&path).await.with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    };
    let (name, version) = RUNTIME;
    Ok(cached(paths, name, version, step, build).await?.join("java"))
}
