//! Signatures, and requests to a gateway on loopback.

use allynet_domain::{
    EmergencyType, Locale, Metres, Secret,
    port::{AlertSummary, MockClock},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use uuid::Uuid;

use super::*;

/// The secret in the tests of the specification's libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn the_signature_is_that_of_the_specification() {
    let secrets: WebhookSecrets = SECRET.parse().unwrap();
    let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn while_secrets_are_rotated_every_request_has_a_signature_with_each() {
    let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 64]));
    let [one, two] = [SECRET, &other].map(|secret| secret.parse::<WebhookSecrets>().unwrap().sign("id", 1, "body"));
    let both: WebhookSecrets = format!("{SECRET}  {other}").parse().unwrap();
    assert_eq!(both.sign("id", 1, "body"), format!("{one} {two}"));
    assert_eq!(format!("{both:?}"), "WebhookSecrets(2)");
}

#[test]
fn a_secret_has_24_to_64_octets() {
    let of = |octets: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; octets])).parse::<WebhookSecrets>();
    assert!([24, 32, 64].into_iter().all(|octets| of(octets).is_ok()));
    assert!([0, 23, 65].into_iter().all(|octets| of(octets).is_err()));
    for wrong in ["", " ", "whsec_", &SECRET[6..], &SECRET.replace("whsec", "whpk"), &format!("{SECRET} x"), "whsec_*"]
    {
        assert!(wrong.parse::<WebhookSecrets>().is_err(), "{wrong}");
    }
}

#[test]
fn requests_in_the_clear_go_to_the_own_network_only() {
    for valid in [
        "https://gateway.example.org/sms?key=1",
        "https://8.8.8.8/",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://10.0.0.7/",
        "http://192.168.1.2/",
        "http://gateway.internal/",
    ] {
        assert!(valid.parse::<WebhookUrl>().is_ok(), "{valid}");
    }
    for wrong in [
        "",
        "gateway",
        "ftp://10.0.0.7/",
        "http://8.8.8.8/",
        "http://169.254.169.254/",
        "http://[2606:4700::1111]/",
        "https://user@gateway.example.org/",
        "https://:password@gateway.example.org/",
        "https://gateway.example.org/#x",
    ] {
        assert!(wrong.parse::<WebhookUrl>().is_err(), "{wrong}");
    }
}

fn alert() -> EscalatedAlert {
    EscalatedAlert {
        id: Uuid::from_u128(1),
        at: "2026-11-06T08:49:30Z".parse().unwrap(),
        phone: Secret::new("+4915112345678".to_owned()),
        locale: Locale::English,
        emergency: Uuid::from_u128(2).into(),
        summary: AlertSummary {
            kind: EmergencyType::Accident,
            distance: Metres::new(480.0),
            link: "https://allynet.example.org/e/2".to_owned(),
        },
        receipt: Secret::new("receipt".to_owned()),
        receipt_url: "https://allynet.example.org/api/v1/alerts/receipts".to_owned(),
    }
}

/// Whether a request has arrived with its whole body.
fn is_complete(request: &[u8]) -> bool {
    let body = str::from_utf8(request).unwrap().split_once("\r\n\r\n").map(|(_, body)| body);
    body.is_some_and(|body| serde_json::from_str::<Value>(body).is_ok())
}

/// Answers one request with this status line, and returns the request.
async fn exchange(status: &str) -> (String, WebhookOutcome) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    let mut clock = MockClock::new();
    clock.expect_now().returning(|| "2026-11-06T08:49:37Z".parse().unwrap());
    let (url, secrets) = (url.parse().unwrap(), SECRET.parse().unwrap());
    let webhook = SignedWebhook::new(url, secrets, Arc::new(clock), &ExtraCa::default()).unwrap();
    let gateway = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !is_complete(&request) {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let alert = alert();
    tokio::join!(gateway, webhook.send(&alert))
}

#[tokio::test]
async fn an_alert_is_sent_as_signed_json() {
    let (request, outcome) = exchange("204 No Content").await;
    assert_eq!(outcome, WebhookOutcome::Sent);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /sms HTTP/1.1\r\n"), "{head}");
    let signature =
        SECRET.parse::<WebhookSecrets>().unwrap().sign(&Uuid::from_u128(1).to_string(), 1_793_954_977, body);
    for header in [
        "content-type: application/json",
        "webhook-id: 00000000-0000-0000-0000-000000000001",
        "webhook-timestamp: 1793954977",
        &format!("webhook-signature: {signature}"),
    ] {
        assert!(head.lines().any(|line| line == header), "{header} in {head}");
    }
    let expected = json!({
        "type": "alert.escalated",
        "timestamp": "2026-11-06T08:49:30.000Z",
        "data": {
            "phone": "+4915112345678",
            "locale": "en",
            "text": "Emergency near you: accident, about 500 m away. https://allynet.example.org/e/2",
            "emergencyId": "00000000-0000-0000-0000-000000000002",
            "receipt": "receipt",
            "receiptUrl": "https://allynet.example.org/api/v1/alerts/receipts",
        },
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn every_other_status_is_a_failure() {
    for status in ["302 Found", "400 Bad Request", "410 Gone", "500 Internal Server Error"] {
        assert_eq!(exchange(status).await.1, WebhookOutcome::Failed, "{status}");
    }
}
