//! Forwards a port of this machine to a pod. IO: TCP, the API server.
//!
//! In any cluster through the API server; in the lab's own, where a route leads to the pods, directly, which is ten times
//! as fast.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::cluster::Cluster;
use super::manifests::is_ready;

/// Which port of which pod.
#[derive(Clone, Debug)]
pub struct Target {
    /// The pod's namespace.
    pub namespace: String,
    /// Labels that find the pod, `app=kafka`: of several any ready one is taken.
    pub labels: String,
    /// The port that it listens on.
    pub port: u16,
}

/// An open forwarding; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "forwarding ends when this is dropped"]
pub struct PortForward {
    /// The port on 127.0.0.1.
    pub port: u16,
    listener: JoinHandle<()>,
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Listens on 127.0.0.1 and connects each connection to the pod anew, so that a pod that came in the place of another
/// is found. Port 0 takes any free one.
///
/// # Errors
/// The port is taken.
pub async fn open(cluster: &Cluster, target: Target, port: u16) -> anyhow::Result<PortForward> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.with_context(|| {
        format!("listen on 127.0.0.1:{port}: see who has it with `ss -ltnp sport = :{port}` and stop it")
    })?;
    let taken = listener.local_addr()?.port();
    let way = Way { client: cluster.client(), direct: cluster.is_ours(), target };
    Ok(PortForward { port: taken, listener: tokio::spawn(accept(listener, way)) })
}

/// How a connection gets to its pod.
#[derive(Clone)]
struct Way {
    client: Client,
    direct: bool,
    target: Target,
}

/// Connections are tasks of this one, and end with it.
async fn accept(listener: TcpListener, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => drop(connections.spawn(way.clone().forward(connection))),
                Err(cause) => tracing::warn!(%cause, "cannot accept a connection to forward"),
            },
            Some(ended) = connections.join_next() => if let Ok(Err(cause)) = ended {
                // The other end sees a closed connection, as with any pod that goes away, and comes again.
                tracing::debug!("forwarded connection ended: {cause:#}");
            },
        }
    }
}

impl Way {
    async fn forward(self, connection: TcpStream) -> anyhow::Result<()> {
        connection.set_nodelay(true)?;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.target.namespace);
        let found =
            pods.list(&ListParams::default().labels(&self.target.labels)).await.context("list pods")?;
        let pod = found.items.into_iter().find(is_ready).context("no pod is ready")?;
        if self.direct {
            self.join_directly(connection, &pod).await
        } else {
            self.join_through_api(connection, &pods, &pod.name_any()).await
        }
    }

    async fn join_directly(&self, mut connection: TcpStream, pod: &Pod) -> anyhow::Result<()> {
        let address = pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.as_deref())
            .context("the pod has no address")?;
        let mut stream =
            TcpStream::connect((address, self.target.port)).await.context("connect to the pod")?;
        stream.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut connection, &mut stream).await.context("forward")?;
        Ok(())
    }

    async fn join_through_api(
        &self,
        mut connection: TcpStream,
        pods: &Api<Pod>,
        pod: &str,
    ) -> anyhow::Result<()> {
        let mut forwarder =
            pods.portforward(pod, &[self.target.port]).await.context("open the forwarding")?;
        let mut stream = forwarder.take_stream(self.target.port).context("take the forwarded stream")?;
        tokio::io::copy_bidirectional(&mut connection, &mut stream).await.context("forward")?;
        drop(stream);
        forwarder.join().await.context("end the forwarding")
    }
}
