//! Connections that take descriptors and memory, and say nothing.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use allynet_tests::service::{
    http::connect,
    world::{Kind, Person},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    case::{Case, CaseOptions},
    form::{HOSTILE, alone, beside_another, eventually},
    on_both_databases,
};

on_both_databases! {
    connections_that_send_nothing_keep_no_caller_out
    connections_without_a_token_keep_no_helper_at_the_same_address_out
}

/// The descriptors of the node: the default of most systems.
const DESCRIPTORS: u32 = 1_024;
/// Less than one address may open, by [`ADDRESSES`].
const CONNECTIONS_PER_ADDRESS: usize = 95;
const ADDRESSES: u8 = 13;
/// A request head that is not finished, in bytes.
const UNFINISHED_HEAD: usize = 60_000;
/// The memory that hostile connections may take, in bytes each.
const MAX_BYTES_PER_CONNECTION: u64 = 64 << 10;
/// The pause before a client connects again.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);
/// Enough for an answer on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What the `n`th hostile connection sends: nothing, a head or a body that is not finished, or a request and nothing more.
fn opening(n: usize) -> String {
    match n % 8 {
        0 => format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(UNFINISHED_HEAD)),
        1 => "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n{".to_owned(),
        2 => "GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        _ => String::new(),
    }
}

async fn connections_that_send_nothing_keep_no_caller_out(kind: &Kind) {
    let _alone = alone().await;
    let options = CaseOptions { descriptors: Some(DESCRIPTORS), ..CaseOptions::default() };
    let mut case = Case::begin_with(kind, options).await;
    let mut open = Vec::new();
    for n in 0..ADDRESSES {
        let source = Ipv4Addr::new(127, 0, 1, n + 1);
        for index in 0..CONNECTIONS_PER_ADDRESS {
            // The node may refuse or close any of them.
            let Ok(mut connection) = connect(source, case.node.address).await else { continue };
            connection.write_all(opening(index).as_bytes()).await.ok();
            open.push(connection);
        }
    }
    assert!(open.len() > DESCRIPTORS as usize, "only {} connections were opened", open.len());
    println!("silent connections: {} connections", open.len());
    case.judge_within(open.len() as u64 * MAX_BYTES_PER_CONNECTION, "silent connections").await;
    drop(open);
    case.end().await;
}

/// Keeps a socket without a token open from the hostile address, and opens another one when it is closed. `open` is how many there are.
async fn keep_socket_open(node: SocketAddr, enters_main_namespace: bool, open: Arc<AtomicUsize>) {
    loop {
        if let Ok(connection) = connect(HOSTILE, node).await
            && let Ok(mut socket) = upgrade(connection, node).await
        {
            open.fetch_add(1, Relaxed);
            if enters_main_namespace {
                socket.send(Message::text("40")).await.ok();
            }
            while let Some(Ok(_)) = socket.next().await {}
            open.fetch_sub(1, Relaxed);
        }
        sleep(RECONNECT_DELAY).await;
    }
}

async fn connections_without_a_token_keep_no_helper_at_the_same_address_out(kind: &Kind) {
    let _turn = beside_another().await;
    let options = CaseOptions { from: Some(HOSTILE), ..CaseOptions::default() };
    let mut case = Case::begin_with(kind, options).await;
    let (node, open) = (case.node.address, Arc::<AtomicUsize>::default());
    let sockets: JoinSet<_> =
        (0..150).map(|n: usize| keep_socket_open(node, !n.is_multiple_of(4), open.clone())).collect();
    eventually("90 sockets are open", async || open.load(Relaxed) >= 90).await;
    // The helper comes back as the official client does: it tries again until it is let in.
    let helper = case.bystander();
    let attempt = async {
        loop {
            if let Some(socket) = enter_at(HOSTILE, node, helper).await {
                return socket;
            }
            sleep(RECONNECT_DELAY).await;
        }
    };
    let socket = timeout(ANSWER_TIMEOUT, attempt).await;
    assert!(socket.is_ok(), "a helper is kept out for what others at the address do");
    let mut socket = socket.unwrap();
    case.judge("sockets without a token").await;
    assert!(hears(&mut socket, "emergency:nearby").await, "the helper is not alerted");
    println!("sockets without a token: {} are open", open.load(Relaxed));
    drop((socket, sockets));
    case.end().await;
}

async fn upgrade(connection: TcpStream, to: SocketAddr) -> Result<WebSocketStream<TcpStream>, ()> {
    let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
    let upgraded = timeout(ANSWER_TIMEOUT, client_async(url, connection)).await;
    upgraded.map_err(drop)?.map(|(socket, _)| socket).map_err(drop)
}

/// A socket of this user from this address after `session:ready`; `None` if it is not let in.
async fn enter_at(from: Ipv4Addr, to: SocketAddr, person: &Person) -> Option<WebSocketStream<TcpStream>> {
    enter(connect(from, to).await.ok()?, to, person).await
}

/// Whether an event arrives.
async fn hears(socket: &mut WebSocketStream<TcpStream>, event: &str) -> bool {
    let heard = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.to_text().is_ok_and(|text| text.contains(event)) {
                return true;
            }
        }
        false
    };
    timeout(ANSWER_TIMEOUT, heard).await.is_ok_and(|heard| heard)
}

/// A socket of this user after `session:ready`; `None` if it is not let in.
pub(crate) async fn enter(
    connection: TcpStream,
    to: SocketAddr,
    person: &Person,
) -> Option<WebSocketStream<TcpStream>> {
    let mut socket = upgrade(connection, to).await.ok()?;
    let enter = format!("40/emergencies,{}", json!({ "token": person.token }));
    socket.send(Message::text(enter)).await.ok()?;
    hears(&mut socket, "session:ready").await.then_some(socket)
}
