//! A push service over TLS that accepts every message, and notes when it arrived.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use allynet_tests::certificates::Certificates;
use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// More than the longest time until a push of a measured server.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);

/// The running service. Its connections end with the runtime.
pub(crate) struct PushService {
    hosts: Vec<String>,
    arrivals: mpsc::UnboundedReceiver<Instant>,
    authority: PathBuf,
    _folder: TempDir,
}

impl PushService {
    /// Starts a service under this many hosts: a node limits the number of its pushes in flight for each. A port makes no other
    /// host, so each has an address of its own.
    pub(crate) async fn start(hosts: u8) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let certificates = Arc::new(Certificates::new());
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, &certificates.authority)?;
        let (sender, arrivals) = mpsc::unbounded_channel();
        let mut names = Vec::with_capacity(hosts.into());
        for host in 1..=hosts {
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), 0)).await?;
            names.push(listener.local_addr()?.to_string());
            tokio::spawn(accept(listener, Arc::clone(&certificates), sender.clone()));
        }
        Ok(Self { hosts: names, arrivals, authority, _folder: folder })
    }

    /// The hosts, separated by commas.
    pub(crate) fn hosts(&self) -> String {
        self.hosts.join(",")
    }

    /// The file with the certificate that its clients have to trust.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }

    /// The endpoint of a subscription.
    pub(crate) fn endpoint(&self, number: usize) -> String {
        format!("https://{}/push/{number}", self.hosts[number % self.hosts.len()])
    }

    /// Waits for this many messages. Returns when each arrived.
    pub(crate) async fn next(&mut self, count: usize) -> anyhow::Result<Vec<Instant>> {
        let mut arrived = Vec::with_capacity(count);
        let all = async {
            while arrived.len() < count {
                let missing = count - arrived.len();
                self.arrivals.recv_many(&mut arrived, missing).await;
            }
        };
        let waited = timeout(ARRIVAL_TIMEOUT, all).await;
        waited.with_context(|| format!("only {} of {count} pushes arrived", arrived.len()))?;
        Ok(arrived)
    }
}

async fn accept(listener: TcpListener, certificates: Arc<Certificates>, arrivals: mpsc::UnboundedSender<Instant>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&certificates), arrivals.clone()));
    }
}

async fn serve(stream: TcpStream, certificates: Arc<Certificates>, arrivals: mpsc::UnboundedSender<Instant>) {
    let Ok(stream) = certificates.acceptor.accept(stream).await else { return };
    let handle = service_fn(|request| answer(request, &arrivals));
    // The server under test closes its idle connections, and the benchmark that server.
    http1::Builder::new().serve_connection(TokioIo::new(stream), handle).await.ok();
}

async fn answer(
    request: Request<Incoming>,
    arrivals: &mpsc::UnboundedSender<Instant>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = if request.into_body().collect().await.is_ok() {
        // The benchmark that waits for it may be over.
        arrivals.send(Instant::now()).ok();
        StatusCode::CREATED
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok(response)
}
