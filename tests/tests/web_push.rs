//! Web Push against a push service that decrypts and verifies what it receives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io::Write as _, sync::Arc, time::Duration};

use allynet_auth::VapidIdentity;
use allynet_domain::{
    Timestamp,
    port::{
        KeyedHash, MockClock, PushChannel as _, PushEndpoints as _, PushIdentity as _, PushMessage, PushOutcome,
        PushPayload, PushUrgency,
    },
};
use allynet_notify::{ExtraCa, WebPush};
use allynet_tests::{
    certificates::Certificates,
    push_service::{Answer, PushService, Subscription},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::sleep,
};

const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const WAIT: Duration = Duration::from_mins(1);

fn now() -> Timestamp {
    "2026-11-06T08:49:37Z".parse().unwrap()
}

fn identity() -> Arc<VapidIdentity> {
    Arc::new(VapidIdentity::new(&PRIVATE_KEY.parse().unwrap(), "mailto:ops@example.org".parse().ok()))
}

fn trust(authority: &str) -> ExtraCa {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_bytes()).unwrap();
    ExtraCa::read(file.path()).unwrap()
}

/// An adapter that trusts the service, and may connect to these hosts.
fn web_push(service: &PushService, allowed: &[String]) -> WebPush {
    adapter(service.authority(), allowed)
}

fn adapter(authority: &str, allowed: &[String]) -> WebPush {
    let mut clock = MockClock::new();
    clock.expect_now().returning(now);
    let allowed = allowed.iter().map(|host| host.parse().unwrap()).collect();
    WebPush::new(identity(), Arc::new(clock), allowed, &trust(authority)).unwrap()
}

async fn start() -> (PushService, WebPush) {
    let service = PushService::start().await;
    let web_push = web_push(&service, &[service.host()]);
    (service, web_push)
}

