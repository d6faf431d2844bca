//! An image as one file in the OCI layout, as `ctr images import` and `kind load image-archive` take it. Pure.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};
use tar::Builder;

use super::digest::Digest;
use super::tree::{Layer, append_file};

/// How a container of the image starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    /// The program with its first arguments.
    pub(super) entrypoint: Vec<String>,
    /// Environment variables, `NAME=value`.
    pub(super) environment: Vec<String>,
    /// `uid:gid`; root if absent.
    pub(super) user: Option<String>,
}

/// An image of one layer.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Its full name with tag, as in a pod's `image`.
    pub(super) reference: String,
    /// How it starts.
    pub(super) start: Start,
    /// What is told about it, by the names of the OCI's annotations.
    pub(super) labels: BTreeMap<String, String>,
    /// Its files.
    pub(super) layer: Layer,
}

const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Any fixed moment: two builds of one commit give the same digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

impl Image {
    /// Writes the archive and returns the digest that names the image.
    ///
    /// # Errors
    /// `output` cannot be written.
    pub(super) fn write_to(&self, output: impl Write) -> std::io::Result<Digest> {
        let config = Blob::new(CONFIG_TYPE, self.config().to_string().into_bytes());
        let layer = Descriptor::new(LAYER_TYPE, &self.layer.digest, self.layer.bytes.len());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config.descriptor(), "layers": [layer],
        });
        let manifest = Blob::new(MANIFEST_TYPE, manifest.to_string().into_bytes());
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [self.named(manifest.descriptor())]});

        let mut archive = Builder::new(output);
        let mut append =
            |path: String, bytes: &[u8]| append_file(&mut archive, path, 0o644, bytes.len() as u64, bytes);
        append("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append("index.json".to_owned(), index.to_string().as_bytes())?;
        append(blob_path(&config.digest), &config.bytes)?;
        append(blob_path(&manifest.digest), &manifest.bytes)?;
        append(blob_path(&self.layer.digest), &self.layer.bytes)?;
        archive.into_inner()?.flush()?;
        Ok(manifest.digest)
    }

    fn config(&self) -> Value {
        json!({
            "created": CREATED,
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": self.start.user.clone().unwrap_or_default(),
                "Entrypoint": self.start.entrypoint,
                "Env": self.start.environment,
                "WorkingDir": "/",
                "Labels": self.labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [self.layer.content]},
        })
    }

    /// containerd takes the name from its own annotation, other tools the tag from the OCI's.
    fn named(&self, manifest: Descriptor) -> Descriptor {
        let tag = self.reference.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        Descriptor {
            platform: Some(json!({"architecture": architecture(), "os": "linux"})),
            annotations: Some(
                json!({"io.containerd.image.name": self.reference, "org.opencontainers.image.ref.name": tag}),
            ),
            ..manifest
        }
    }
}

struct Blob {
    media_type: &'static str,
    bytes: Vec<u8>,
    digest: Digest,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self { media_type, bytes, digest }
    }

    fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type, &self.digest, self.bytes.len())
    }
}

/// How one blob names another.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Value>,
}

impl Descriptor {
    fn new(media_type: &'static str, digest: &Digest, size: usize) -> Self {
        Self { media_type, digest: digest.clone(), size, platform: None, annotations: None }
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Returns this machine's architecture in Go's words, which images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use serde_json::Value;

    use super::super::digest::Digest;
    use super::super::tree::Tree;
    use super::{Image, Start};

    fn archive() -> BTreeMap<String, Vec<u8>> {
        let mut tree = Tree::default();
        tree.text("/program", "binary");
        let image = Image {
            reference: "localhost/program:1.2".to_owned(),
            start: Start { user: Some("65532:65532".to_owned()), ..Start::default() },
            labels: BTreeMap::new(),
            layer: tree.pack().unwrap(),
        };
        let mut bytes = Vec::new();
        image.write_to(&mut bytes).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        files
    }

    /// Follows a descriptor to its blob, as an importer does.
    fn blob(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = files[&format!("blobs/sha256/{}", &digest["sha256:".len()..])].clone();
        assert_eq!(Digest::of(&bytes).to_string(), digest);
        assert_eq!(bytes.len() as u64, descriptor["size"].as_u64().unwrap());
        bytes
    }

    #[test]
    fn importer_finds_name_configuration_and_layer() {
        let files = archive();
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let named = &index["manifests"][0];
        assert_eq!(named["annotations"]["io.containerd.image.name"], "localhost/program:1.2");
        let manifest: Value = serde_json::from_slice(&blob(&files, named)).unwrap();
        let config: Value = serde_json::from_slice(&blob(&files, &manifest["config"])).unwrap();
        assert_eq!(config["config"]["User"], "65532:65532");
        let layer = blob(&files, &manifest["layers"][0]);
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(layer.as_slice()).read_to_end(&mut content).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], Digest::of(&content).to_string());
    }

    #[test]
    fn two_builds_are_the_same_bytes() {
        assert_eq!(archive(), archive());
    }
}
