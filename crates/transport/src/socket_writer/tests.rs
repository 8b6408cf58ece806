//! A writer over a real connection, with the tasks that drive it played by the test.

use std::{future::poll_fn, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    time::timeout,
};

use super::*;
use crate::packet::{Namespace, Packet};

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
const NAMESPACE: Namespace = Namespace::new("/emergencies");
const TIMEOUT: Duration = Duration::from_secs(5);

/// Writer, and the peer of its connection, whose buffers are small.
async fn connect() -> (Arc<SocketWriter>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let peer = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    SockRef::from(&tcp).set_send_buffer_size(4096).unwrap();
    tcp.writable().await.unwrap();
    (SocketWriter::new(Arc::new(tcp)), peer)
}

/// The same after the engine has written the upgrade response and the first packet of a session.
async fn connect_websocket() -> (Arc<SocketWriter>, TcpStream) {
    let (writer, mut peer) = connect().await;
    writer.expect_upgrade();
    write(&writer, HEAD).await;
    let ready = packet(0, 0);
    writer.enqueue_first(&ready.payload(), || Ok::<_, ()>(())).unwrap();
    assert_eq!(writer.write_frames(ready.frame(), || false), WriteOutcome::MustQueue);
    write(&writer, ready.frame()).await;
    let mut seen = vec![0; HEAD.len() + ready.frame().len()];
    peer.read_exact(&mut seen).await.unwrap();
    (writer, peer)
}

fn packet(number: usize, size: usize) -> Packet {
    NAMESPACE.event("a", &json!({ "eventId": number, "text": "x".repeat(size) })).unwrap()
}

/// Writes as the engine does.
async fn write(writer: &Arc<SocketWriter>, mut data: &[u8]) {
    while !data.is_empty() {
        let written = poll_fn(|cx| {
            writer.register_writer(cx);
            writer.poll_write(data)
        });
        data = &data[timeout(TIMEOUT, written).await.unwrap().unwrap()..];
    }
}

/// Drains as the reading task does. Never returns.
async fn drain(writer: Arc<SocketWriter>) {
    poll_fn(|cx| {
        writer.register_reader(cx);
        while writer.has_pending() {
            match writer.poll_drain() {
                Poll::Ready(Ok(0)) | Poll::Pending => break,
                Poll::Ready(drained) => assert!(drained.is_ok()),
            }
        }
        Poll::<()>::Pending
    })
    .await;
}

/// Asserts that the peer receives exactly these bytes.
async fn expect(peer: &mut TcpStream, expected: &[u8]) {
    let mut seen = vec![0; expected.len()];
    timeout(TIMEOUT, peer.read_exact(&mut seen)).await.unwrap().unwrap();
    assert!(seen == expected, "other bytes, or another order");
    assert!(timeout(Duration::from_millis(20), peer.read(&mut [0; 1])).await.is_err(), "more bytes");
}

#[tokio::test]
async fn a_packet_is_written_at_once_if_none_is_queued() {
    let (writer, mut peer) = connect_websocket().await;
    assert_eq!(writer.write_frames(packet(1, 10).frame(), || true), WriteOutcome::MustQueue, "the session is closed");
    assert_eq!(writer.write_frames(packet(1, 10).frame(), || false), WriteOutcome::Accepted);
    expect(&mut peer, packet(1, 10).frame()).await;
    assert!(!writer.has_pending());
}

#[tokio::test]
async fn a_packet_does_not_overtake_a_queued_one() {
    let (writer, mut peer) = connect_websocket().await;
    let queued = packet(1, 10);
    writer.enqueue(&queued.payload(), false, || Ok::<_, ()>(())).unwrap();
    assert_eq!(writer.write_frames(packet(2, 10).frame(), || false), WriteOutcome::MustQueue);
    writer.enqueue(&packet(2, 10).payload(), true, || Err::<(), _>("refused")).unwrap_err();
    write(&writer, queued.frame()).await;
    assert_eq!(writer.write_frames(packet(3, 10).frame(), || false), WriteOutcome::Accepted);
    expect(&mut peer, &[&queued.frame()[..], packet(3, 10).frame()].concat()).await;
}

