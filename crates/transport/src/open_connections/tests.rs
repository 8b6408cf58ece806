use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::*;

/// Limits that count all peers but 10.0.0.1.
fn limits(total: usize, anonymous_per_peer: usize) -> ConnectionLimits {
    let peer_key: Arc<PeerKey> = Arc::new(|peer| (peer != IpAddr::from([10, 0, 0, 1])).then_some(peer));
    ConnectionLimits { total, anonymous_per_peer, peer_key, ..ConnectionLimits::default() }
}

struct Client {
    connection: Connection,
    open: Option<OpenConnection>,
}

impl Client {
    fn connect(connections: &OpenConnections, last_byte: u8) -> Self {
        let peer = SocketAddr::from(([10, 0, 0, last_byte], 1));
        let connection = Connection::new(peer, CancellationToken::new(), Arc::default());
        let open = connections.add(&connection);
        Self { connection, open }
    }

    fn is_open(&self) -> bool {
        self.open.is_some() && !self.connection.close.is_cancelled()
    }
}

fn are_open(clients: &[Client]) -> Vec<bool> {
    clients.iter().map(Client::is_open).collect()
}

async fn seconds(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_silent_connection_makes_room_for_a_new_one() {
    let connections = OpenConnections::new(limits(3, 100));
    let mut clients = Vec::new();
    for last_byte in 2..5 {
        clients.push(Client::connect(&connections, last_byte));
        seconds(1).await;
    }
    clients[0].connection.activity.read();
    clients.push(Client::connect(&connections, 5));
    assert_eq!(are_open(&clients), [true, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_by_an_authenticated_client_is_never_closed_for_another() {
    let connections = OpenConnections::new(limits(2, 100));
    let clients = [2, 3].map(|last_byte| Client::connect(&connections, last_byte));
    for client in &clients {
        client.connection.activity.authenticate();
        client.connection.activity.begin_request();
    }
    assert!(!Client::connect(&connections, 4).is_open());
    assert_eq!(are_open(&clients), [true, true]);
    clients[1].connection.activity.end_request();
    assert!(Client::connect(&connections, 4).is_open());
    assert_eq!(are_open(&clients), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ended_counts_no_more() {
    let connections = OpenConnections::new(limits(1, 100));
    for _ in 0..3 {
        let client = Client::connect(&connections, 2);
        client.connection.activity.authenticate();
        client.connection.activity.begin_request();
        assert!(client.is_open());
    }
    assert_eq!(connections.open().by_id.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_keeps_no_more_silent_connections_than_its_limit() {
    let connections = OpenConnections::new(limits(100, 2));
    let mut clients: Vec<_> = [2, 2, 2, 2, 3].map(|last_byte| Client::connect(&connections, last_byte)).into();
    clients[0].connection.activity.authenticate();
    connections.sweep();
    assert_eq!(are_open(&clients), [true; 5], "each may still be sending its first request");
    seconds(3).await;
    clients[1].connection.activity.read();
    clients.push(Client::connect(&connections, 2));
    connections.sweep();
    // Of the four that showed no token, the two that were silent for longest.
    assert_eq!(are_open(&clients), [true, true, false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn an_exempt_peer_is_not_counted() {
    let connections = OpenConnections::new(limits(100, 2));
    let clients = [1; 5].map(|last_byte| Client::connect(&connections, last_byte));
    seconds(3).await;
    connections.sweep();
    assert_eq!(are_open(&clients), [true; 5]);
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_overdue_are_closed() {
    let connections = OpenConnections::new(limits(100, 100));
    let [silent, idle, busy] = [2, 3, 4].map(|last_byte| Client::connect(&connections, last_byte));
    for client in [&idle, &busy] {
        client.connection.activity.begin_request();
    }
    idle.connection.activity.end_request();
    seconds(10).await;
    connections.sweep();
    assert_eq!([&silent, &idle, &busy].map(Client::is_open), [false, true, true]);
    seconds(50).await;
    connections.sweep();
    assert_eq!([&silent, &idle, &busy].map(Client::is_open), [false, false, true]);
}