fn message(web_push: &WebPush, to: &Subscription, topic: u8) -> PushMessage {
    PushMessage {
        subscription: web_push.parse(&to.endpoint, &to.p256dh(), &to.auth()).unwrap(),
        payload: PushPayload::new(br#"{"kind":"alert"}"#.to_vec()).unwrap(),
        ttl: Duration::from_mins(15),
        urgency: PushUrgency::High,
        topic: KeyedHash::new([topic; 16]),
    }
}

#[tokio::test]
async fn a_message_arrives_encrypted_padded_and_signed() {
    let (service, web_push) = start().await;
    let device = service.subscribe();
    assert_eq!(web_push.deliver(&message(&web_push, &device, 1), WAIT).await, PushOutcome::Sent { stored: true });
    let long = PushMessage { payload: PushPayload::new(vec![b'x'; 3_993]).unwrap(), ..message(&web_push, &device, 2) };
    assert_eq!(web_push.deliver(&long, WAIT).await, PushOutcome::Sent { stored: true });

    let [short, long] = <[_; 2]>::try_from(service.received()).unwrap();
    assert_eq!(short.method, "POST");
    assert_eq!(short.plaintext.as_deref(), Some(br#"{"kind":"alert"}"#.as_slice()));
    assert_eq!(short.body_bytes, 1_024);
    let headers = ["content-encoding", "ttl", "urgency", "topic", "content-length"].map(|name| short.header(name));
    assert_eq!(headers, ["aes128gcm", "900", "high", "AQEBAQEBAQEBAQEBAQEBAQ", "1024"]);
    let vapid = short.vapid.unwrap();
    assert_eq!(vapid.audience, format!("https://{}", service.host()));
    assert_eq!(vapid.expires_at, (now() + Duration::from_hours(12)).timestamp());
    assert_eq!(vapid.subject, "mailto:ops@example.org");
    assert_eq!(vapid.public_key, BASE64_URL_SAFE_NO_PAD.encode(identity().public_key()));
    assert_eq!(long.plaintext.unwrap(), vec![b'x'; 3_993]);
    assert_eq!(service.connections(), 1, "the connection is used again");
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let (service, web_push) = start().await;
    let elsewhere = service.subscribe();
    for (answer, expected) in [
        (Answer::status(201), PushOutcome::Sent { stored: true }),
        (Answer::status(201).with_header("ttl", "0"), PushOutcome::Sent { stored: false }),
        (Answer { body: vec![b'x'; 1 << 20], ..Answer::status(201) }, PushOutcome::Sent { stored: true }),
        (Answer::status(410), PushOutcome::Gone),
        (Answer::status(404), PushOutcome::Unknown),
        (Answer::status(429).with_header("retry-after", "7"), PushOutcome::RetryAfter(Duration::from_secs(7))),
        (Answer::status(429), PushOutcome::Failed),
        (Answer::status(500), PushOutcome::Failed),
        (Answer::status(401), PushOutcome::Refused { status: 401 }),
        (Answer::status(413), PushOutcome::Refused { status: 413 }),
        (Answer::status(302).with_header("location", &elsewhere.endpoint), PushOutcome::Refused { status: 302 }),
        (Answer::status(307).with_header("location", &elsewhere.endpoint), PushOutcome::Refused { status: 307 }),
        (Answer::status(200).with_header("x", &"x".repeat(20_000)), PushOutcome::Failed),
        (Answer::status(0), PushOutcome::Failed),
    ] {
        let device = service.subscribe();
        service.answer(&device.token, answer.clone());
        assert_eq!(web_push.deliver(&message(&web_push, &device, 1), WAIT).await, expected, "{}", answer.status);
    }
    assert!(service.received().iter().all(|received| received.token != elsewhere.token), "redirects are not followed");
}

#[tokio::test]
async fn a_push_service_that_does_not_answer_is_a_failure_that_can_pass() {
    let (service, web_push) = start().await;
    let device = service.subscribe();
    service.answer(&device.token, Answer::status(201).after(Duration::from_hours(1)));
    assert_eq!(web_push.deliver(&message(&web_push, &device, 1), WAIT).await, PushOutcome::Failed);
    assert_eq!(service.received().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_not_exempt_is_refused_like_a_network_failure() {
    let service = PushService::start().await;
    let exempt = web_push(&service, &[service.host()]);
    let device = service.subscribe();
    let message = message(&exempt, &device, 1);
    let guarded = web_push(&service, &[]);
    assert!(guarded.parse(&device.endpoint, &device.p256dh(), &device.auth()).is_err());
    assert_eq!(guarded.deliver(&message, WAIT).await, PushOutcome::Failed);
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let (service, web_push) = start().await;
    let other = PushService::start().await;
    let stranger = self::web_push(&other, &[service.host()]);
    let device = service.subscribe();
    assert_eq!(stranger.deliver(&message(&web_push, &device, 1), WAIT).await, PushOutcome::Failed);
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn of_one_topic_of_a_device_one_message_is_in_flight() {
    let (service, web_push) = start().await;
    let device = service.subscribe();
    service.answer(&device.token, Answer::status(201).after(Duration::from_millis(200)));
    let same = [(); 3].map(|()| message(&web_push, &device, 1));
    let outcomes = join_all(same.iter().map(|message| web_push.deliver(message, WAIT))).await;
    assert_eq!(outcomes, [PushOutcome::Sent { stored: true }; 3]);
    assert_eq!(service.max_in_flight(), 1);

    service.answer(&device.token, Answer::status(201).after(Duration::from_secs(2)));
    let other = message(&web_push, &device, 2);
    let (first, second, third) = tokio::join!(
        web_push.deliver(&same[0], WAIT),
        web_push.deliver(&same[1], Duration::ZERO),
        web_push.deliver(&other, WAIT)
    );
    let sent = PushOutcome::Sent { stored: true };
    assert_eq!([first, second, third], [sent, PushOutcome::Busy, sent]);
    assert_eq!(service.max_in_flight(), 2);
}

#[tokio::test]
async fn a_host_receives_eight_messages_at_once_at_most() {
    let (service, web_push) = start().await;
    let messages: Vec<_> = (0..24)
        .map(|_| {
            let device = service.subscribe();
            service.answer(&device.token, Answer::status(201).after(Duration::from_millis(100)));
            message(&web_push, &device, 1)
        })
        .collect();
    let outcomes = join_all(messages.iter().map(|message| web_push.deliver(message, WAIT))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == PushOutcome::Sent { stored: true }), "{outcomes:?}");
    assert!(service.max_in_flight() <= 8, "{}", service.max_in_flight());
    assert!(service.connections() <= 8, "{}", service.connections());
}

/// What a hostile push service does with a connection.
#[derive(Debug, Clone)]
enum Hostile {
    NoHandshake,
    Silence,
    /// An answer of this beginning, without an end: repeats a text with this delay.
    Endless(&'static str, String, Duration),
}

/// Serves one connection, and returns how many bytes it could send until the client closed it.
async fn serve_hostile(listener: TcpListener, certificates: Certificates, how: Hostile) -> u64 {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = [0; 4_096];
    if matches!(how, Hostile::NoHandshake) {
        while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        return 0;
    }
    let mut stream = certificates.acceptor.accept(stream).await.unwrap();
    let Hostile::Endless(beginning, repeated, delay) = how else {
        while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        return 0;
    };
    let mut sent = beginning.len() as u64;
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(beginning.as_bytes()).await.unwrap();
    while stream.write_all(repeated.as_bytes()).await.is_ok() && stream.flush().await.is_ok() {
        sent += repeated.len() as u64;
        sleep(delay).await;
    }
    sent
}

#[tokio::test]
async fn a_hostile_push_service_keeps_no_connection_and_sends_little() {
    const CREATED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 999999999999\r\n\r\n";
    const ENDLESS_HEAD: &str = "HTTP/1.1 201 Created\r\n";
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\n\r\n";
    /// The system takes more than the client reads.
    const MAX_SENT: u64 = 16 << 20;
    let (at_once, slowly) = (Duration::ZERO, Duration::from_millis(50));
    let much = |text: &str| text.repeat(10_000);
    let cases = [
        (Hostile::NoHandshake, PushOutcome::Failed),
        (Hostile::Silence, PushOutcome::Failed),
        (Hostile::Endless(ENDLESS_HEAD, "a: b\r\n".to_owned(), slowly), PushOutcome::Failed),
        (Hostile::Endless(ENDLESS_HEAD, much("a: b\r\n"), at_once), PushOutcome::Failed),
        (Hostile::Endless("", HINTS.to_owned(), slowly), PushOutcome::Failed),
        (Hostile::Endless("", much(HINTS), at_once), PushOutcome::Failed),
        (Hostile::Endless(CREATED, "a".to_owned(), slowly), PushOutcome::Sent { stored: true }),
        (Hostile::Endless(CREATED, much("a"), at_once), PushOutcome::Sent { stored: true }),
    ];
    let attacks = cases.map(|(how, expected)| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let (certificates, service) = (Certificates::new(), PushService::start().await);
        let mut device = service.subscribe();
        device.endpoint = format!("https://{host}/push");
        let web_push = adapter(&certificates.authority, &[host]);
        let message = message(&web_push, &device, 1);
        let serving = tokio::spawn(serve_hostile(listener, certificates, how));
        assert_eq!(web_push.deliver(&message, WAIT).await, expected);
        // Ends when the connection is closed.
        assert!(serving.await.unwrap() <= MAX_SENT);
    });
    join_all(attacks).await;
}