#[tokio::test]
async fn a_packet_waits_for_the_end_of_a_frame_and_precedes_the_next() {
    for cut in 1..6 {
        let (writer, mut peer) = connect_websocket().await;
        let ping = [0x81, 4, b'2', b'a', b'b', b'c'];
        write(&writer, &ping[..cut]).await;
        assert_eq!(writer.write_frames(packet(1, 10).frame(), || false), WriteOutcome::Accepted);
        assert_eq!(writer.write_frames(packet(2, 10).frame(), || false), WriteOutcome::Accepted);
        assert_eq!(writer.poll_drain().map(Result::unwrap), Poll::Ready(0), "a frame of the engine is not split");
        write(&writer, &ping[cut..]).await;
        write(&writer, &ping).await;
        let (one, two) = (packet(1, 10), packet(2, 10));
        expect(&mut peer, &[&ping[..], one.frame(), two.frame(), &ping].concat()).await;
    }
}

#[tokio::test]
async fn the_reading_task_writes_pending_packets_after_the_end_of_a_frame() {
    let (writer, mut peer) = connect_websocket().await;
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    write(&writer, &[0x81, 1]).await;
    assert_eq!(writer.write_frames(packet(1, 10).frame(), || false), WriteOutcome::Accepted);
    write(&writer, b"2").await;
    expect(&mut peer, &[&[0x81, 1, b'2'], &packet(1, 10).frame()[..]].concat()).await;
    reader.abort();
}

#[tokio::test]
async fn pending_bytes_are_bounded_and_arrive_whole_when_the_peer_reads() {
    let (writer, mut peer) = connect_websocket().await;
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    let (mut sent, mut number) = (Vec::new(), 0);
    loop {
        let packet = packet(number, 1000);
        match writer.write_frames(packet.frame(), || false) {
            WriteOutcome::Accepted => sent.extend_from_slice(packet.frame()),
            WriteOutcome::Full => break,
            WriteOutcome::MustQueue => panic!("nothing is queued"),
        }
        number += 1;
    }
    assert!((MAX_QUEUED_BYTES..MAX_QUEUED_BYTES + 512 * 1024).contains(&sent.len()), "{}", sent.len());
    let queued = packet(number, 1000);
    assert_eq!(writer.enqueue(&queued.payload(), true, || Ok::<_, ()>(())), Ok(None), "it may not be queued either");
    assert!(writer.has_pending());

    let mut seen = vec![0; sent.len()];
    timeout(TIMEOUT, peer.read_exact(&mut seen)).await.unwrap().unwrap();
    assert!(seen == sent, "split, or another order");
    while writer.has_pending() {
        tokio::task::yield_now().await;
    }
    assert_eq!(writer.write_frames(packet(0, 1000).frame(), || false), WriteOutcome::Accepted);
    expect(&mut peer, packet(0, 1000).frame()).await;
    reader.abort();
}

/// Writes packets until the kernel takes no more; returns what was accepted.
fn fill(writer: &SocketWriter) -> Vec<u8> {
    let mut sent = Vec::new();
    while !writer.has_pending() {
        let packet = packet(0, 1000);
        assert_eq!(writer.write_frames(packet.frame(), || false), WriteOutcome::Accepted);
        sent.extend_from_slice(packet.frame());
    }
    sent
}

fn ephemeral(writer: &SocketWriter, packet: &Packet, is_replaceable: bool) -> WriteOutcome {
    writer.write_ephemeral(packet.frame(), is_replaceable, || false)
}

#[tokio::test]
async fn a_packet_overtakes_ephemeral_ones_that_wait_and_drops_the_replaceable() {
    let (writer, mut peer) = connect_websocket().await;
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    let mut expected = fill(&writer);
    let [first, replaceable, second] = [1, 2, 3].map(|number| packet(number, 10));
    for (packet, is_replaceable) in [(&first, false), (&replaceable, true), (&second, false)] {
        assert_eq!(ephemeral(&writer, packet, is_replaceable), WriteOutcome::Accepted);
    }
    let event = packet(4, 10);
    assert_eq!(writer.write_frames(event.frame(), || false), WriteOutcome::Accepted);
    for packet in [&event, &first, &second] {
        expected.extend_from_slice(packet.frame());
    }
    expect(&mut peer, &expected).await;
    assert!(!writer.has_pending());
    assert_eq!(ephemeral(&writer, &replaceable, true), WriteOutcome::Accepted);
    expect(&mut peer, replaceable.frame()).await;
    reader.abort();
}

