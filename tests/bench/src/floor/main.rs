//! The lower bound: the cost of the transport without database and rules.
//!
//! ```text
//! allynet-bench-floor socketioxide|frames
//! ```
//!
//! `socketioxide` is that library with axum. `frames` are WebSocket frames that are encoded once and written to every
//! socket. Both answer the requests of the fan-out scenario with the payloads of the service, and print
//! `listening on http://…` as the service does.

mod bare;
mod frames;
mod payloads;

use std::env;

use anyhow::bail;
use tokio::net::TcpListener;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        match env::args().nth(1).as_deref() {
            Some("socketioxide") => {
                announce(address);
                bare::serve(listener).await
            }
            Some("frames") => {
                announce(address);
                frames::serve(listener).await
            }
            _ => bail!("usage: allynet-bench-floor socketioxide|frames"),
        }
    })
}

#[expect(clippy::print_stdout, reason = "the driver reads it")]
fn announce(address: std::net::SocketAddr) {
    println!("listening on http://{address}");
}
