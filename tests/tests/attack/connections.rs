//! Connections that take descriptors and memory, and say nothing.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use allynet_tests::service::{
    http::connect,
    node::Node,
    world::{Kind, Person, World},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    form::{HOSTILE, alone, pick},
    on_both_databases,
    victim::Victim,
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
/// Enough for an answer on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

async fn connections_that_send_nothing_keep_no_caller_out(kind: &Kind) {
    let _alone = alone().await;
    let rounds = pick(6, 60);
    let world = World::new(kind, 4, 4, 2 * rounds).await;
    let node = Node::start_with_descriptors(DESCRIPTORS, &world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    let mut victim = Victim::new(&world, node.address);
    let quiet = victim.rounds(rounds).await;
    let before = node.resident();

    let mut open = Vec::new();
    for n in 0..ADDRESSES {
        let source = Ipv4Addr::new(127, 0, 1, n + 1);
        for index in 0..CONNECTIONS_PER_ADDRESS {
            // The node may refuse or close any of them.
            let Ok(mut connection) = connect(source, node.address).await else { continue };
            if index % 8 == 0 {
                let head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(UNFINISHED_HEAD));
                connection.write_all(head.as_bytes()).await.ok();
            }
            open.push(connection);
        }
    }
    assert!(open.len() > DESCRIPTORS as usize, "only {} connections were opened", open.len());
    victim.rounds(rounds).await.did_not_suffer(&quiet, "silent connections");
    let grown = node.resident().saturating_sub(before);
    println!("silent connections: {} KB for {} connections", grown >> 10, open.len());
    assert!(grown < open.len() as u64 * MAX_BYTES_PER_CONNECTION, "{grown} bytes");
    drop(open);
    node.stop().await;
    world.remove().await;
}

async fn connections_without_a_token_keep_no_helper_at_the_same_address_out(kind: &Kind) {
    let _alone = alone().await;
    let world = World::new(kind, 1, 1, 0).await;
    let node = Node::start_with(&world.url(), &[("ALLYNET_RATE_LIMITS", "on")]).await;
    let mut open = Vec::new();
    for _ in 0..150 {
        let Ok(connection) = connect(HOSTILE, node.address).await else { continue };
        // No CONNECT follows.
        if let Ok(socket) = upgrade(connection, node.address).await {
            open.push(socket);
        }
    }
    assert!(open.len() >= 90, "only {} sockets were opened", open.len());
    // The helper comes back as the official client does: it tries again until it is let in.
    let attempt = async {
        loop {
            if enters(node.address, &world.helpers[0]).await {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(timeout(ANSWER_TIMEOUT, attempt).await.is_ok(), "a helper is kept out for what others at the address do");
    drop(open);
    node.stop().await;
    world.remove().await;
}

async fn upgrade(connection: TcpStream, to: SocketAddr) -> Result<WebSocketStream<TcpStream>, ()> {
    let url = format!("ws://{to}/socket.io/?EIO=4&transport=websocket");
    let upgraded = timeout(ANSWER_TIMEOUT, client_async(url, connection)).await;
    upgraded.map_err(drop)?.map(|(socket, _)| socket).map_err(drop)
}

/// Whether a client with a token gets `session:ready` at the hostile address.
async fn enters(to: SocketAddr, person: &Person) -> bool {
    let Ok(connection) = connect(HOSTILE, to).await else { return false };
    enter(connection, to, person).await.is_some()
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
    let ready = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.to_text().is_ok_and(|text| text.contains("session:ready")) {
                return true;
            }
        }
        false
    };
    timeout(ANSWER_TIMEOUT, ready).await.is_ok_and(|is_ready| is_ready).then_some(socket)
}