#[tokio::test]
async fn an_ephemeral_packet_waits_for_the_queue_of_the_engine_and_for_the_end_of_a_frame() {
    let (writer, mut peer) = connect_websocket().await;
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    let (queued, news, position) = (packet(1, 10), packet(2, 10), packet(3, 10));
    writer.enqueue(&queued.payload(), false, || Ok::<_, ()>(())).unwrap();
    assert_eq!(ephemeral(&writer, &news, false), WriteOutcome::Accepted);
    tokio::task::yield_now().await;
    write(&writer, &queued.frame()[..5]).await;
    // An alert that is queued later overtakes it, too, and drops what is replaceable.
    assert_eq!(ephemeral(&writer, &position, true), WriteOutcome::Accepted);
    let alert = packet(4, 10);
    writer.enqueue(&alert.payload(), false, || Ok::<_, ()>(())).unwrap();
    write(&writer, &queued.frame()[5..]).await;
    write(&writer, alert.frame()).await;
    expect(&mut peer, &[&queued.frame()[..], alert.frame(), news.frame()].concat()).await;
    reader.abort();
}

#[tokio::test]
async fn ephemeral_packets_are_bounded_and_give_way_to_others() {
    let (writer, mut peer) = connect_websocket().await;
    let mut expected = fill(&writer);
    let mut number = 0;
    while ephemeral(&writer, &packet(number, 1000), false) == WriteOutcome::Accepted {
        number += 1;
    }
    assert!(number <= MAX_QUEUED_BYTES / 1000, "{number}");
    let event = packet(number, 1000);
    assert_eq!(writer.write_frames(event.frame(), || false), WriteOutcome::Accepted);
    expected.extend_from_slice(event.frame());
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    expect(&mut peer, &expected).await;
    reader.abort();
}

#[tokio::test]
async fn ephemeral_packets_of_a_session_that_ended_are_not_written() {
    let (writer, mut peer) = connect_websocket().await;
    let expected = fill(&writer);
    assert_eq!(ephemeral(&writer, &packet(1, 10), false), WriteOutcome::Accepted);
    writer.end_session();
    assert_eq!(writer.write_ephemeral(packet(2, 10).frame(), false, || true), WriteOutcome::MustQueue);
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    expect(&mut peer, &expected).await;
    reader.abort();
}

/// The engine and a session write at once while the peer reads little: every frame is whole, and each keeps its order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_the_engine_and_of_a_session_are_never_mixed() {
    const FRAMES_PER_WRITER: usize = 2000;
    let (writer, mut peer) = connect_websocket().await;
    let reader = tokio::spawn(drain(Arc::clone(&writer)));
    let transport = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move {
            for number in 0..FRAMES_PER_WRITER {
                // Does not begin like an event, so it is not counted as one of the session's packets.
                let ping = [&[0x81, 126, 4, 0][..], &[b'0' + u8::try_from(number % 10).unwrap(); 1024]].concat();
                write(&writer, &ping).await;
                if number % 7 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let sender = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move {
            for number in 0..FRAMES_PER_WRITER {
                let packet = packet(number, number % 1500);
                while writer.write_frames(packet.frame(), || false) == WriteOutcome::Full {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if number % 5 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let mut next = [0; 2];
    while next != [FRAMES_PER_WRITER; 2] {
        let mut header = [0; 2];
        timeout(TIMEOUT, peer.read_exact(&mut header)).await.unwrap().unwrap();
        assert_eq!(header[0], 0x81, "a frame begins");
        let length =
            if header[1] == 126 { usize::from(peer.read_u16().await.unwrap()) } else { usize::from(header[1]) };
        let mut payload = vec![0; length];
        peer.read_exact(&mut payload).await.unwrap();
        let ours = payload.starts_with(b"42");
        let expected = if ours {
            packet(next[1], next[1] % 1500).payload().to_vec()
        } else {
            vec![b'0' + u8::try_from(next[0] % 10).unwrap(); 1024]
        };
        assert!(payload == expected, "{next:?}");
        next[usize::from(ours)] += 1;
    }
    transport.await.unwrap();
    sender.await.unwrap();
    reader.abort();
}

#[tokio::test]
async fn nothing_is_written_after_a_shut_down() {
    let (writer, mut peer) = connect_websocket().await;
    writer.shut_down();
    assert_eq!(writer.write_frames(packet(1, 10).frame(), || false), WriteOutcome::MustQueue);
    let Poll::Ready(Err(_)) = writer.poll_write(b"a") else { panic!("it was written") };
    assert_eq!(timeout(TIMEOUT, peer.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
    peer.write_all(b"a").await.unwrap();
}

#[tokio::test]
async fn no_frame_is_written_to_a_plain_http_connection() {
    let (writer, mut peer) = connect().await;
    write(&writer, b"HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(writer.write_frames(packet(1, 10).frame(), || false), WriteOutcome::MustQueue);
    expect(&mut peer, b"HTTP/1.1 200 OK\r\n\r\n").await;
}
