//! What systemd passes to a service: the listening socket of its socket unit, and where to report that it is ready.
//!
//! Neither is a setting: both come from systemd, and are absent elsewhere.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::{
    ffi::OsStr,
    io,
    os::unix::{
        ffi::OsStrExt as _,
        net::{SocketAddr, UnixDatagram},
    },
};

use anyhow::Context as _;
use listenfd::ListenFd;
use tokio::net::TcpListener;

/// The TCP socket that a socket unit listens on for this process (`LISTEN_FDS`), or `None` without one.
///
/// systemd keeps the socket open while the service restarts: connections wait in the kernel instead of being refused.
///
/// # Errors
/// Returns an error if what was passed is not one TCP socket: connections to others would wait without an answer.
pub(crate) fn inherited_listener() -> anyhow::Result<Option<TcpListener>> {
    let mut passed = ListenFd::from_env();
    anyhow::ensure!(
        passed.len() <= 1,
        "systemd passed {} sockets: the socket unit must have one ListenStream=",
        passed.len()
    );
    let listener = passed.take_tcp_listener(0).context("the socket passed by systemd is not a TCP socket")?;
    let Some(listener) = listener else { return Ok(None) };
    listener.set_nonblocking(true)?;
    Ok(Some(TcpListener::from_std(listener)?))
}

/// Reports that the service is ready, if systemd waits for that (`Type=notify`).
pub(crate) fn notify_ready() {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = notify(&socket, b"READY=1") {
        tracing::warn!(%error, "cannot report to NOTIFY_SOCKET that the service is ready");
    }
}

fn notify(socket: &OsStr, state: &[u8]) -> io::Result<()> {
    let address = match socket.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state, &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(receiver: &UnixDatagram) -> Vec<u8> {
        let mut buffer = [0; 32];
        let length = receiver.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn readiness_is_reported_to_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let receiver = UnixDatagram::bind(&path).unwrap();
        notify(path.as_os_str(), b"READY=1").unwrap();
        assert_eq!(received(&receiver), b"READY=1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn readiness_is_reported_to_an_abstract_address() {
        let name = format!("allynet-test-{}", std::process::id());
        let receiver = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        notify(OsStr::new(&format!("@{name}")), b"READY=1").unwrap();
        assert_eq!(received(&receiver), b"READY=1");
    }
}
