//! A TCP proxy between clients and nodes that cuts connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use allynet_tests::service::node::Route;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};

use crate::form::Chance;

/// The treatment of connections.
#[derive(Clone)]
pub(crate) enum Weather {
    /// Each is cut after a random time within these bounds.
    Drops(Duration, Duration),
    /// Requests are forwarded, and the first byte of an answer cuts the connection. Signals each forwarded request.
    LosesAnswers(Arc<Notify>),
}

/// A running proxy, which stops when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(to: Route, weather: Weather, mut chance: Chance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::<AtomicU64>::default();
        let counter = Arc::clone(&cut);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (to, weather, mut chance) = (to.nth(chance.below(1 << 16)), weather.clone(), chance.fork());
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(to).await else { return };
                    if carry(client, server, &weather, &mut chance).await {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { address, cut, task }
    }

    /// The number of connections that were cut.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Forwards both directions until one side closes or the proxy cuts; returns whether it was cut.
async fn carry(mut client: TcpStream, mut server: TcpStream, weather: &Weather, chance: &mut Chance) -> bool {
    match weather {
        Weather::Drops(least, most) => {
            let life = chance.between(*least, *most);
            timeout(life, copy_bidirectional(&mut client, &mut server)).await.is_err()
        }
        Weather::LosesAnswers(passed) => {
            let mut request = vec![0; 16 * 1024];
            let mut answer = [0];
            loop {
                tokio::select! {
                    read = client.read(&mut request) => {
                        let Ok(read @ 1..) = read else { return false };
                        if server.write_all(&request[..read]).await.is_err() {
                            return false;
                        }
                        passed.notify_one();
                    }
                    _ = server.read(&mut answer) => return true,
                }
            }
        }
    }
}
